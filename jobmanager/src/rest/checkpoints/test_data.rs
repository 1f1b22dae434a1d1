//! Checkpoints for tests.

use sciurus_checkpoint::TaskCheckpointMetrics;
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::{HEX_ID_BYTES, JobVertexId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::statistics::{
    CheckpointStats, CheckpointStatus, SubtaskCheckpointStats, TaskCheckpointStats,
};

/// A checkpoint with the number 17, triggered at 1000, of a job with one vertex.
pub fn checkpoint(
    kind: SnapshotKind,
    status: CheckpointStatus,
    subtasks: Vec<Option<SubtaskCheckpointStats>>,
) -> CheckpointStats {
    let vertex = JobVertexId::from_bytes([7; HEX_ID_BYTES]);
    CheckpointStats {
        id: CheckpointId(17),
        kind,
        trigger_timestamp: 1_000,
        status,
        metadata_bytes: 0,
        tasks: vec![TaskCheckpointStats { vertex, subtasks }],
    }
}

/// What a subtask acknowledged at a time, having written so many bytes of ten times as much state.
pub fn subtask(ack_timestamp: Timestamp, written_bytes: u64) -> SubtaskCheckpointStats {
    SubtaskCheckpointStats {
        ack_timestamp,
        state_bytes: 10 * written_bytes,
        metrics: TaskCheckpointMetrics {
            sync_ms: 1,
            async_ms: 2,
            alignment_ms: 3,
            start_delay_ms: 5,
            processed_bytes: 4,
            persisted_bytes: 0,
            written_bytes,
        },
    }
}
