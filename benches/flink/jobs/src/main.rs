//! The jobs that Sciurus and JVM Flink are compared by, in one executable.
//!
//! The first argument chooses the job. `benches/flink/java` has the same jobs with the same options
//! for Flink; what keys and checksums are made of is the same arithmetic in both.

mod ages;
mod arithmetic;
mod digest;
mod keyed_count;
mod output;
mod paced;
mod word_count;

use std::process::ExitCode;

use clap::Parser;
use sciurus::JobError;

use keyed_count::KeyedCount;
use paced::Paced;
use word_count::WordCount;

/// A job.
#[derive(Debug, Parser)]
#[command(name = "sciurus-bench-flink-jobs", rename_all = "snake_case")]
enum Job {
    WordCount(WordCount),
    Keyed(KeyedCount),
    Paced(Paced),
}

impl Job {
    fn run(self) -> Result<(), JobError> {
        match self {
            Self::WordCount(job) => job.run(),
            Self::Keyed(job) => job.run(),
            Self::Paced(job) => job.run(),
        }
    }
}

fn main() -> ExitCode {
    match Job::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
