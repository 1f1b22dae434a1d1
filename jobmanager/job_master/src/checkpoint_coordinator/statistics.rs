//! What is shown of a job's checkpoints.

mod checkpoint;
mod summary;

use std::collections::{BTreeMap, VecDeque};

use sciurus_checkpoint::TaskAcknowledgement;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;

pub use checkpoint::{
    CheckpointStats, CheckpointStatus, SubtaskCheckpointStats, TaskCheckpointStats,
};
pub use summary::StatsSummary;

/// How many checkpoints there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointCounts {
    /// How often the job was restored from one.
    pub restored: u64,
    /// How many were begun.
    pub total: u64,
    /// How many are under way.
    pub in_progress: u64,
    /// How many are complete.
    pub completed: u64,
    /// How many came to nothing.
    pub failed: u64,
}

/// Sums up the figures of all complete checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// Bytes written for each.
    pub checkpointed_bytes: StatsSummary,
    /// Bytes of state in each.
    pub state_bytes: StatsSummary,
    /// Milliseconds from the trigger to the last acknowledgement.
    pub duration_ms: StatsSummary,
    /// Bytes of records processed during alignment.
    pub processed_bytes: StatsSummary,
    /// Bytes of records in each.
    pub persisted_bytes: StatsSummary,
}

/// The checkpoint that the job was last restored from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredCheckpoint {
    /// Its number.
    pub id: CheckpointId,
    /// When the job was restored.
    pub restore_timestamp: Timestamp,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
    /// The URL of its folder.
    pub external_path: String,
}

/// What is shown of a job's checkpoints: Flink's `CheckpointStatsSnapshot`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointStatistics {
    history_size: usize,
    counts: CheckpointCounts,
    summary: CheckpointSummary,
    in_progress: BTreeMap<CheckpointId, CheckpointStats>,
    /// Those that have ended, the newest first.
    ended: VecDeque<CheckpointStats>,
    latest_completed: Option<Box<CheckpointStats>>,
    latest_savepoint: Option<Box<CheckpointStats>>,
    latest_failed: Option<Box<CheckpointStats>>,
    latest_restored: Option<RestoredCheckpoint>,
}

impl CheckpointStatistics {
    /// Starts without any; so many are shown.
    pub(crate) fn new(history_size: usize) -> Self {
        Self { history_size, ..Self::default() }
    }

    /// Returns how many there were.
    pub fn counts(&self) -> CheckpointCounts {
        self.counts
    }

    /// Returns the summed up figures of all complete ones.
    pub fn summary(&self) -> &CheckpointSummary {
        &self.summary
    }

    /// Goes through those that are shown, the newest first.
    pub fn history(&self) -> impl Iterator<Item = &CheckpointStats> {
        let mut shown: Vec<_> = self.in_progress.values().chain(&self.ended).collect();
        shown.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.id));
        shown.into_iter().take(self.history_size)
    }

    /// Returns a checkpoint, if it is still shown.
    pub fn checkpoint(&self, id: CheckpointId) -> Option<&CheckpointStats> {
        let latest = [&self.latest_completed, &self.latest_savepoint, &self.latest_failed];
        let latest = latest.into_iter().flatten().map(Box::as_ref);
        let mut ended = self.ended.iter().chain(latest);
        self.in_progress.get(&id).or_else(|| ended.find(|checkpoint| checkpoint.id == id))
    }

    /// Returns the latest complete checkpoint that is no savepoint.
    pub fn latest_completed(&self) -> Option<&CheckpointStats> {
        self.latest_completed.as_deref()
    }

    /// Returns the latest complete savepoint.
    pub fn latest_savepoint(&self) -> Option<&CheckpointStats> {
        self.latest_savepoint.as_deref()
    }

    /// Returns the latest one that came to nothing.
    pub fn latest_failed(&self) -> Option<&CheckpointStats> {
        self.latest_failed.as_deref()
    }

    /// Returns the one that the job was last restored from.
    pub fn latest_restored(&self) -> Option<&RestoredCheckpoint> {
        self.latest_restored.as_ref()
    }

    pub(crate) fn begin(&mut self, checkpoint: CheckpointStats) {
        self.counts.total += 1;
        self.counts.in_progress += 1;
        self.in_progress.insert(checkpoint.id, checkpoint);
    }

    pub(crate) fn acknowledge(
        &mut self,
        id: CheckpointId,
        vertex: JobVertexId,
        subtask: usize,
        acknowledgement: &TaskAcknowledgement,
        now: Timestamp,
    ) {
        if let Some(checkpoint) = self.in_progress.get_mut(&id) {
            checkpoint.acknowledge(vertex, subtask, acknowledgement, now);
        }
    }

    pub(crate) fn complete(&mut self, id: CheckpointId, path: &str, metadata_bytes: u64) {
        let Some(mut checkpoint) = self.end(id) else { return };
        self.counts.completed += 1;
        checkpoint.metadata_bytes = metadata_bytes;
        let external_path = path.to_owned();
        checkpoint.status = CheckpointStatus::Completed { external_path, is_discarded: false };
        let summary = &mut self.summary;
        summary.checkpointed_bytes.add(checkpoint.checkpointed_bytes());
        summary.state_bytes.add(checkpoint.state_bytes());
        summary.duration_ms.add(checkpoint.duration_ms(checkpoint.trigger_timestamp));
        summary.processed_bytes.add(checkpoint.sum(|subtask| subtask.metrics.processed_bytes));
        summary.persisted_bytes.add(checkpoint.sum(|subtask| subtask.metrics.persisted_bytes));
        let latest = if checkpoint.kind.is_savepoint() {
            &mut self.latest_savepoint
        } else {
            &mut self.latest_completed
        };
        if latest.as_ref().is_none_or(|latest| latest.id < id) {
            *latest = Some(Box::new(checkpoint.clone()));
        }
        self.show(checkpoint);
    }

    pub(crate) fn fail(&mut self, id: CheckpointId, message: String, timestamp: Timestamp) {
        let Some(mut checkpoint) = self.end(id) else { return };
        self.counts.failed += 1;
        checkpoint.status = CheckpointStatus::Failed { timestamp, message };
        self.latest_failed = Some(Box::new(checkpoint.clone()));
        self.show(checkpoint);
    }

    pub(crate) fn discarded(&mut self, id: CheckpointId) {
        let latest = self.latest_completed.as_deref_mut().into_iter();
        for checkpoint in self.ended.iter_mut().chain(latest) {
            if let (true, CheckpointStatus::Completed { is_discarded, .. }) =
                (checkpoint.id == id, &mut checkpoint.status)
            {
                *is_discarded = true;
            }
        }
    }

    pub(crate) fn restored(&mut self, restored: RestoredCheckpoint) {
        self.counts.restored += 1;
        self.latest_restored = Some(restored);
    }

    fn end(&mut self, id: CheckpointId) -> Option<CheckpointStats> {
        let checkpoint = self.in_progress.remove(&id)?;
        self.counts.in_progress -= 1;
        Some(checkpoint)
    }

    fn show(&mut self, checkpoint: CheckpointStats) {
        self.ended.push_front(checkpoint);
        self.ended.truncate(self.history_size);
    }
}
