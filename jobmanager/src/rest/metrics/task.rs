//! The metrics of a task.

use std::time::Duration;

use sciurus_core::graph::JobVertex;
use sciurus_core::ids::SubtaskIndex;

use super::{Metrics, Value, sanitized};
use crate::metrics::{OperatorMetricsView, TaskMetricsView};

/// From which share of its time on a task counts as back-pressured, in milliseconds a second.
const BACK_PRESSURED: f64 = 100.0;

/// Returns what the watermark of a subtask is called among the metrics of its vertex.
pub fn watermark_name(subtask: SubtaskIndex) -> String {
    format!("{subtask}.currentInputWatermark")
}

/// Returns the metrics of an attempt to run a subtask of a vertex.
pub fn metrics_of_task(vertex: Option<&JobVertex>, task: &TaskMetricsView) -> Metrics {
    let mut metrics = Metrics::default();
    let is_source = vertex.is_some_and(|vertex| vertex.is_source);
    add_exchanges(&mut metrics, task);
    add_times(&mut metrics, task);
    if let Some(head) = task.operators.first().filter(|_| !is_source) {
        metrics.add("currentInputWatermark", Value::Whole(head.input_watermark));
    }
    for (place, operator) in task.operators.iter().enumerate() {
        // The graph has the names that users see: "Source: numbers".
        let shown = vertex.and_then(|vertex| vertex.operators.get(place)).map(|shown| &shown.name);
        let prefix = sanitized(shown.unwrap_or(&operator.name));
        let role = match place {
            0 if is_source => Role::Source,
            // Only sinks write anywhere.
            _ if operator.bytes_written > 0 => Role::Sink,
            _ => Role::Other,
        };
        metrics.add_prefixed(&prefix, metrics_of_operator(operator, role));
    }
    metrics
}

fn add_exchanges(metrics: &mut Metrics, task: &TaskMetricsView) {
    metrics.add("numRecordsIn", task.records_in);
    metrics.add("numRecordsInPerSecond", Value::Decimal(task.records_in_per_second));
    metrics.add("numRecordsOut", task.records_out);
    metrics.add("numRecordsOutPerSecond", Value::Decimal(task.records_out_per_second));
    metrics.add("numBytesIn", task.bytes_in);
    metrics.add("numBytesInPerSecond", Value::Decimal(task.bytes_in_per_second));
    metrics.add("numBytesOut", task.bytes_out);
    metrics.add("numBytesOutPerSecond", Value::Decimal(task.bytes_out_per_second));
    let input = "Shuffle.Netty.Input.Buffers";
    metrics.add(format!("{input}.inputQueueSize"), task.input_queued_bytes);
    let usage = usage(task.input_queued_bytes, task.input_limit_bytes);
    metrics.add(format!("{input}.inPoolUsage"), Value::Decimal(usage));
    let output = "Shuffle.Netty.Output.Buffers";
    metrics.add(format!("{output}.outputQueueSize"), task.output_queued_bytes);
    let usage = self::usage(task.output_queued_bytes, task.output_limit_bytes);
    metrics.add(format!("{output}.outPoolUsage"), Value::Decimal(usage));
}

fn usage(used: u64, limit: u64) -> f64 {
    if limit == 0 { 0.0 } else { used as f64 / limit as f64 }
}

fn add_times(metrics: &mut Metrics, task: &TaskMetricsView) {
    let back_pressured = task.back_pressured_ms_per_second();
    metrics.add("busyTimeMsPerSecond", Value::Decimal(task.busy_ms_per_second));
    metrics.add("idleTimeMsPerSecond", whole(task.idle_ms_per_second));
    metrics.add("backPressuredTimeMsPerSecond", whole(back_pressured));
    let soft = task.soft_back_pressured_ms_per_second;
    metrics.add("softBackPressuredTimeMsPerSecond", whole(soft));
    let hard = task.hard_back_pressured_ms_per_second;
    metrics.add("hardBackPressuredTimeMsPerSecond", whole(hard));
    metrics.add("isBackPressured", Value::Is(back_pressured > BACK_PRESSURED));
    metrics.add("accumulateBusyTimeMs", Value::Decimal(millis(task.busy) as f64));
    metrics.add("accumulateIdleTimeMs", millis(task.idle));
    metrics.add("accumulateBackPressuredTimeMs", millis(task.back_pressured));
}

fn whole(number: f64) -> Value {
    Value::Whole(number.round() as i64)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What an operator does, as far as it makes other metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Source,
    Sink,
    Other,
}

fn metrics_of_operator(operator: &OperatorMetricsView, role: Role) -> Metrics {
    let mut metrics = Metrics::default();
    // What a source reads is what goes into it, as Flink's sources count.
    let (records_in, in_per_second) = match role {
        Role::Source => (operator.records_out, operator.records_out_per_second),
        Role::Sink | Role::Other => (operator.records_in, operator.records_in_per_second),
    };
    metrics.add("numRecordsIn", records_in);
    metrics.add("numRecordsInPerSecond", Value::Decimal(in_per_second));
    metrics.add("numRecordsOut", operator.records_out);
    metrics.add("numRecordsOutPerSecond", Value::Decimal(operator.records_out_per_second));
    if role != Role::Source {
        metrics.add("currentInputWatermark", Value::Whole(operator.input_watermark));
        metrics.add("numLateRecordsDropped", operator.late_records_dropped);
    }
    metrics.add("currentOutputWatermark", Value::Whole(operator.output_watermark));
    if role == Role::Source {
        metrics.add("numBytesIn", operator.bytes_read);
        metrics.add("numBytesInPerSecond", Value::Decimal(operator.bytes_read_per_second));
        metrics.add("numRecordsInErrors", operator.records_in_errors);
    }
    if role == Role::Sink {
        metrics.add("numRecordsSend", operator.records_in);
        metrics.add("numBytesSend", operator.bytes_written);
        metrics.add("numBytesOut", operator.bytes_written);
        metrics.add("numBytesOutPerSecond", Value::Decimal(operator.bytes_written_per_second));
    }
    metrics
}
