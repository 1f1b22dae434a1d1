//! The example jobs of Sciurus, in one executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    examples::run(std::env::args_os())
}
