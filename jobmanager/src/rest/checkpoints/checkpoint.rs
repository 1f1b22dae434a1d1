//! One checkpoint as Flink shows it.

use std::collections::BTreeMap;

use sciurus_core::checkpoint::{CheckpointId, SavepointFormat, SnapshotKind};
use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::statistics::{
    CheckpointStats, CheckpointStatus, TaskCheckpointStats,
};
use serde::Serialize;

/// What is shown where there is no acknowledgement yet.
const NONE: i64 = -1;

/// A checkpoint, with or without what each vertex had to do with it.
#[derive(Debug, Serialize)]
pub struct CheckpointBody {
    #[serde(rename = "className")]
    class_name: &'static str,
    #[serde(flatten)]
    figures: Figures,
    is_savepoint: bool,
    #[serde(rename = "savepointFormat")]
    savepoint_format: Option<SavepointFormat>,
    trigger_timestamp: Timestamp,
    checkpoint_type: &'static str,
    tasks: BTreeMap<JobVertexId, Figures>,
    #[serde(flatten)]
    end: End,
}

/// How a checkpoint ended, if it has.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum End {
    InProgress {},
    Completed { external_path: String, discarded: bool },
    Failed { failure_timestamp: Timestamp, failure_message: String },
}

/// The figures of a checkpoint, of all of its subtasks or of those of a vertex.
#[derive(Debug, Serialize)]
pub struct Figures {
    id: CheckpointId,
    status: &'static str,
    latest_ack_timestamp: Timestamp,
    checkpointed_size: u64,
    state_size: u64,
    end_to_end_duration: i64,
    /// Nothing is buffered; Flink shows it for clients of earlier versions.
    alignment_buffered: u64,
    processed_data: u64,
    persisted_data: u64,
    num_subtasks: usize,
    num_acknowledged_subtasks: usize,
}

impl Figures {
    fn of_checkpoint(checkpoint: &CheckpointStats) -> Self {
        Self {
            id: checkpoint.id,
            status: checkpoint.status.name(),
            latest_ack_timestamp: checkpoint.latest_ack().unwrap_or(NONE),
            checkpointed_size: checkpoint.checkpointed_bytes(),
            state_size: checkpoint.state_bytes(),
            end_to_end_duration: duration(checkpoint),
            alignment_buffered: 0,
            processed_data: checkpoint.sum(|subtask| subtask.metrics.processed_bytes),
            persisted_data: checkpoint.sum(|subtask| subtask.metrics.persisted_bytes),
            num_subtasks: checkpoint.subtasks(),
            num_acknowledged_subtasks: checkpoint.acknowledged(),
        }
    }

    /// Adds up what the subtasks of a vertex had to do with a checkpoint.
    pub fn of_task(checkpoint: &CheckpointStats, task: &TaskCheckpointStats) -> Self {
        let since_trigger =
            |ack: Timestamp| ack.saturating_sub(checkpoint.trigger_timestamp).max(0);
        Self {
            id: checkpoint.id,
            status: checkpoint.status.name(),
            latest_ack_timestamp: task.latest_ack().unwrap_or(NONE),
            checkpointed_size: task.sum(|subtask| subtask.metrics.written_bytes),
            state_size: task.sum(|subtask| subtask.state_bytes),
            end_to_end_duration: task.latest_ack().map_or(NONE, since_trigger),
            alignment_buffered: 0,
            processed_data: task.sum(|subtask| subtask.metrics.processed_bytes),
            persisted_data: task.sum(|subtask| subtask.metrics.persisted_bytes),
            num_subtasks: task.subtasks.len(),
            num_acknowledged_subtasks: task.acknowledged().count(),
        }
    }
}

/// Returns the milliseconds from the trigger to the end, or so far to the last acknowledgement.
fn duration(checkpoint: &CheckpointStats) -> i64 {
    match checkpoint.status {
        CheckpointStatus::InProgress => checkpoint
            .latest_ack()
            .map_or(NONE, |ack| ack.saturating_sub(checkpoint.trigger_timestamp).max(0)),
        // The end is known: what the time is now doesn't count.
        _ => {
            i64::try_from(checkpoint.duration_ms(checkpoint.trigger_timestamp)).unwrap_or(i64::MAX)
        }
    }
}

/// Returns Flink's name of what a checkpoint is for. It makes no difference between full ones and
/// others.
const fn checkpoint_type(kind: SnapshotKind) -> &'static str {
    match kind {
        SnapshotKind::Checkpoint | SnapshotKind::FullCheckpoint => "CHECKPOINT",
        SnapshotKind::Savepoint { ending: None, .. } => "SAVEPOINT",
        SnapshotKind::Savepoint { ending: Some(_), .. } => "SYNC_SAVEPOINT",
    }
}

impl CheckpointBody {
    /// Describes a checkpoint without its vertices, as Flink lists them.
    pub fn listed(checkpoint: &CheckpointStats) -> Self {
        let (class_name, end) = match &checkpoint.status {
            CheckpointStatus::InProgress => ("in_progress", End::InProgress {}),
            CheckpointStatus::Completed { external_path, is_discarded } => {
                let external_path = external_path.clone();
                ("completed", End::Completed { external_path, discarded: *is_discarded })
            }
            CheckpointStatus::Failed { timestamp, message } => {
                let failure_message = message.clone();
                ("failed", End::Failed { failure_timestamp: *timestamp, failure_message })
            }
        };
        Self {
            class_name,
            figures: Figures::of_checkpoint(checkpoint),
            is_savepoint: checkpoint.kind.is_savepoint(),
            savepoint_format: match checkpoint.kind {
                SnapshotKind::Savepoint { format, .. } => Some(format),
                SnapshotKind::Checkpoint | SnapshotKind::FullCheckpoint => None,
            },
            trigger_timestamp: checkpoint.trigger_timestamp,
            checkpoint_type: checkpoint_type(checkpoint.kind),
            tasks: BTreeMap::new(),
            end,
        }
    }

    /// Describes a checkpoint with its vertices.
    pub fn with_tasks(checkpoint: &CheckpointStats) -> Self {
        let figures =
            |task: &TaskCheckpointStats| (task.vertex, Figures::of_task(checkpoint, task));
        Self { tasks: checkpoint.tasks.iter().map(figures).collect(), ..Self::listed(checkpoint) }
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::HEX_ID_BYTES;
    use serde_json::{Value, json};

    use super::super::test_data::{checkpoint, subtask};
    use super::*;

    fn shown(checkpoint: &CheckpointStats) -> Value {
        serde_json::to_value(CheckpointBody::with_tasks(checkpoint)).unwrap()
    }

    #[test]
    fn a_complete_checkpoint_has_its_figures_and_its_path() {
        let status = CheckpointStatus::Completed {
            external_path: "file:/c/chk-17".to_owned(),
            is_discarded: true,
        };
        let subtasks = vec![Some(subtask(1_030, 10)), Some(subtask(1_020, 5))];
        let value = shown(&checkpoint(SnapshotKind::Checkpoint, status, subtasks));
        let vertex = JobVertexId::from_bytes([7; HEX_ID_BYTES]).to_string();
        let task = json!({
            "id": 17, "status": "COMPLETED", "latest_ack_timestamp": 1_030,
            "checkpointed_size": 15, "state_size": 150, "end_to_end_duration": 30,
            "alignment_buffered": 0, "processed_data": 8, "persisted_data": 0,
            "num_subtasks": 2, "num_acknowledged_subtasks": 2,
        });
        let expected = json!({
            "className": "completed", "id": 17, "status": "COMPLETED", "is_savepoint": false,
            "savepointFormat": null, "trigger_timestamp": 1_000, "latest_ack_timestamp": 1_030,
            "checkpointed_size": 15, "state_size": 150, "end_to_end_duration": 30,
            "alignment_buffered": 0, "processed_data": 8, "persisted_data": 0,
            "num_subtasks": 2, "num_acknowledged_subtasks": 2, "checkpoint_type": "CHECKPOINT",
            "tasks": {vertex: task}, "external_path": "file:/c/chk-17", "discarded": true,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_has_not_been_acknowledged_is_minus_one() {
        let kind = SnapshotKind::Savepoint { format: SavepointFormat::Native, ending: None };
        let value = shown(&checkpoint(kind, CheckpointStatus::InProgress, vec![None, None]));
        let field = |name: &str| value[name].clone();
        assert_eq!(field("className"), "in_progress");
        assert_eq!(
            (field("is_savepoint"), field("savepointFormat")),
            (json!(true), json!("NATIVE"))
        );
        assert_eq!(
            (field("latest_ack_timestamp"), field("end_to_end_duration")),
            (json!(-1), json!(-1))
        );
        assert_eq!(field("checkpoint_type"), "SAVEPOINT");
        assert!(value.get("external_path").is_none() && value.get("failure_message").is_none());
    }

    #[test]
    fn a_failed_one_says_when_and_why() {
        let message = "Checkpoint expired before completing.".to_owned();
        let status = CheckpointStatus::Failed { timestamp: 1_500, message };
        let value = shown(&checkpoint(SnapshotKind::FullCheckpoint, status, vec![None, None]));
        assert_eq!(value["end_to_end_duration"], 500);
        assert_eq!(
            (&value["failure_timestamp"], &value["status"]),
            (&json!(1_500), &json!("FAILED"))
        );
        assert_eq!(value["failure_message"], "Checkpoint expired before completing.");
    }
}
