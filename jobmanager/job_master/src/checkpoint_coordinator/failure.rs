//! Why a checkpoint comes to nothing.

use std::fmt;

use super::RequestFailure;

/// Why a checkpoint came to nothing, or was never begun: Flink's `CheckpointFailureReason`, printed
/// as Flink prints it, with what is known besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointFailure {
    /// A task that takes part isn't running.
    NotAllTasksRunning,
    /// Some tasks have finished, and checkpoints aren't to go on then.
    TasksFinished,
    /// The job keeps results between its tasks.
    BlockingExchange,
    /// The enumerators of the sources could not be asked.
    Sources(String),
    /// A task has declined.
    Declined(String),
    /// A task that was to take part has finished instead.
    TaskClosing,
    /// It took too long.
    Expired,
    /// A later one is complete.
    Subsumed,
    /// The metadata could not be written.
    Finalize(String),
    /// The job is stopped with a savepoint, cancelled, or has ended.
    Suspended,
    /// Tasks have failed.
    JobFailover,
    /// The job changes its parallelism.
    Rescaled,
}

impl CheckpointFailure {
    /// Says whether it counts against the failures that are tolerated: whether something is wrong
    /// with checkpoints, as opposed to the job.
    pub const fn counts(&self) -> bool {
        matches!(self, Self::Sources(_) | Self::Declined(_) | Self::Expired | Self::Finalize(_))
    }

    /// Describes it as the failure of a user's request.
    pub(crate) fn to_request_failure(&self) -> RequestFailure {
        RequestFailure::new(
            "org.apache.flink.runtime.checkpoint.CheckpointException",
            self.to_string(),
        )
    }
}

impl fmt::Display for CheckpointFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = match self {
            Self::NotAllTasksRunning => ("Not all required tasks are currently running.", None),
            Self::TasksFinished => (
                "Some tasks of the job have already finished and checkpointing with finished \
                 tasks is not enabled.",
                None,
            ),
            Self::BlockingExchange => ("Blocking edges exist in the job.", None),
            Self::Sources(detail) => ("Trigger checkpoint failure.", Some(detail)),
            Self::Declined(detail) => ("Checkpoint was declined.", Some(detail)),
            Self::TaskClosing => ("Checkpoint was declined (task is closing)", None),
            Self::Expired => ("Checkpoint expired before completing.", None),
            Self::Subsumed => ("Checkpoint has been subsumed.", None),
            Self::Finalize(detail) => ("Failure to finalize checkpoint.", Some(detail)),
            Self::Suspended => ("Checkpoint Coordinator is suspending.", None),
            Self::JobFailover => ("The job has failed.", None),
            Self::Rescaled => ("The job is restarted with other parallelism.", None),
        };
        formatter.write_str(text)?;
        match detail {
            Some(detail) => write!(formatter, " {detail}"),
            None => Ok(()),
        }
    }
}
