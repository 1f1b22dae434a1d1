//! What is measured, and who is told.

use std::time::Duration;

use crate::config::Ports;
use crate::config::choice::choice;

choice! {
    /// Chooses what latencies are told apart by.
    pub enum LatencyGranularity {
        /// By the operator at which they are measured alone.
        Single = "single",
        /// By the source as well.
        Operator = "operator",
        /// By the source's subtask as well.
        Subtask = "subtask",
    }
}

/// The port that Flink's reporter of Prometheus has unless another is set.
pub const DEFAULT_PORT: u16 = 9249;

/// What Flink's reporter of Prometheus is called.
pub const PROMETHEUS_FACTORY: &str =
    "org.apache.flink.metrics.prometheus.PrometheusReporterFactory";

super::options! {
    title: "Metrics";

    /// Names of the reporters that are there, separated by commas, of those that have settings
    /// `metrics.reporter.NAME.…`. Without it: all of them. There are reporters for Prometheus only.
    REPORTERS: String = "metrics.reporters"
        .example("prom");

    /// What the reporter called `prom` is; any other name will do as well:
    /// `org.apache.flink.metrics.prometheus.PrometheusReporterFactory` exposes the metrics of a
    /// JobManager or TaskManager for Prometheus.
    PROM_FACTORY: String = "metrics.reporter.prom.factory.class"
        .example("org.apache.flink.metrics.prometheus.PrometheusReporterFactory");

    /// Port on which Prometheus finds the metrics of a process, or a range, of which the first free
    /// port is taken: `9250-9260`.
    PROM_PORT: Ports = "metrics.reporter.prom.port"
        .default(|| Ports::one(DEFAULT_PORT))
        .example("9250-9260");

    /// Whether all that is no ASCII letter, digit, `:` or `_` becomes `_` in the values of labels.
    PROM_FILTER_LABEL_VALUE_CHARACTERS: bool = "metrics.reporter.prom.filterLabelValueCharacters"
        .default(|| true);

    /// Labels that are left out, separated by `;`: `task_attempt_id;task_attempt_num`.
    PROM_EXCLUDES: String = "metrics.reporter.prom.scope.variables.excludes"
        .example("task_attempt_id;task_attempt_num");

    /// Time between two latency markers that a source emits; 0 turns latency tracking off.
    LATENCY_INTERVAL: Duration = "metrics.latency.interval"
        .default(|| Duration::ZERO);

    /// What latencies are told apart by besides the operator and its subtask: nothing (`single`), the
    /// source (`operator`), or the source's subtask, too (`subtask`).
    LATENCY_GRANULARITY: LatencyGranularity = "metrics.latency.granularity"
        .default(|| LatencyGranularity::Operator);

    /// How many latencies each histogram of them looks back.
    LATENCY_HISTORY_SIZE: u32 = "metrics.latency.history-size"
        .default(|| 128)
        .rule("from 1 to 1000000", |size| (1..=1_000_000).contains(size));
}
