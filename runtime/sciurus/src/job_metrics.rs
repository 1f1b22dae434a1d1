//! What a job's tasks count, at one moment.

use std::time::Duration;

use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;
use sciurus_engine::metrics::user::UserMetric;

/// The metrics of a job at one moment. Fields are named as Flink names the metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct JobMetrics {
    /// `uptime`: since when all tasks that have to run were last started, `None` while the job
    /// doesn't run.
    pub uptime: Option<Duration>,
    /// `numRestarts`: how often the job or a part of it was restarted after a failure.
    pub num_restarts: u64,
    /// How many bytes the sources read in all, `None` as long as one of them can't tell. What they
    /// have read so far is the sum of their [`num_bytes_in`](OperatorMetrics::num_bytes_in).
    pub input_bytes: Option<u64>,
    /// The vertices, each after all that it reads from.
    pub vertices: Vec<VertexMetrics>,
}

/// The metrics of a vertex: a chain of operators.
#[derive(Debug, Clone, PartialEq)]
pub struct VertexMetrics {
    /// The vertex.
    pub id: JobVertexId,
    /// The names of its operators: `a -> b`.
    pub name: String,
    /// Its subtasks, as far as they have been started.
    pub subtasks: Vec<TaskMetrics>,
}

/// The metrics of a subtask. They begin anew with each attempt.
///
/// Rates are those of the last five seconds, or since the last look where that is longer ago.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskMetrics {
    /// Which subtask of the vertex it is, from 0.
    pub subtask: u32,
    /// Which attempt to run it this is, from 0.
    pub attempt: u32,
    /// `numRecordsIn`: records over exchanges.
    pub num_records_in: u64,
    /// `numRecordsOut`: records over exchanges, once for each exchange.
    pub num_records_out: u64,
    /// `numBytesIn`: what the records over exchanges take, approximately.
    pub num_bytes_in: u64,
    /// `numBytesOut`: what the records over exchanges take, approximately.
    pub num_bytes_out: u64,
    /// `busyTimeMsPerSecond`: working.
    pub busy_time_ms_per_second: f64,
    /// `idleTimeMsPerSecond`: waiting for input.
    pub idle_time_ms_per_second: f64,
    /// `backPressuredTimeMsPerSecond`: waiting for those behind it, soft and hard together.
    pub back_pressured_time_ms_per_second: f64,
    /// `softBackPressuredTimeMsPerSecond`: waiting before it takes more input.
    pub soft_back_pressured_time_ms_per_second: f64,
    /// `hardBackPressuredTimeMsPerSecond`: waiting in the midst of what it emits.
    pub hard_back_pressured_time_ms_per_second: f64,
    /// `inputQueueSize`: bytes that wait for the task.
    pub input_queue_size: u64,
    /// `outputQueueSize`: bytes that the task has sent and its consumers have not taken.
    pub output_queue_size: u64,
    /// `inPoolUsage`: how much of what may wait for the task does; a batch that doesn't fit makes it
    /// more than 1.
    pub in_pool_usage: f64,
    /// `outPoolUsage`: how much of what may be under way from the task is.
    pub out_pool_usage: f64,
    /// The operators, in the order of the chain.
    pub operators: Vec<OperatorMetrics>,
}

/// The metrics of an operator in one subtask.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorMetrics {
    /// The operator's name.
    pub name: String,
    /// `numRecordsIn`.
    pub num_records_in: u64,
    /// `numRecordsOut`.
    pub num_records_out: u64,
    /// `numLateRecordsDropped`.
    pub num_late_records_dropped: u64,
    /// `numRecordsInErrors`: records skipped because they were malformed.
    pub num_records_in_errors: u64,
    /// `numBytesIn` of a source: what it has read of its files or connections.
    pub num_bytes_in: u64,
    /// `numBytesSend` of a sink: what it has written.
    pub num_bytes_send: u64,
    /// `currentInputWatermark`, milliseconds since the Unix epoch; before the first one the least
    /// timestamp, at the end of the input the greatest.
    pub current_input_watermark: Timestamp,
    /// `currentOutputWatermark`, likewise.
    pub current_output_watermark: Timestamp,
    /// What its functions count.
    pub user: Vec<UserMetric>,
}

impl JobMetrics {
    /// Goes through the operators of all subtasks.
    pub fn operators(&self) -> impl Iterator<Item = &OperatorMetrics> {
        self.tasks().flat_map(|task| &task.operators)
    }

    /// Goes through the subtasks of all vertices.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskMetrics> {
        self.vertices.iter().flat_map(|vertex| &vertex.subtasks)
    }
}
