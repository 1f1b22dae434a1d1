//! The executable `sciurus`.

fn main() {}
