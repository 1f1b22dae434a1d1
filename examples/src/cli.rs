//! The command line: which job, with which arguments.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::Error;
use crate::billing::Billing;
use crate::iot_alerts::IotAlerts;
use crate::last_seen::LastSeen;
use crate::session_windowing::SessionWindowing;
use crate::socket_window_word_count::SocketWindowWordCount;
use crate::state_machine::StateMachineExample;
use crate::top_speed_windowing::TopSpeedWindowing;
use crate::windowed_word_count::WindowedWordCount;
use crate::word_count::WordCount;

/// Example jobs of Sciurus.
///
/// The first word chooses the job. So does the name of the executable: a link to it that is called
/// `word_count` runs that job. The names of Flink's examples (`WordCount`) do as well.
#[derive(Debug, Parser)]
#[command(name = "sciurus-examples", version, max_term_width = 100)]
#[command(subcommand_value_name = "JOB", subcommand_help_heading = "Jobs")]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Debug, Subcommand)]
#[command(rename_all = "snake_case")]
enum Job {
    #[command(visible_alias = "WordCount")]
    WordCount(WordCount),
    #[command(visible_alias = "WindowWordCount")]
    WindowedWordCount(WindowedWordCount),
    #[command(visible_alias = "SocketWindowWordCount")]
    SocketWindowWordCount(SocketWindowWordCount),
    #[command(visible_alias = "SessionWindowing")]
    SessionWindowing(SessionWindowing),
    #[command(visible_alias = "TopSpeedWindowing")]
    TopSpeedWindowing(TopSpeedWindowing),
    #[command(visible_alias = "StateMachineExample")]
    StateMachine(StateMachineExample),
    #[command(visible_alias = "IotAlerts")]
    IotAlerts(IotAlerts),
    #[command(visible_alias = "Billing")]
    Billing(Billing),
    #[command(visible_alias = "LastSeen")]
    LastSeen(LastSeen),
}

impl Job {
    fn run(&self) -> Result<(), Error> {
        match self {
            Self::WordCount(job) => job.run(),
            Self::WindowedWordCount(job) => job.run(),
            Self::SocketWindowWordCount(job) => job.run(),
            Self::SessionWindowing(job) => job.run(),
            Self::TopSpeedWindowing(job) => job.run(),
            Self::StateMachine(job) => job.run(),
            Self::IotAlerts(job) => job.run(),
            Self::Billing(job) => job.run(),
            Self::LastSeen(job) => job.run(),
        }
    }
}

/// Runs the job that the arguments of the process choose.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(with_job(arguments)) {
        Ok(arguments) => arguments,
        // Prints help to the standard output, complaints to standard error.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match arguments.job.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Puts the job's name where it belongs: behind the executable's, if that names the job; and in
/// place of an entry class of Flink's (`org.apache.flink.….WordCount`).
fn with_job(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    let executable = arguments.first().and_then(|path| Path::new(path).file_stem());
    if let Some(job) = executable.and_then(job_called) {
        arguments.insert(1, job.into());
    } else if let Some(first) = arguments.get_mut(1)
        && let Some(job) =
            first.to_str().and_then(|name| name.rsplit('.').next()).and_then(job_called)
    {
        *first = job.into();
    }
    arguments
}

fn job_called(name: impl AsRef<OsStr>) -> Option<String> {
    let command = Arguments::command();
    command.find_subcommand(name).map(|job| job.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(arguments: &[&str]) -> Vec<String> {
        let arguments = with_job(arguments.iter().map(OsString::from));
        arguments.into_iter().skip(1).map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_first_word_chooses_the_job() {
        assert_eq!(
            resolved(&["sciurus-examples", "word_count", "-p", "2"]),
            ["word_count", "-p", "2"]
        );
        assert_eq!(resolved(&["sciurus-examples", "WordCount"]), ["word_count"]);
        assert_eq!(resolved(&["x", "org.apache.flink.examples.WordCount"]), ["word_count"]);
    }

    #[test]
    fn the_executables_name_chooses_the_job() {
        for name in ["word_count", "/opt/bin/word_count", "WordCount", "word_count.exe"] {
            assert_eq!(resolved(&[name, "--help"]), ["word_count", "--help"]);
        }
    }

    #[test]
    fn other_words_are_left_alone() {
        assert_eq!(resolved(&["sciurus-examples", "--help"]), ["--help"]);
        assert_eq!(resolved(&["sciurus-examples", "count_words"]), ["count_words"]);
        assert!(resolved(&["sciurus-examples"]).is_empty());
    }
}
