//! What one attempt counts, as it is shown.

use std::time::Duration;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_core::time::Timestamp;
use sciurus_rpc::proto;

use super::user::{LatencyView, UserMetricView};

/// The counts of one attempt to run a subtask, and rates over the last seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskMetricsView {
    /// The attempt.
    pub attempt: ExecutionAttemptId,
    /// `numRecordsIn`: records over exchanges.
    pub records_in: u64,
    /// `numRecordsOut`: records over exchanges, once for each exchange.
    pub records_out: u64,
    /// `numBytesIn`.
    pub bytes_in: u64,
    /// `numBytesOut`.
    pub bytes_out: u64,
    /// `numRecordsInPerSecond`.
    pub records_in_per_second: f64,
    /// `numRecordsOutPerSecond`.
    pub records_out_per_second: f64,
    /// `numBytesInPerSecond`.
    pub bytes_in_per_second: f64,
    /// `numBytesOutPerSecond`.
    pub bytes_out_per_second: f64,
    /// `busyTimeMsPerSecond`.
    pub busy_ms_per_second: f64,
    /// `idleTimeMsPerSecond`.
    pub idle_ms_per_second: f64,
    /// `softBackPressuredTimeMsPerSecond`.
    pub soft_back_pressured_ms_per_second: f64,
    /// `hardBackPressuredTimeMsPerSecond`.
    pub hard_back_pressured_ms_per_second: f64,
    /// `accumulateBusyTimeMs`.
    pub busy: Duration,
    /// `accumulateIdleTimeMs`.
    pub idle: Duration,
    /// `accumulateBackPressuredTimeMs`.
    pub back_pressured: Duration,
    /// Bytes that wait for the task.
    pub input_queued_bytes: u64,
    /// How many bytes may wait for the task.
    pub input_limit_bytes: u64,
    /// Bytes that the task has sent and its consumers have not taken.
    pub output_queued_bytes: u64,
    /// How many bytes may be under way from the task.
    pub output_limit_bytes: u64,
    /// The operators, in the order of the chain.
    pub operators: Vec<OperatorMetricsView>,
}

/// The counts of one operator in one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorMetricsView {
    /// The operator's name.
    pub name: String,
    /// `numRecordsIn`.
    pub records_in: u64,
    /// `numRecordsOut`.
    pub records_out: u64,
    /// `numRecordsInPerSecond`.
    pub records_in_per_second: f64,
    /// `numRecordsOutPerSecond`.
    pub records_out_per_second: f64,
    /// `numLateRecordsDropped`.
    pub late_records_dropped: u64,
    /// `numRecordsInErrors`.
    pub records_in_errors: u64,
    /// `numBytesIn` of a source: what it has read.
    pub bytes_read: u64,
    /// `numBytesSend` of a sink: what it has written.
    pub bytes_written: u64,
    /// `numBytesInPerSecond` of a source.
    pub bytes_read_per_second: f64,
    /// `numBytesOutPerSecond` of a sink.
    pub bytes_written_per_second: f64,
    /// `currentInputWatermark`, milliseconds since the epoch; the least number before the first.
    pub input_watermark: Timestamp,
    /// `currentOutputWatermark`, likewise.
    pub output_watermark: Timestamp,
    /// What its functions count.
    pub user: Vec<UserMetricView>,
    /// How long latency markers take to it.
    pub latencies: Vec<LatencyView>,
}

impl TaskMetricsView {
    /// Returns `backPressuredTimeMsPerSecond`: soft and hard together.
    pub fn back_pressured_ms_per_second(&self) -> f64 {
        self.soft_back_pressured_ms_per_second + self.hard_back_pressured_ms_per_second
    }

    /// Makes the view of `counts`, given what had been counted `elapsed` before.
    pub(crate) fn new(
        attempt: ExecutionAttemptId,
        counts: &proto::TaskMetrics,
        earlier: &proto::TaskMetrics,
        elapsed: Duration,
    ) -> Self {
        let seconds = elapsed.as_secs_f64();
        let rate = |now: u64, before: u64| match seconds {
            0.0 => 0.0,
            seconds => now.saturating_sub(before) as f64 / seconds,
        };
        let spent = counts.total_us.saturating_sub(earlier.total_us);
        let share = |now: u64, before: u64| match spent {
            0 => 0.0,
            spent => (now.saturating_sub(before) as f64 / spent as f64).min(1.0) * 1_000.0,
        };
        let operators = counts.operators.iter().enumerate().map(|(place, now)| {
            let before = earlier.operators.get(place).filter(|before| before.name == now.name);
            operator(now, before.unwrap_or(now), rate)
        });
        Self {
            attempt,
            records_in: counts.records_in,
            records_out: counts.records_out,
            bytes_in: counts.bytes_in,
            bytes_out: counts.bytes_out,
            records_in_per_second: rate(counts.records_in, earlier.records_in),
            records_out_per_second: rate(counts.records_out, earlier.records_out),
            bytes_in_per_second: rate(counts.bytes_in, earlier.bytes_in),
            bytes_out_per_second: rate(counts.bytes_out, earlier.bytes_out),
            busy_ms_per_second: share(busy_us(counts), busy_us(earlier)),
            idle_ms_per_second: share(counts.idle_us, earlier.idle_us),
            soft_back_pressured_ms_per_second: share(
                counts.soft_back_pressured_us,
                earlier.soft_back_pressured_us,
            ),
            hard_back_pressured_ms_per_second: share(
                counts.hard_back_pressured_us,
                earlier.hard_back_pressured_us,
            ),
            busy: Duration::from_micros(busy_us(counts)),
            idle: Duration::from_micros(counts.idle_us),
            back_pressured: Duration::from_micros(back_pressured_us(counts)),
            input_queued_bytes: counts.input_queued_bytes,
            input_limit_bytes: counts.input_limit_bytes,
            output_queued_bytes: counts.output_queued_bytes,
            output_limit_bytes: counts.output_limit_bytes,
            operators: operators.collect(),
        }
    }
}

fn operator(
    now: &proto::OperatorMetrics,
    before: &proto::OperatorMetrics,
    rate: impl Fn(u64, u64) -> f64,
) -> OperatorMetricsView {
    OperatorMetricsView {
        name: now.name.clone(),
        records_in: now.records_in,
        records_out: now.records_out,
        records_in_per_second: rate(now.records_in, before.records_in),
        records_out_per_second: rate(now.records_out, before.records_out),
        late_records_dropped: now.late_records_dropped,
        records_in_errors: now.records_in_errors,
        bytes_read: now.bytes_read,
        bytes_written: now.bytes_written,
        bytes_read_per_second: rate(now.bytes_read, before.bytes_read),
        bytes_written_per_second: rate(now.bytes_written, before.bytes_written),
        input_watermark: now.input_watermark,
        output_watermark: now.output_watermark,
        user: UserMetricView::all_of(&now.user, &before.user, rate),
        latencies: now.latencies.iter().filter_map(LatencyView::of).collect(),
    }
}

fn back_pressured_us(counts: &proto::TaskMetrics) -> u64 {
    counts.soft_back_pressured_us.saturating_add(counts.hard_back_pressured_us)
}

/// What was spent neither waiting for input nor for those behind.
fn busy_us(counts: &proto::TaskMetrics) -> u64 {
    let waited = counts.idle_us.saturating_add(back_pressured_us(counts));
    counts.total_us.saturating_sub(waited)
}
