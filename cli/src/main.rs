//! The executable `sciurus`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sciurus_cli::main(std::env::args_os())
}
