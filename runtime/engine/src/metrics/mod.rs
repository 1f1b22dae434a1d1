//! What the engine counts, under Flink's names. Writers are task threads, once a batch; readers
//! are anyone.

pub mod latency;
pub mod samples;
mod times;
pub mod user;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sciurus_core::time::MIN_WATERMARK;

use crate::accumulator::Accumulators;
use crate::exchange::Credit;
use latency::Latencies;
pub use times::{TaskTimes, TimesSnapshot, Wait};
use user::UserMetrics;

/// A number that only grows, written by one thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Returns the sum.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that is set.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Makes a gauge that stands at `value`.
    pub const fn new(value: i64) -> Self {
        Self(AtomicI64::new(value))
    }

    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Returns the value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one operator of one subtask counts.
#[derive(Debug)]
pub struct OperatorMetrics {
    /// `numRecordsIn`.
    pub records_in: Counter,
    /// `numRecordsOut`.
    pub records_out: Counter,
    /// `numLateRecordsDropped`.
    pub late_records_dropped: Counter,
    /// `numBytesIn` of a source: what it has read of its files or connections.
    pub bytes_read: Counter,
    /// `numBytesSend` of a sink: what it has written.
    pub bytes_written: Counter,
    /// `numRecordsInErrors`: records skipped because they were malformed.
    pub records_in_errors: Counter,
    /// `currentInputWatermark`, milliseconds.
    pub input_watermark: Gauge,
    /// `currentOutputWatermark`, milliseconds.
    pub output_watermark: Gauge,
    /// `latency`.
    pub latencies: Latencies,
    /// What the user's functions count.
    pub user: UserMetrics,
}

impl Default for OperatorMetrics {
    fn default() -> Self {
        Self {
            records_in: Counter::default(),
            records_out: Counter::default(),
            late_records_dropped: Counter::default(),
            bytes_read: Counter::default(),
            bytes_written: Counter::default(),
            records_in_errors: Counter::default(),
            input_watermark: Gauge::new(MIN_WATERMARK),
            output_watermark: Gauge::new(MIN_WATERMARK),
            latencies: Latencies::default(),
            user: UserMetrics::default(),
        }
    }
}

/// What one subtask counts.
#[derive(Debug, Default)]
pub struct TaskMetrics {
    /// `numRecordsIn` of the task: records over its exchanges.
    pub records_in: Counter,
    /// `numRecordsOut` of the task: records over its exchanges.
    pub records_out: Counter,
    /// `numBytesIn`: what the records over its exchanges take.
    pub bytes_in: Counter,
    /// `numBytesOut`: what the records over its exchanges take.
    pub bytes_out: Counter,
    /// What the task's time goes to.
    pub times: TaskTimes,
}

/// The metrics of a subtask and of the operators chained in it.
#[derive(Debug, Clone, Default)]
pub struct SubtaskMetrics {
    /// The task's own.
    pub task: Arc<TaskMetrics>,
    /// Each operator's, with its name, in chain order.
    pub operators: Vec<(Arc<str>, Arc<OperatorMetrics>)>,
    /// What is under way on each channel to the task: what `inPoolUsage` is a share of.
    pub inputs: Vec<Arc<Credit>>,
    /// What is under way on each channel from the task: what `outPoolUsage` is a share of.
    pub outputs: Vec<Arc<Credit>>,
    /// What the subtask counts for the job's result.
    pub accumulators: Accumulators,
}
