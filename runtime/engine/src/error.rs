//! Why a task fails.

use std::sync::Arc;

use sciurus_core::BoxError;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::record::{DecodeError, SchemaMismatch};
use sciurus_state::StateError;

/// Why an operator or the task around it failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TaskError {
    /// A user function returned an error.
    #[error("{0}")]
    User(Arc<dyn std::error::Error + Send + Sync>),
    /// A user function or an operator panicked.
    #[error("panicked: {message}{}{place}", if place.is_empty() { "" } else { ", at " })]
    Panic {
        /// The panic's message.
        message: String,
        /// The place in the source code, as `file:line:column`; empty where it isn't known.
        place: String,
        /// The backtrace, where the environment asks for one (`RUST_BACKTRACE`).
        backtrace: Option<Arc<str>>,
    },
    /// A source or sink failed.
    #[error("{0}")]
    Connector(Arc<dyn std::error::Error + Send + Sync>),
    /// A state access failed.
    #[error("{0}")]
    State(#[from] StateError),
    /// A key or value could not be read back from its binary form.
    #[error("a key cannot be read back: {0}")]
    Decode(#[from] DecodeError),
    /// A batch doesn't hold what the operator expects.
    #[error("{0}")]
    Schema(#[from] SchemaMismatch),
    /// A side output was given records of two types.
    #[error("the side output `{id}` is given records of two types: give each type its own tag")]
    SideOutputType {
        /// The tag's id.
        id: Arc<str>,
    },
    /// A custom partitioner named a partition that isn't there.
    #[error(
        "a custom partitioner chose partition {partition} of {partitions}: partitions are counted \
         from 0"
    )]
    PartitionOutOfRange {
        /// What it named.
        partition: usize,
        /// How many there are.
        partitions: usize,
    },
    /// The task was cancelled.
    #[error("the task was cancelled")]
    Cancelled,
    /// A peer of this task is gone.
    #[error("the {peer} is gone")]
    PeerGone {
        /// What the task was connected to.
        peer: &'static str,
    },
    /// The worker at the other end of a channel can't be reached any more.
    #[error("the worker at {address} is gone: {reason}")]
    WorkerGone {
        /// Where it listened for data.
        address: Arc<str>,
        /// How that was noticed.
        reason: Arc<str>,
    },
    /// What arrived from another worker can't be read, or rows can't be put into that form.
    #[error("a batch can't travel between workers: {reason}")]
    Frame {
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// A checkpoint, or a part of it, is gone or damaged: an earlier one is needed.
    #[error("checkpoint {checkpoint} can't be restored: {reason}")]
    CheckpointUnreadable {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Which file, and what is wrong with it.
        reason: Arc<str>,
    },
    /// State can't be restored, though the checkpoint may be sound: its storage can't be reached, or
    /// it doesn't fit the job.
    #[error("state can't be restored: {reason}")]
    Restore {
        /// What stands against it, and what to do.
        reason: Arc<str>,
    },
    /// A savepoint failed that the job was to end with, after event time had ended.
    #[error(
        "savepoint {savepoint} failed, which the job was to be drained and to end with: it goes on \
         from its latest checkpoint"
    )]
    StopFailed {
        /// The savepoint.
        savepoint: CheckpointId,
    },
    /// An invariant of the engine does not hold.
    #[error("a defect of the engine: {0}")]
    Defect(&'static str),
    /// The function that leads rows to the subtasks of an operator failed: its key or partitioner.
    #[error("in the key or partition function before it: {error}")]
    Partitioning {
        /// What went wrong in it.
        error: Box<TaskError>,
    },
    /// An error with the operator it came from.
    #[error("operator '{operator}': {error}")]
    InOperator {
        /// The operator's name.
        operator: Arc<str>,
        /// What went wrong in it.
        error: Box<TaskError>,
    },
}

impl TaskError {
    /// Makes an error of what a user function returned.
    pub fn user(error: BoxError) -> Self {
        Self::User(Arc::from(error))
    }

    /// Makes an error of what a source or sink returned.
    pub fn connector(error: BoxError) -> Self {
        Self::Connector(Arc::from(error))
    }

    /// Names the operator the error came from, unless one is named already: the innermost is the
    /// cause.
    #[must_use]
    pub fn in_operator(self, operator: &Arc<str>) -> Self {
        match self {
            Self::InOperator { .. } | Self::Cancelled => self,
            error => Self::InOperator { operator: operator.clone(), error: Box::new(error) },
        }
    }

    /// The defect of an operator that is used without having been opened.
    pub(crate) const NOT_OPENED: Self = Self::Defect("an operator that was not opened");

    /// Returns the operator the error came from, where one is named.
    pub fn operator(&self) -> Option<&str> {
        match self {
            Self::InOperator { operator, .. } => Some(operator),
            _ => None,
        }
    }

    /// Returns the error without the operator's name.
    pub fn root(&self) -> &Self {
        match self {
            Self::InOperator { error, .. } => error.root(),
            error => error,
        }
    }

    /// Returns the checkpoint that an earlier one has to take the place of, since it can't be read.
    pub fn unreadable_checkpoint(&self) -> Option<CheckpointId> {
        match self.innermost() {
            Self::CheckpointUnreadable { checkpoint, .. } => Some(*checkpoint),
            _ => None,
        }
    }

    /// Returns the innermost error: without the operator's name and without where in it.
    pub fn innermost(&self) -> &Self {
        match self {
            Self::InOperator { error, .. } | Self::Partitioning { error } => error.innermost(),
            error => error,
        }
    }
}

/// What engine code returns.
pub type TaskResult<T = ()> = Result<T, TaskError>;
