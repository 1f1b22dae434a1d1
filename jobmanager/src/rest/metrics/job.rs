//! The metrics of a job.

use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::CheckpointStatistics;
use sciurus_job_master::checkpoint_coordinator::statistics::{
    CheckpointStats, CheckpointStatus, TaskCheckpointStats,
};
use sciurus_job_master::{ExecutionState, JobMaster, JobStatus};

use super::{Metrics, Value};
use crate::job::Job;

/// A figure of a checkpoint.
type Figure = fn(&CheckpointStats) -> u64;

/// What Flink shows before the first checkpoint.
const NO_CHECKPOINT: Value = Value::Whole(-1);

/// Returns the metrics of a job: Flink's, and how far its sources are, which Flink doesn't tell.
pub fn metrics_of_job(job: &Job, now: Timestamp) -> Metrics {
    let (mut metrics, attempts) = job.with_master(|master| {
        let subtasks = master.execution_graph().subtasks().iter();
        let attempts: Vec<_> = subtasks.map(|subtask| subtask.current().id()).collect();
        (metrics_of_master(master, now), attempts)
    });
    let tasks = attempts.into_iter().filter_map(|attempt| job.task_metrics(attempt));
    let read: u64 = tasks
        .map(|task| task.operators.iter().map(|operator| operator.bytes_read).sum::<u64>())
        .sum();
    metrics.add("inputBytesRead", read);
    if let Some(total) = job.input_bytes() {
        metrics.add("inputBytesTotal", total);
    }
    metrics
}

fn metrics_of_master(master: &JobMaster, now: Timestamp) -> Metrics {
    let mut metrics = Metrics::default();
    let time_in = |status: JobStatus| Value::Whole(time_in(master, status, now));
    metrics.add("uptime", Value::Whole(up_time(master, now)));
    metrics.add("downtime", Value::Whole(down_time(master, now)));
    metrics.add("numRestarts", master.restarts());
    metrics.add("fullRestarts", master.restarts());
    metrics.add("numRescales", master.rescales().counts().completed);
    let missing = master.slot_shortage().map_or(0, |shortage| shortage.total());
    metrics.add("numMissingSlots", u64::from(missing));
    metrics.add("initializingTime", time_in(JobStatus::Initializing));
    metrics.add("createdTime", time_in(JobStatus::Created));
    metrics.add("runningTime", time_in(JobStatus::Running));
    metrics.add("restartingTime", time_in(JobStatus::Restarting));
    metrics.add("failingTime", time_in(JobStatus::Failing));
    metrics.add("cancellingTime", time_in(JobStatus::Cancelling));
    metrics.add("deployingTime", Value::Whole(deploying_time(master, now)));
    let all_running = all_running_since(master).map_or(0, |since| now.saturating_sub(since).max(0));
    metrics.add("allSubTasksRunningOrFinishedTime", Value::Whole(all_running));
    add_checkpoints(&mut metrics, master.checkpoints());
    metrics
}

/// Returns the latest checkpoint or savepoint that is complete.
fn latest(checkpoints: &CheckpointStatistics) -> Option<&CheckpointStats> {
    let complete = [checkpoints.latest_completed(), checkpoints.latest_savepoint()];
    complete.into_iter().flatten().max_by_key(|checkpoint| checkpoint.id)
}

/// What the latest complete checkpoint holds of a vertex.
pub struct VertexState {
    /// The vertex.
    pub vertex: JobVertexId,
    /// Its name.
    pub name: String,
    /// How large it is.
    pub metrics: Metrics,
}

/// Returns how large the state of each vertex of a job is: where it is, and where it grows. Flink's
/// metrics only tell it of the job.
pub fn metrics_of_state(job: &Job) -> Vec<VertexState> {
    job.with_master(|master| {
        let tasks = latest(master.checkpoints()).map_or(&[][..], |latest| &latest.tasks);
        let of_task = |task: &TaskCheckpointStats| {
            let mut metrics = Metrics::default();
            metrics.add("lastCheckpointSize", task.sum(|subtask| subtask.metrics.written_bytes));
            metrics.add("lastCheckpointFullSize", task.sum(|subtask| subtask.state_bytes));
            let name = master.graph().vertex(task.vertex)?.name.clone();
            Some(VertexState { vertex: task.vertex, name, metrics })
        };
        tasks.iter().filter_map(of_task).collect()
    })
}

/// Adds what is counted of checkpoints, savepoints among them, and the figures of the latest that is
/// complete.
fn add_checkpoints(metrics: &mut Metrics, checkpoints: &CheckpointStatistics) {
    let counts = checkpoints.counts();
    metrics.add("totalNumberOfCheckpoints", counts.total);
    metrics.add("numberOfInProgressCheckpoints", counts.in_progress);
    metrics.add("numberOfCompletedCheckpoints", counts.completed);
    metrics.add("numberOfFailedCheckpoints", counts.failed);
    let latest = latest(checkpoints);
    let figures: [(&str, Figure); 7] = [
        ("lastCheckpointSize", CheckpointStats::checkpointed_bytes),
        ("lastCheckpointFullSize", CheckpointStats::state_bytes),
        ("lastCheckpointMetadataSize", |checkpoint| checkpoint.metadata_bytes),
        ("lastCheckpointDuration", |checkpoint| {
            checkpoint.duration_ms(checkpoint.trigger_timestamp)
        }),
        ("lastCheckpointProcessedData", |checkpoint| {
            checkpoint.sum(|subtask| subtask.metrics.processed_bytes)
        }),
        ("lastCheckpointPersistedData", |checkpoint| {
            checkpoint.sum(|subtask| subtask.metrics.persisted_bytes)
        }),
        ("lastCompletedCheckpointId", |checkpoint| checkpoint.id.0),
    ];
    for (name, figure) in figures {
        metrics.add(name, latest.map_or(NO_CHECKPOINT, |latest| figure(latest).into()));
    }
    let completed = latest.and_then(CheckpointStats::latest_ack);
    let restored = checkpoints.latest_restored().map(|restored| restored.restore_timestamp);
    for (name, time) in [
        ("lastCheckpointCompletedTimestamp", completed),
        ("lastCheckpointRestoreTimestamp", restored),
    ] {
        metrics.add(name, time.map_or(NO_CHECKPOINT, Value::Whole));
    }
    let path = match latest.map(|latest| &latest.status) {
        Some(CheckpointStatus::Completed { external_path, .. }) => external_path.as_str(),
        _ => "n/a",
    };
    metrics.add("lastCheckpointExternalPath", Value::Text(path.into()));
}

/// For how long the job has been in a status that it is in now; 0 if it is in another.
fn time_in(master: &JobMaster, status: JobStatus, now: Timestamp) -> Timestamp {
    if master.status() != status {
        return 0;
    }
    master.lifecycle().entered(status).map_or(0, |since| now.saturating_sub(since).max(0))
}

fn up_time(master: &JobMaster, now: Timestamp) -> Timestamp {
    match master.status() {
        JobStatus::Running => time_in(master, JobStatus::Running, now),
        status if status.is_terminal() => -1,
        _ => 0,
    }
}

fn down_time(master: &JobMaster, now: Timestamp) -> Timestamp {
    match master.status() {
        JobStatus::Running => 0,
        status if status.is_terminal() => -1,
        _ if master.lifecycle().entered(JobStatus::Running).is_none() => 0,
        status => time_in(master, status, now),
    }
}

/// For how long tasks are being deployed, if some are.
fn deploying_time(master: &JobMaster, now: Timestamp) -> Timestamp {
    let executions = master
        .execution_graph()
        .subtasks()
        .iter()
        .map(sciurus_job_master::execution_graph::ExecutionVertex::current);
    let deploying = executions.filter(|execution| {
        matches!(execution.state(), ExecutionState::Deploying | ExecutionState::Initializing)
    });
    let since = deploying
        .filter_map(|execution| execution.lifecycle().entered(ExecutionState::Deploying))
        .min();
    since.map_or(0, |since| now.saturating_sub(since).max(0))
}

/// Since when all tasks run or have finished.
fn all_running_since(master: &JobMaster) -> Option<Timestamp> {
    if master.status() != JobStatus::Running {
        return None;
    }
    let mut since = None;
    for subtask in master.execution_graph().subtasks() {
        let current = subtask.current();
        if !matches!(current.state(), ExecutionState::Running | ExecutionState::Finished) {
            return None;
        }
        since = since.max(current.lifecycle().entered(ExecutionState::Running));
    }
    since
}
