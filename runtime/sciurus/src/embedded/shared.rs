//! What a job's thread shows to the job's clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionAttemptId, JobVertexId};
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::Credit;
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_job_master::JobStatus;

use super::JobOutcome;
use super::rates::{Rates, Shares};
use crate::job_metrics::{JobMetrics, OperatorMetrics, TaskMetrics, VertexMetrics};

/// How many changes of status are remembered.
const HISTORY: usize = 1_000;

/// What the job's thread shows to others.
pub(super) struct Shared {
    /// Where a job stands; the last status is the current one.
    statuses: Mutex<Vec<(JobStatus, Timestamp)>>,
    outcome: Mutex<Option<(JobOutcome, Duration)>>,
    ended: Condvar,
    counts: Mutex<Counts>,
}

/// What is counted, of the last attempt of each subtask.
struct Counts {
    vertices: Vec<(JobVertexId, String)>,
    attempts: BTreeMap<(JobVertexId, u32), Attempt>,
    restarts: u64,
    running_since: Option<Instant>,
    input_bytes: Option<u64>,
}

struct Attempt {
    number: u32,
    metrics: SubtaskMetrics,
    rates: Rates,
}

impl Shared {
    /// Begins with a job that isn't started yet.
    pub(super) fn new(graph: &JobGraph, now: Timestamp) -> Self {
        let vertices = graph.vertices.iter().map(|vertex| (vertex.id, vertex.name.clone()));
        let counts = Counts {
            vertices: vertices.collect(),
            attempts: BTreeMap::new(),
            restarts: 0,
            running_since: None,
            input_bytes: None,
        };
        Self {
            statuses: Mutex::new(vec![(JobStatus::Initializing, now)]),
            outcome: Mutex::default(),
            ended: Condvar::new(),
            counts: Mutex::new(counts),
        }
    }

    pub(super) fn status(&self) -> JobStatus {
        self.statuses.lock().last().map_or(JobStatus::Initializing, |(status, _)| *status)
    }

    /// Returns the statuses with the times at which they were entered, the oldest first.
    pub(super) fn status_history(&self) -> Vec<(JobStatus, Timestamp)> {
        self.statuses.lock().clone()
    }

    pub(super) fn set_status(&self, status: JobStatus, now: Timestamp) {
        let mut statuses = self.statuses.lock();
        if statuses.len() == HISTORY {
            statuses.remove(0);
        }
        statuses.push((status, now));
        self.counts.lock().running_since = (status == JobStatus::Running).then(Instant::now);
    }

    pub(super) fn set_restarts(&self, restarts: u64) {
        self.counts.lock().restarts = restarts;
    }

    pub(super) fn set_input_bytes(&self, bytes: Option<u64>) {
        self.counts.lock().input_bytes = bytes;
    }

    /// Shows an attempt's metrics in place of those of the attempt before.
    pub(super) fn add_attempt(&self, attempt: ExecutionAttemptId, metrics: SubtaskMetrics) {
        let subtask = (attempt.vertex, attempt.subtask.0);
        let attempt = Attempt { number: attempt.attempt.0, metrics, rates: Rates::default() };
        self.counts.lock().attempts.insert(subtask, attempt);
    }

    /// Forgets the attempts of subtasks that the job no longer has.
    pub(super) fn change_graph(&self, graph: &JobGraph) {
        self.counts.lock().attempts.retain(|(vertex, subtask), _| {
            graph.vertex(*vertex).is_some_and(|vertex| *subtask < vertex.parallelism)
        });
    }

    /// Returns the accumulators of the last attempts, summed: as in Flink what failed attempts
    /// counted doesn't count.
    pub(super) fn accumulators(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for attempt in self.counts.lock().attempts.values() {
            for (name, value) in attempt.metrics.accumulators.snapshot() {
                let sum = sums.entry(name).or_default();
                *sum = sum.wrapping_add(value);
            }
        }
        sums
    }

    pub(super) fn metrics(&self) -> JobMetrics {
        let counts = &mut *self.counts.lock();
        let now = Instant::now();
        let attempts = &mut counts.attempts;
        let vertices = counts.vertices.iter().map(|(id, name)| VertexMetrics {
            id: *id,
            name: name.clone(),
            subtasks: attempts
                .range_mut((*id, 0)..=(*id, u32::MAX))
                .map(|((_, subtask), attempt)| attempt.show(*subtask, now))
                .collect(),
        });
        JobMetrics {
            vertices: vertices.collect(),
            uptime: counts.running_since.map(|since| now.duration_since(since)),
            num_restarts: counts.restarts,
            input_bytes: counts.input_bytes,
        }
    }

    pub(super) fn end(&self, outcome: JobOutcome, runtime: Duration) {
        self.outcome.lock().get_or_insert((outcome, runtime));
        self.ended.notify_all();
    }

    /// Waits for the job's end, at most for `timeout` where there is one.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> Option<(JobOutcome, Duration)> {
        // A time too far to be told is never.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut outcome = self.outcome.lock();
        while outcome.is_none() {
            match deadline {
                None => self.ended.wait(&mut outcome),
                Some(deadline) => {
                    if self.ended.wait_until(&mut outcome, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        outcome.clone()
    }
}

impl Attempt {
    fn show(&mut self, subtask: u32, now: Instant) -> TaskMetrics {
        let SubtaskMetrics { task, operators, inputs, outputs, .. } = &self.metrics;
        let Shares { busy, idle, soft_back_pressured, hard_back_pressured } =
            self.rates.look(now, task.times.snapshot());
        let (input_queue_size, in_pool_usage) = usage(inputs);
        let (output_queue_size, out_pool_usage) = usage(outputs);
        TaskMetrics {
            subtask,
            attempt: self.number,
            num_records_in: task.records_in.get(),
            num_records_out: task.records_out.get(),
            num_bytes_in: task.bytes_in.get(),
            num_bytes_out: task.bytes_out.get(),
            busy_time_ms_per_second: busy,
            idle_time_ms_per_second: idle,
            back_pressured_time_ms_per_second: soft_back_pressured + hard_back_pressured,
            soft_back_pressured_time_ms_per_second: soft_back_pressured,
            hard_back_pressured_time_ms_per_second: hard_back_pressured,
            input_queue_size,
            output_queue_size,
            in_pool_usage,
            out_pool_usage,
            operators: operators
                .iter()
                .map(|(name, counted)| OperatorMetrics {
                    name: name.to_string(),
                    num_records_in: counted.records_in.get(),
                    num_records_out: counted.records_out.get(),
                    num_late_records_dropped: counted.late_records_dropped.get(),
                    num_records_in_errors: counted.records_in_errors.get(),
                    num_bytes_in: counted.bytes_read.get(),
                    num_bytes_send: counted.bytes_written.get(),
                    current_input_watermark: counted.input_watermark.get(),
                    current_output_watermark: counted.output_watermark.get(),
                    user: counted.user.snapshot(),
                })
                .collect(),
        }
    }
}

/// Returns how many bytes are under way on channels, and which share that is of what may be.
fn usage(channels: &[Arc<Credit>]) -> (u64, f64) {
    let used: usize = channels.iter().map(|channel| channel.used()).sum();
    let limit: usize = channels.iter().map(|channel| channel.limit()).sum();
    let share = if limit == 0 { 0.0 } else { used as f64 / limit as f64 };
    (used as u64, share)
}
