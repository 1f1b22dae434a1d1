//! Why a job could not be run or failed.

use std::fmt;

use sciurus_core::config::ConfigError;
use sciurus_core::graph::{GraphError, ParallelismOverrideError};
use sciurus_core::ids::ParseHexIdError;
use sciurus_job_master::checkpoint_coordinator::RequestFailure;
use sciurus_job_master::failure::{FailedTask, JobFailure};
use sciurus_job_master::restart::RestartSettingsError;

/// Why a job could not be run, or failed.
///
/// Debug output is the same text, with the backtrace where there is one: it is what a `main` that
/// returns the error prints.
#[derive(Clone, thiserror::Error)]
pub enum JobError {
    /// The streams make no graph that can run.
    #[error("the job cannot run: {0}")]
    Graph(#[from] GraphError),
    /// A setting cannot be used.
    #[error("the job cannot run: {0}")]
    Configuration(#[from] ConfigError),
    /// The settings of the restart strategy don't fit together.
    #[error("the job cannot run: {0}")]
    RestartStrategy(#[from] RestartSettingsError),
    /// A vertex can't have the number of subtasks that it is to have.
    #[error("the job cannot run: {0}")]
    Parallelism(#[from] ParallelismOverrideError),
    /// What is to have another number of subtasks is no vertex.
    #[error(
        "the job cannot run: '{vertex}' in pipeline.jobvertex-parallelism-overrides is no id of a \
         vertex: {reason}"
    )]
    ParallelismOverride {
        /// The text.
        vertex: String,
        /// What is wrong with it.
        reason: ParseHexIdError,
    },
    /// Checkpoints can't be taken as they are to be, or what the job is to start from can't be read.
    #[error("the job cannot run: {0}")]
    Checkpoints(String),
    /// What was asked of a running job came to nothing.
    #[error("job '{job}': {}", failure.message)]
    Refused {
        /// The job's name.
        job: String,
        /// What happened, in Flink's words.
        failure: RequestFailure,
    },
    /// An operator has no uid, and none may be made up.
    #[error(
        "the job cannot run: operator '{operator}' has no uid, and pipeline.auto-generate-uids is \
         false: call `.uid(\"…\")` on it"
    )]
    MissingUid {
        /// The operator's name.
        operator: String,
    },
    /// A state backend was asked for that this build doesn't have.
    #[error(
        "the job cannot run with state.backend.type: rocksdb, since its executable was built without \
         RocksDB: build it with the feature `rocksdb` of the crate `sciurus`, or set the type to \
         hashmap, which keeps state in memory"
    )]
    BackendNotThere,
    /// Batch execution was asked for, and a source never ends.
    #[error(
        "the job cannot run in BATCH mode, since one of its sources never ends: set \
         execution.runtime-mode to STREAMING or bound the source"
    )]
    UnboundedBatch,
    /// A job that hands its records to the program was started on a cluster.
    #[error(
        "the job cannot run on a cluster: it collects records in the program that runs it, but there \
         its tasks run in other processes: write the records to a sink (`sink_to`) instead of \
         calling `execute_and_collect`"
    )]
    CollectOnCluster,
    /// An operator reads a stream that was made in another environment.
    #[error(
        "the job cannot run: operator '{operator}' reads a stream of another \
         StreamExecutionEnvironment: all streams of a job have to come from the same one"
    )]
    ForeignStream {
        /// The operator's name.
        operator: String,
    },
    /// The job failed and the restart strategy gave up.
    #[error("job '{job}' failed: {}", Told(failure))]
    Failed {
        /// The job's name.
        job: String,
        /// The first cause: the task, the operator and what happened.
        failure: Box<JobFailure>,
    },
    /// The job was cancelled.
    #[error("job '{job}' was cancelled")]
    Cancelled {
        /// The job's name.
        job: String,
    },
    /// The operating system refused something.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match self {
            Self::Failed { failure, .. } => match &failure.failure.cause.details {
                Some(details) => write!(f, "\n{details}"),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// A failure as its user wants to hear of it: the operator first, the restarts last.
struct Told<'a>(&'a JobFailure);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JobFailure { failure, refusal, restarts } = self.0;
        match (&failure.cause.operator, &failure.task) {
            (Some(operator), Some(FailedTask { attempt, parallelism, .. })) => {
                let number = u64::from(attempt.subtask.0) + 1;
                write!(f, "operator '{operator}' ({number}/{parallelism}): ")?;
            }
            (Some(operator), None) => write!(f, "operator '{operator}': ")?,
            (None, Some(task)) => write!(f, "task '{}': ", task.name)?,
            (None, None) => {}
        }
        f.write_str(&failure.cause.message)?;
        match restarts {
            0 => Ok(()),
            1 => write!(f, " (given up after a restart: {refusal})"),
            _ => write!(f, " (given up after {restarts} restarts: {refusal})"),
        }
    }
}
