//! The job's own executable, run by the JobManager: it says what the job is and, as the job's
//! coordinator, runs the enumerators of its sources.
//!
//! The process speaks `job.proto` over the socket that it has as its standard input. It ends with
//! the socket, so none is left behind however the JobManager ends; what it prints goes into a log
//! file of the job.

mod launch;
mod output;
mod process;

use std::path::PathBuf;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobId;
use sciurus_job_master::failure::{FailureCause, Fault};
use tokio::sync::watch;

pub use launch::launch;
pub use process::Coordinator;

/// What a job's `main` may do: only say what the job is, or go on as its coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It says what the job is and ends.
    Planner,
    /// It goes on.
    Coordinator,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Executable {
    /// The file.
    pub path: PathBuf,
    /// Its arguments, the entry first where there is one.
    pub arguments: Vec<String>,
    /// The job that it is run for.
    pub job: JobId,
    /// What the job's configuration begins with.
    pub configuration: Configuration,
    /// Where its output goes.
    pub log: PathBuf,
    /// For a working directory of its own.
    pub tmp_dir: PathBuf,
    /// How long it may take to say what the job is.
    pub timeout: Duration,
    /// What it logs from now on, once that was changed.
    pub log_level: watch::Receiver<Option<String>>,
}

/// What a job's `main` said.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The job.
    pub graph: JobGraph,
    /// Its whole configuration.
    pub configuration: Configuration,
}

/// Says why a job's `main` has not said what the job is.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The process can't be started.
    #[error("can't {action}: {source}")]
    Start {
        /// What was tried.
        action: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It says nothing.
    #[error(
        "the job's main has not said within {timeout:?} what the job is: it has to reach execute(); \
         what takes long belongs into sources, or raise the JobManager's client.timeout{}",
        tail(output)
    )]
    Timeout {
        /// How long it had.
        timeout: Duration,
        /// The last lines of what it printed.
        output: String,
    },
    /// It ended first.
    #[error(
        "the job's main {how} before it had said what the job is, which it does by execute(){}",
        tail(output)
    )]
    Ended {
        /// How: "ended with exit code 1".
        how: String,
        /// The last lines of what it printed.
        output: String,
    },
    /// It refuses.
    #[error("{0}")]
    Refused(FailureCause),
    /// It speaks another protocol.
    #[error(
        "the job was compiled with another version of Sciurus: it speaks version {theirs} of the \
         protocol, this JobManager version {}; compile it with sciurus {}",
        sciurus_rpc::PROTOCOL_VERSION,
        crate::VERSION
    )]
    Protocol {
        /// The version that it speaks.
        theirs: u32,
    },
    /// What it says makes no sense.
    #[error("the job's main has answered with something that makes no sense: {reason}")]
    Senseless {
        /// What is wrong.
        reason: String,
    },
}

impl CoordinatorError {
    /// Describes the error as the failure of a job.
    pub fn to_cause(&self) -> FailureCause {
        let (fault, kind) = match self {
            Self::Refused(cause) => return cause.clone(),
            Self::Start { .. } => (Fault::Environment, "CoordinatorNotStarted"),
            Self::Timeout { .. } => (Fault::User, "PlanTimeout"),
            Self::Ended { .. } => (Fault::User, "MainEnded"),
            Self::Protocol { .. } => (Fault::User, "ProtocolMismatch"),
            Self::Senseless { .. } => (Fault::User, "SenselessPlan"),
        };
        FailureCause::new(fault, kind, self.to_string())
    }
}

fn tail(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!("; it printed last:\n{output}") }
}
