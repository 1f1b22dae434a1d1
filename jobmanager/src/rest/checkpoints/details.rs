//! `/jobs/:jobid/checkpoints/details/:checkpointid`, and what the subtasks of a vertex had to do
//! with one.

use axum::extract::State;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::statistics::{
    CheckpointStats, SubtaskCheckpointStats, TaskCheckpointStats,
};
use serde::Serialize;

use super::checkpoint::{CheckpointBody, Figures};
use super::spread::Spread;
use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET …/subtasks/:vertexid`.
#[derive(Debug, Serialize)]
pub struct TaskCheckpointDetails {
    #[serde(flatten)]
    figures: Figures,
    summary: TaskSummary,
    subtasks: Vec<SubtaskBody>,
}

/// How the figures are spread over the subtasks.
#[derive(Debug, Serialize)]
struct TaskSummary {
    checkpointed_size: Spread,
    state_size: Spread,
    end_to_end_duration: Spread,
    checkpoint_duration: Parts<Spread>,
    alignment: Alignment<Spread>,
    start_delay: Spread,
}

/// What is for the part of a snapshot for which the task stands still, and for the other.
#[derive(Debug, Serialize)]
struct Parts<T> {
    sync: T,
    r#async: T,
}

/// What is for the time between the first and the last barrier of a task.
#[derive(Debug, Serialize)]
struct Alignment<T> {
    /// Nothing is; Flink shows it for clients of earlier versions.
    buffered: T,
    processed: T,
    persisted: T,
    duration: T,
}

/// A subtask's part.
#[derive(Debug, Serialize)]
#[serde(tag = "className", rename_all = "lowercase")]
enum SubtaskBody {
    Completed {
        index: usize,
        ack_timestamp: Timestamp,
        end_to_end_duration: u64,
        checkpointed_size: u64,
        state_size: u64,
        checkpoint: Parts<u64>,
        alignment: Alignment<u64>,
        start_delay: u64,
        unaligned_checkpoint: bool,
        aborted: bool,
        status: &'static str,
    },
    Pending {
        index: usize,
        status: &'static str,
    },
}

/// Shows a checkpoint.
pub async fn details(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<CheckpointBody>> {
    let body = look(&rest, &params, CheckpointBody::with_tasks)?;
    Ok(ok(body))
}

/// Shows what each subtask of a vertex had to do with a checkpoint.
pub async fn subtasks(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<TaskCheckpointDetails>> {
    let vertex = params.vertex()?;
    let details = look(&rest, &params, |checkpoint| {
        checkpoint.task(vertex).map(|task| TaskCheckpointDetails::new(checkpoint, task))
    })?;
    let missing =
        || RestError::not_found(format!("There is no checkpoint statistics for task {vertex}."));
    details.map(ok).ok_or_else(missing)
}

/// Looks at the checkpoint in the path.
fn look<R>(
    rest: &Rest,
    params: &Params,
    look: impl FnOnce(&CheckpointStats) -> R,
) -> RestResult<R> {
    let id: i64 = params.path("checkpointid")?;
    let job = rest.job(params.job()?)?;
    let number = u64::try_from(id).ok();
    let found = number.and_then(|number| {
        job.with_master(|master| master.checkpoints().checkpoint(CheckpointId(number)).map(look))
    });
    found.ok_or_else(|| {
        RestError::not_found(format!(
            "Could not find checkpointing statistics for checkpoint {id}."
        ))
    })
}

impl TaskCheckpointDetails {
    fn new(checkpoint: &CheckpointStats, task: &TaskCheckpointStats) -> Self {
        let trigger = checkpoint.trigger_timestamp;
        let subtask = |(index, subtask): (usize, &Option<SubtaskCheckpointStats>)| match subtask {
            Some(subtask) => SubtaskBody::completed(index, subtask, trigger),
            None => SubtaskBody::Pending { index, status: "pending_or_failed" },
        };
        Self {
            figures: Figures::of_task(checkpoint, task),
            summary: TaskSummary::new(task, trigger),
            subtasks: task.subtasks.iter().enumerate().map(subtask).collect(),
        }
    }
}

impl TaskSummary {
    fn new(task: &TaskCheckpointStats, trigger: Timestamp) -> Self {
        let spread = |figure: fn(&SubtaskCheckpointStats) -> u64| {
            Spread::without_percentiles(&task.summary(figure))
        };
        let durations = task.summary(|subtask| duration(subtask, trigger));
        Self {
            checkpointed_size: spread(|subtask| subtask.metrics.written_bytes),
            state_size: spread(|subtask| subtask.state_bytes),
            end_to_end_duration: Spread::without_percentiles(&durations),
            checkpoint_duration: Parts {
                sync: spread(|subtask| subtask.metrics.sync_ms),
                r#async: spread(|subtask| subtask.metrics.async_ms),
            },
            alignment: Alignment {
                buffered: Spread::unknown(),
                processed: spread(|subtask| subtask.metrics.processed_bytes),
                persisted: spread(|subtask| subtask.metrics.persisted_bytes),
                duration: spread(|subtask| subtask.metrics.alignment_ms),
            },
            start_delay: spread(|subtask| subtask.metrics.start_delay_ms),
        }
    }
}

impl SubtaskBody {
    fn completed(index: usize, subtask: &SubtaskCheckpointStats, trigger: Timestamp) -> Self {
        let metrics = subtask.metrics;
        Self::Completed {
            index,
            ack_timestamp: subtask.ack_timestamp,
            end_to_end_duration: duration(subtask, trigger),
            checkpointed_size: metrics.written_bytes,
            state_size: subtask.state_bytes,
            checkpoint: Parts { sync: metrics.sync_ms, r#async: metrics.async_ms },
            alignment: Alignment {
                buffered: 0,
                processed: metrics.processed_bytes,
                persisted: metrics.persisted_bytes,
                duration: metrics.alignment_ms,
            },
            start_delay: metrics.start_delay_ms,
            unaligned_checkpoint: false,
            aborted: false,
            status: "completed",
        }
    }
}

/// Returns the milliseconds from the trigger to a subtask's acknowledgement.
fn duration(subtask: &SubtaskCheckpointStats, trigger: Timestamp) -> u64 {
    u64::try_from(subtask.ack_timestamp.saturating_sub(trigger)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use sciurus_core::checkpoint::SnapshotKind;
    use sciurus_job_master::checkpoint_coordinator::statistics::CheckpointStatus;
    use serde_json::json;

    use super::super::test_data::{checkpoint, subtask};
    use super::*;

    #[test]
    fn subtasks_are_shown_with_how_they_compare() {
        let subtasks = vec![Some(subtask(1_030, 10)), None, Some(subtask(1_020, 5))];
        let checkpoint =
            checkpoint(SnapshotKind::Checkpoint, CheckpointStatus::InProgress, subtasks);
        let details = TaskCheckpointDetails::new(&checkpoint, &checkpoint.tasks[0]);
        let value = serde_json::to_value(details).unwrap();
        let summary = &value["summary"];
        assert_eq!(summary["end_to_end_duration"]["avg"], 25);
        assert_eq!(summary["checkpointed_size"]["min"], 5);
        assert_eq!(summary["checkpoint_duration"]["async"]["max"], 2);
        assert_eq!(summary["alignment"]["duration"]["max"], 3);
        assert_eq!(summary["start_delay"]["p50"], "NaN");
        assert_eq!(
            value["subtasks"][0],
            json!({
                "className": "completed", "index": 0, "ack_timestamp": 1_030,
                "end_to_end_duration": 30, "checkpointed_size": 10, "state_size": 100,
                "checkpoint": {"sync": 1, "async": 2},
                "alignment": {"buffered": 0, "processed": 4, "persisted": 0, "duration": 3},
                "start_delay": 5, "unaligned_checkpoint": false, "aborted": false,
                "status": "completed",
            })
        );
        let pending = json!({"className": "pending", "index": 1, "status": "pending_or_failed"});
        assert_eq!(value["subtasks"][1], pending);
        assert_eq!(value["num_acknowledged_subtasks"], 2);
    }
}
