//! What a worker tells of what its tasks count.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::exchange::Credit;
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_engine::metrics::latency::LatencySource;
use sciurus_engine::metrics::samples::Distribution;
use sciurus_engine::metrics::user::{Group, UserMetric, UserValue};
use sciurus_rpc::{convert, proto};

/// Reads what a task has counted so far.
pub(super) fn task_metrics(
    attempt: ExecutionAttemptId,
    metrics: &SubtaskMetrics,
) -> proto::TaskMetrics {
    let SubtaskMetrics { task, operators, inputs, outputs, accumulators } = metrics;
    let times = task.times.snapshot();
    let operators = operators.iter().map(|(name, counted)| proto::OperatorMetrics {
        name: name.to_string(),
        records_in: counted.records_in.get(),
        records_out: counted.records_out.get(),
        late_records_dropped: counted.late_records_dropped.get(),
        bytes_read: counted.bytes_read.get(),
        bytes_written: counted.bytes_written.get(),
        records_in_errors: counted.records_in_errors.get(),
        input_watermark: counted.input_watermark.get(),
        output_watermark: counted.output_watermark.get(),
        user: counted.user.snapshot().into_iter().map(user_metric).collect(),
        latencies: counted.latencies.snapshot().into_iter().map(latency).collect(),
    });
    let (input_queued_bytes, input_limit_bytes) = under_way(inputs);
    let (output_queued_bytes, output_limit_bytes) = under_way(outputs);
    proto::TaskMetrics {
        attempt: Some(attempt.into()),
        records_in: task.records_in.get(),
        records_out: task.records_out.get(),
        bytes_in: task.bytes_in.get(),
        bytes_out: task.bytes_out.get(),
        total_us: micros(times.total),
        idle_us: micros(times.idle),
        soft_back_pressured_us: micros(times.soft_back_pressured),
        hard_back_pressured_us: micros(times.hard_back_pressured),
        input_queued_bytes,
        input_limit_bytes,
        output_queued_bytes,
        output_limit_bytes,
        operators: operators.collect(),
        accumulators: accumulators.snapshot().into_iter().collect(),
    }
}

fn user_metric(metric: UserMetric) -> proto::UserMetric {
    use proto::user_metric::Value;
    let group = |(name, value): Group| proto::MetricGroup {
        name: name.to_string(),
        value: value.map(|value| value.to_string()),
    };
    proto::UserMetric {
        groups: metric.groups.into_iter().map(group).collect(),
        name: metric.name.to_string(),
        value: Some(match metric.value {
            UserValue::Counter(count) => Value::Counter(count),
            UserValue::Gauge(value) => Value::Gauge(value),
            UserValue::Meter(count) => Value::Meter(count),
            UserValue::Histogram(values) => Value::Histogram(distribution(&values)),
        }),
    }
}

fn latency((source, values): (LatencySource, Distribution)) -> proto::Latency {
    proto::Latency {
        source: source.operator.map(|id| convert::bytes_of(id.to_bytes())),
        source_subtask: source.subtask,
        distribution: Some(distribution(&values)),
    }
}

fn distribution(values: &Distribution) -> proto::Distribution {
    let &Distribution { count, min, max, mean, stddev, quantiles } = values;
    proto::Distribution { count, min, max, mean, stddev, quantiles: quantiles.into() }
}

/// Returns how many bytes are under way on channels, and how many may be.
pub(super) fn under_way(channels: &[Arc<Credit>]) -> (u64, u64) {
    let used: usize = channels.iter().map(|channel| channel.used()).sum();
    let limit: usize = channels.iter().map(|channel| channel.limit()).sum();
    (used as u64, limit as u64)
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}
