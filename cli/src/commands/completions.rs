//! `completions`: what a shell needs to complete commands.

use clap::CommandFactory;

use super::output;
use crate::Error;
use crate::arguments::{Arguments, Completions};

/// Prints a shell's completions.
pub fn run(arguments: &Completions) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "sciurus", &mut script);
    output::copy(script.as_slice())
}
