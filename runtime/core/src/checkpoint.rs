//! What a checkpoint is and what travels through the job to take one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Numbers the checkpoints and savepoints of a job, from 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct CheckpointId(pub u64);

impl CheckpointId {
    /// Returns the id of the checkpoint after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a snapshot of a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SnapshotKind {
    /// For recovery; it may refer to files of earlier checkpoints.
    Checkpoint,
    /// For recovery; it refers to no file of an earlier checkpoint.
    FullCheckpoint,
    /// For the user, who owns it: it refers to no file of a checkpoint.
    Savepoint {
        /// In which form state is written.
        format: SavepointFormat,
        /// Whether the job ends with it, and how.
        ending: Option<Ending>,
    },
}

impl SnapshotKind {
    /// Returns whether the user owns it.
    pub const fn is_savepoint(self) -> bool {
        matches!(self, Self::Savepoint { .. })
    }

    /// Returns how the job ends with it, if it does.
    pub const fn ending(self) -> Option<Ending> {
        match self {
            Self::Savepoint { ending, .. } => ending,
            Self::Checkpoint | Self::FullCheckpoint => None,
        }
    }
}

/// In which form a savepoint holds keyed state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SavepointFormat {
    /// One that every state backend reads.
    #[default]
    Canonical,
    /// The state backend's own, which is faster to write.
    Native,
}

/// How a job ends with a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ending {
    /// As it stands, to be resumed: windows and timers stay in the savepoint.
    Suspend,
    /// For good: event time ends first, so that all windows and timers fire.
    Drain,
}

/// What separates the records before a checkpoint from those behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointBarrier {
    /// The checkpoint.
    pub id: CheckpointId,
    /// When it was triggered, milliseconds since the Unix epoch.
    pub timestamp: Timestamp,
    /// What it is for.
    pub kind: SnapshotKind,
    /// Whether a task waits for the barriers of all its channels before it reads on behind one.
    pub alignment: Alignment,
    /// The URL of the folder that holds what belongs to this checkpoint alone, without a slash at
    /// the end: `<dir>/<job-id>/chk-<n>` or a savepoint's.
    pub exclusive: String,
    /// The URL of the folder of files that several checkpoints refer to: `<dir>/<job-id>/shared`.
    /// Savepoints have none: what they hold lies in `exclusive`.
    pub shared: Option<String>,
}

/// Whether channels wait for one another's barriers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Alignment {
    /// They do: each record counts in a checkpoint or is read again, never both.
    #[default]
    ExactlyOnce,
    /// They don't: records between the first and the last barrier count and are read again.
    AtLeastOnce,
}
