//! What the executable `sciurus` does: it is `JobManager`, `TaskManager`, and the user's command.
//!
//! The first word chooses, or the name under which the executable is called ([`multicall`]).
//! [`arguments`] says what the command line looks like, [`spelling`] lets Flink's spelling of it
//! pass. [`commands`] are the user's, over the JobManager's REST API ([`rest`]); [`process`] runs
//! managers; [`local`] starts and stops a cluster of them on this machine.

mod arguments;
mod commands;
mod configuration;
#[cfg(test)]
mod docs;
mod error;
mod local;
mod multicall;
mod process;
mod rest;
mod spelling;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use arguments::{Arguments, Command};
pub use error::Error;
use multicall::Call;

/// Does what the arguments of the process say, the executable's own name first, and returns what
/// the process ends with: 0 if it worked, 1 if it didn't, 2 if the arguments made no sense.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words = match Call::of(arguments.into_iter().collect()) {
        Call::Own(words) => words,
        Call::Other(words) => return multicall::take_place_of(&words),
        Call::Sleep(words) => return multicall::sleep(&words),
        Call::Usage => {
            print!("{}", multicall::USAGE);
            return ExitCode::SUCCESS;
        }
        Call::Refused(refusal) => {
            eprintln!("error: {refusal}");
            return ExitCode::FAILURE;
        }
    };
    let command = Arguments::command();
    let words = spelling::modern(&command, words);
    let parsed = command
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        // Prints help to the standard output, complaints to standard error.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Run(arguments) => return commands::run::run(&arguments),
        Command::Info(arguments) => commands::info::run(&arguments)?,
        Command::List(arguments) => commands::list::run(&arguments)?,
        Command::Cancel(arguments) => commands::cancel::run(&arguments)?,
        Command::Stop(arguments) => commands::stop::run(&arguments)?,
        Command::Savepoint(arguments) => commands::savepoint::run(&arguments)?,
        Command::Checkpoint(arguments) => commands::checkpoint::run(&arguments)?,
        Command::Rescale(arguments) => commands::rescale::run(&arguments)?,
        Command::Logs(arguments) => commands::logs::run(&arguments)?,
        Command::Package(arguments) => commands::package::run(&arguments)?,
        Command::Cluster(arguments) => return local::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments)?,
        Command::LogLevel(arguments) => commands::log_level::run(&arguments)?,
        Command::Completions(arguments) => commands::completions::run(&arguments)?,
        Command::Jobmanager(arguments) => return process::jobmanager::run(&arguments),
        Command::Taskmanager(arguments) => return process::taskmanager::run(&arguments),
        Command::Operator(arguments) => return process::operator::run(arguments),
        Command::StandaloneJob(arguments) => return process::standalone_job::run(arguments),
    }
    Ok(ExitCode::SUCCESS)
}
