//! Why a job could not be run or failed.

use sciurus_core::graph::GraphError;
use sciurus_engine::TaskError;

/// Why a job could not be run, or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JobError {
    /// The streams make no graph that can run.
    #[error("the job's graph cannot run: {0}")]
    Graph(#[from] GraphError),
    /// A source could not be started.
    #[error("the job cannot start: {0}")]
    Start(#[source] TaskError),
    /// A subtask failed and the restart strategy gave up.
    #[error("the job failed in {task} ({subtask}/{parallelism}): {error}")]
    Failed {
        /// The task's name.
        task: String,
        /// The subtask, counted from 1.
        subtask: u32,
        /// How many subtasks there are.
        parallelism: u32,
        /// The first cause.
        #[source]
        error: TaskError,
    },
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The operating system refused something.
    #[error("cannot {action}: {reason}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
}
