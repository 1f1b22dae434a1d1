//! What tasks have read, written and waited, summed up.

use serde::Serialize;

use super::statistics::Statistics;
use sciurus_metrics::task::TaskMetricsView;

/// What some tasks have read, written and waited. The `…-complete` fields say whether all of them
/// have told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::struct_excessive_bools)]
pub struct IoMetrics {
    read_bytes: u64,
    read_bytes_complete: bool,
    write_bytes: u64,
    write_bytes_complete: bool,
    read_records: u64,
    read_records_complete: bool,
    write_records: u64,
    write_records_complete: bool,
    accumulated_backpressured_time: u64,
    accumulated_idle_time: u64,
    accumulated_busy_time: f64,
}

impl Default for IoMetrics {
    fn default() -> Self {
        Self {
            read_bytes: 0,
            read_bytes_complete: true,
            write_bytes: 0,
            write_bytes_complete: true,
            read_records: 0,
            read_records_complete: true,
            write_records: 0,
            write_records_complete: true,
            accumulated_backpressured_time: 0,
            accumulated_idle_time: 0,
            accumulated_busy_time: 0.0,
        }
    }
}

impl IoMetrics {
    /// Returns what one task has told.
    pub fn of(task: Option<&TaskMetricsView>) -> Self {
        let mut metrics = Self::default();
        metrics.add(task);
        metrics
    }

    /// Adds what a task has told.
    pub fn add(&mut self, task: Option<&TaskMetricsView>) {
        let Some(task) = task else {
            self.read_bytes_complete = false;
            self.write_bytes_complete = false;
            self.read_records_complete = false;
            self.write_records_complete = false;
            return;
        };
        self.read_bytes += task.bytes_in;
        self.write_bytes += task.bytes_out;
        self.read_records += task.records_in;
        self.write_records += task.records_out;
        self.accumulated_backpressured_time += millis(task.back_pressured);
        self.accumulated_idle_time += millis(task.idle);
        self.accumulated_busy_time += millis(task.busy) as f64;
    }
}

/// Returns whole milliseconds.
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How the metrics of single tasks are spread.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IoStatistics {
    write_records: Statistics,
    accumulated_backpressured_time: Statistics,
    accumulated_idle_time: Statistics,
    write_bytes: Statistics,
    read_bytes: Statistics,
    read_records: Statistics,
    accumulated_busy_time: Statistics,
}

impl IoStatistics {
    /// Looks at the metrics of single tasks.
    pub fn of(tasks: &[IoMetrics]) -> Self {
        let spread = |of: fn(&IoMetrics) -> u64| Statistics::of(tasks.iter().map(of));
        Self {
            write_records: spread(|task| task.write_records),
            accumulated_backpressured_time: spread(|task| task.accumulated_backpressured_time),
            accumulated_idle_time: spread(|task| task.accumulated_idle_time),
            write_bytes: spread(|task| task.write_bytes),
            read_bytes: spread(|task| task.read_bytes),
            read_records: spread(|task| task.read_records),
            accumulated_busy_time: spread(|task| task.accumulated_busy_time as u64),
        }
    }
}
