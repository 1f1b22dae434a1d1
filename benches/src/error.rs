//! What can go wrong while benchmarking.

use std::io;
use std::process::ExitStatus;

use sciurus_bench_corpus::FileError;
pub use sciurus_bench_corpus::IoContext;

/// The result of a benchmark's step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while benchmarking.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A job failed.
    #[error(transparent)]
    Job(#[from] sciurus::JobError),
    /// A child process can't be started or waited for.
    #[error("cannot run a program as a child process: {0}")]
    Child(#[source] io::Error),
    /// A child process failed.
    #[error("{program} ended with {status}")]
    ProgramFailed {
        /// The program that it ran.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
    },
    /// A child process printed something else than its outcome.
    #[error("{program} printed no outcome: {source}")]
    NoOutcome {
        /// The program that it ran.
        program: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There is no valgrind, or it can't be run.
    #[error("cannot run valgrind, which counts instructions: {0}; install it (Debian: valgrind)")]
    Valgrind(#[source] io::Error),
    /// Valgrind has written something else than a count.
    #[error("valgrind counted no instructions of {program}")]
    NoInstructions {
        /// The program that it ran.
        program: &'static str,
    },
    /// Two programs of the same work came to different results.
    #[error("{program} and {other} disagree about the {quantity}: {ours} and {theirs}")]
    Disagreement {
        /// The program.
        program: &'static str,
        /// The one it is compared with.
        other: &'static str,
        /// What was counted.
        quantity: &'static str,
        /// The program's figure.
        ours: u64,
        /// The other's figure.
        theirs: u64,
    },
    /// Nothing was measured.
    #[error("no round was run: nothing to report")]
    NoRounds,
    /// There is no such program.
    #[error("there is no benchmark {name:?}; there are: {known}")]
    UnknownProgram {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// There is no text to run on.
    #[error(transparent)]
    Corpus(#[from] sciurus_bench_corpus::Error),
    /// The report can't be written as JSON.
    #[error("cannot write the report as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
