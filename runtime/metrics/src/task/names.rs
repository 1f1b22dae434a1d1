//! The metrics of a task.

use std::time::Duration;

use sciurus_core::graph::{ChainedOperator, JobGraph};
use sciurus_core::ids::{JobVertexId, OperatorId, SubtaskIndex};

use super::view::{OperatorMetricsView, TaskMetricsView};
use crate::{Metrics, Value, sanitized};

/// From which share of its time on a task counts as back-pressured, in milliseconds a second.
const BACK_PRESSURED: f64 = 100.0;

/// Returns what the watermark of a subtask is called among the metrics of its vertex.
pub fn watermark_name(subtask: SubtaskIndex) -> String {
    format!("{subtask}.currentInputWatermark")
}

/// What the names of a vertex's metrics depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VertexOperators {
    is_source: bool,
    operators: Vec<OperatorOfVertex>,
}

/// What the metrics of an operator depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorOfVertex {
    pub(crate) id: OperatorId,
    pub(crate) name: String,
    pub(crate) role: Role,
}

impl VertexOperators {
    /// Looks at a vertex of a graph; nothing is known of one that isn't there.
    pub fn of(graph: &JobGraph, vertex: JobVertexId) -> Self {
        let Some(vertex) = graph.vertex(vertex) else {
            return Self { is_source: false, operators: Vec::new() };
        };
        let is_read = |operator: &ChainedOperator| {
            let in_chain = vertex.operators.iter().filter_map(|other| other.input.as_ref());
            in_chain.map(|input| input.from).any(|node| node == operator.node)
                || graph.edges.iter().any(|edge| edge.source_node == operator.node)
        };
        let operator = |(place, operator): (usize, &ChainedOperator)| {
            let role = match place {
                0 if vertex.is_source => Role::Source,
                _ if !is_read(operator) => Role::Sink,
                _ => Role::Other,
            };
            OperatorOfVertex { id: operator.operator_id, name: operator.name.clone(), role }
        };
        Self {
            is_source: vertex.is_source,
            operators: vertex.operators.iter().enumerate().map(operator).collect(),
        }
    }

    /// Returns the operator at a place of the chain.
    pub(crate) fn operator(&self, place: usize) -> Option<&OperatorOfVertex> {
        self.operators.get(place)
    }
}

/// Returns the metrics of an attempt to run a subtask of a vertex: its own, and its operators' with
/// their names in front.
pub fn metrics_of_task(vertex: &VertexOperators, task: &TaskMetricsView) -> Metrics {
    let mut metrics = metrics_of_task_alone(vertex, task);
    for (place, operator) in task.operators.iter().enumerate() {
        let known = vertex.operator(place);
        let name = known.map_or(&operator.name, |known| &known.name);
        let role = known.map_or(Role::Other, |known| known.role);
        let mut own = metrics_of_operator(operator, role);
        operator.user.iter().for_each(|metric| metric.add_to(&mut own));
        metrics.add_prefixed(&sanitized(name), own);
        let Some(known) = known else { continue };
        for latency in &operator.latencies {
            latency.add_to(&mut metrics, known.id, task.attempt.subtask.0);
        }
    }
    metrics
}

/// Returns the metrics of an attempt without its operators'.
pub(crate) fn metrics_of_task_alone(vertex: &VertexOperators, task: &TaskMetricsView) -> Metrics {
    let mut metrics = Metrics::default();
    add_exchanges(&mut metrics, task);
    add_times(&mut metrics, task);
    if let Some(head) = task.operators.first().filter(|_| !vertex.is_source) {
        metrics.add("currentInputWatermark", Value::Whole(head.input_watermark));
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
pub enum Role {
    /// It reads from outside.
    Source,
    /// Nobody reads what it emits.
    Sink,
    /// Anything else.
    Other,
}

/// Returns the metrics of an operator.
pub(crate) fn metrics_of_operator(operator: &OperatorMetricsView, role: Role) -> Metrics {
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

#[cfg(test)]
mod tests {
    use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
    use sciurus_core::ids::NodeId;

    use super::*;

    #[test]
    fn an_operator_that_nobody_reads_is_a_sink() {
        let mut graph = StreamGraph::new("job");
        for (id, name) in (0..).zip(["lines", "words", "count", "sink: Writer"]) {
            let kind =
                if id == 0 { NodeKind::Source { bounded: true } } else { NodeKind::OneInput };
            graph.nodes.push(StreamNode::new(NodeId(id), name, kind));
        }
        graph.edges = (0..3).map(|id| StreamEdge::new(NodeId(id), NodeId(id + 1))).collect();
        graph.edges[1].partitioning = Some(Partitioning::Hash);
        let graph = graph.to_job_graph().unwrap();
        let of = |vertex: usize| {
            let operators = VertexOperators::of(&graph, graph.vertices[vertex].id).operators;
            operators.into_iter().map(|operator| (operator.name, operator.role)).collect::<Vec<_>>()
        };
        let named = |name: &str, role| (name.to_owned(), role);
        assert_eq!(of(0), [named("Source: lines", Role::Source), named("words", Role::Other)]);
        assert_eq!(of(1), [named("count", Role::Other), named("sink: Writer", Role::Sink)]);
    }
}
