//! How one checkpoint went.

use sciurus_checkpoint::{TaskAcknowledgement, TaskCheckpointMetrics};
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;

use super::StatsSummary;

/// How a checkpoint stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointStatus {
    /// Not all is in.
    InProgress,
    /// It is complete and durable.
    Completed {
        /// The URL of its folder.
        external_path: String,
        /// It was deleted.
        is_discarded: bool,
    },
    /// It came to nothing.
    Failed {
        /// When.
        timestamp: Timestamp,
        /// Why, in Flink's words where it has any.
        message: String,
    },
}

impl CheckpointStatus {
    /// Returns Flink's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed { .. } => "COMPLETED",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// How one subtask fared with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtaskCheckpointStats {
    /// When its acknowledgement came.
    pub ack_timestamp: Timestamp,
    /// How many bytes its state is.
    pub state_bytes: u64,
    /// How many bytes it wrote for this checkpoint, and how long what took.
    pub metrics: TaskCheckpointMetrics,
}

/// How the subtasks of one vertex fared with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskCheckpointStats {
    /// The vertex.
    pub vertex: JobVertexId,
    /// Each of its subtasks; `None` until it has acknowledged.
    pub subtasks: Vec<Option<SubtaskCheckpointStats>>,
}

impl TaskCheckpointStats {
    /// Goes through the subtasks that have acknowledged.
    pub fn acknowledged(&self) -> impl Iterator<Item = &SubtaskCheckpointStats> {
        self.subtasks.iter().flatten()
    }

    /// Returns when the last acknowledgement came.
    pub fn latest_ack(&self) -> Option<Timestamp> {
        self.acknowledged().map(|subtask| subtask.ack_timestamp).max()
    }

    /// Sums up a figure of the subtasks that have acknowledged.
    pub fn summary(&self, figure: impl Fn(&SubtaskCheckpointStats) -> u64) -> StatsSummary {
        self.acknowledged().map(figure).collect()
    }

    /// Adds up a figure of the subtasks that have acknowledged.
    pub fn sum(&self, figure: impl Fn(&SubtaskCheckpointStats) -> u64) -> u64 {
        self.acknowledged().map(figure).sum()
    }
}

/// How a checkpoint went, or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointStats {
    /// Its number.
    pub id: CheckpointId,
    /// What it is for.
    pub kind: SnapshotKind,
    /// When it was triggered.
    pub trigger_timestamp: Timestamp,
    /// How it stands.
    pub status: CheckpointStatus,
    /// How many bytes its `_metadata` has, once it is written.
    pub metadata_bytes: u64,
    /// The vertices of the job, in topological order.
    pub tasks: Vec<TaskCheckpointStats>,
}

impl CheckpointStats {
    /// Returns Flink's name of the type of snapshot.
    pub const fn checkpoint_type(&self) -> &'static str {
        match self.kind {
            SnapshotKind::Checkpoint => "CHECKPOINT",
            SnapshotKind::FullCheckpoint => "FULL_CHECKPOINT",
            SnapshotKind::Savepoint { ending: None, .. } => "SAVEPOINT",
            SnapshotKind::Savepoint { ending: Some(_), .. } => "SYNC_SAVEPOINT",
        }
    }

    /// Returns the figures of a vertex.
    pub fn task(&self, vertex: JobVertexId) -> Option<&TaskCheckpointStats> {
        self.tasks.iter().find(|task| task.vertex == vertex)
    }

    /// Returns how many subtasks there are.
    pub fn subtasks(&self) -> usize {
        self.tasks.iter().map(|task| task.subtasks.len()).sum()
    }

    /// Returns how many subtasks have acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.tasks.iter().map(|task| task.acknowledged().count()).sum()
    }

    /// Returns when the last acknowledgement came.
    pub fn latest_ack(&self) -> Option<Timestamp> {
        self.tasks.iter().filter_map(TaskCheckpointStats::latest_ack).max()
    }

    /// Returns how many bytes the state of all subtasks is.
    pub fn state_bytes(&self) -> u64 {
        self.sum(|subtask| subtask.state_bytes)
    }

    /// Returns how many bytes were written for this checkpoint.
    pub fn checkpointed_bytes(&self) -> u64 {
        self.sum(|subtask| subtask.metrics.written_bytes)
    }

    /// Adds up a figure of all subtasks that have acknowledged.
    pub fn sum(&self, figure: impl Fn(&SubtaskCheckpointStats) -> u64 + Copy) -> u64 {
        self.tasks.iter().map(|task| task.sum(figure)).sum()
    }

    /// Returns the milliseconds from the trigger to the last acknowledgement, to the failure, or to
    /// `now`.
    pub fn duration_ms(&self, now: Timestamp) -> u64 {
        let end = match self.status {
            CheckpointStatus::InProgress => now,
            CheckpointStatus::Completed { .. } => {
                self.latest_ack().unwrap_or(self.trigger_timestamp)
            }
            CheckpointStatus::Failed { timestamp, .. } => timestamp,
        };
        millis_between(self.trigger_timestamp, end)
    }

    pub(crate) fn acknowledge(
        &mut self,
        vertex: JobVertexId,
        subtask: usize,
        acknowledgement: &TaskAcknowledgement,
        now: Timestamp,
    ) {
        let task = self.tasks.iter_mut().find(|task| task.vertex == vertex);
        if let Some(place) = task.and_then(|task| task.subtasks.get_mut(subtask)) {
            *place = Some(SubtaskCheckpointStats {
                ack_timestamp: now,
                state_bytes: acknowledgement.state.bytes(),
                metrics: acknowledgement.metrics,
            });
        }
    }
}

/// Returns the milliseconds from one time to another, none if that isn't later.
fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}
