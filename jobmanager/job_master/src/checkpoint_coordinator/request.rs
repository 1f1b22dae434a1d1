//! What users ask of a job while it runs, and how they are answered.

use std::fmt;

use sciurus_core::checkpoint::CheckpointId;

/// Tells one request of a user from the others of the same job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Who wants a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A user.
    User(RequestId),
    /// The job itself, before it changes its parallelism.
    Rescale,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// A checkpoint or savepoint is complete and durable; if it was to end the job, the job has
    /// finished.
    Snapshot {
        /// Its number.
        checkpoint: CheckpointId,
        /// The URL of its folder.
        path: String,
    },
    /// The job's new bounds are in force; it is or will be running with them.
    Requirements,
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFailure {
    /// Flink's class of the error, for clients that look at it.
    pub class: &'static str,
    /// What happened, in Flink's words where it has any.
    pub message: String,
}

impl RequestFailure {
    /// Describes a failure by Flink's class and a message.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for RequestFailure {}
