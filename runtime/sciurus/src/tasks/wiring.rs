//! Connects subtasks of a job by channels within this process.

use std::collections::HashMap;
use std::sync::Arc;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionVertexId, JobEdgeId, JobVertexId, SubtaskIndex};
use sciurus_engine::exchange::{ChannelSender, InputGate};
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::TaskControl;

/// The ends of one subtask's channels.
#[derive(Default)]
pub(crate) struct Endpoints {
    pub(crate) senders: HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>>,
    pub(crate) gates: Vec<(usize, InputGate)>,
}

/// Makes all channels among the subtasks of `controls`, which are whole pipelined regions.
pub(crate) fn connect(
    graph: &JobGraph,
    controls: &HashMap<ExecutionVertexId, Arc<TaskControl>>,
    channel_bytes: usize,
) -> HashMap<ExecutionVertexId, Endpoints> {
    let mut endpoints: HashMap<ExecutionVertexId, Endpoints> =
        controls.keys().map(|subtask| (*subtask, Endpoints::default())).collect();
    for vertex in &graph.vertices {
        let inputs = graph.inputs_of(vertex.id).map(|edge| edge.input + 1).max().unwrap_or(0);
        for subtask in (0..vertex.parallelism).map(SubtaskIndex) {
            let consumer = ExecutionVertexId { vertex: vertex.id, subtask };
            let Some(control) = controls.get(&consumer) else { continue };
            for input in 0..inputs {
                let producers = producers_of(graph, vertex.id, input, subtask);
                let notifiers: Vec<Notifier> = producers
                    .iter()
                    .map(|(_, producer)| {
                        controls
                            .get(producer)
                            .map_or_else(Notifier::default, |control| control.notifier().clone())
                    })
                    .collect();
                let (gate, senders) =
                    InputGate::new(control.notifier().clone(), &notifiers, channel_bytes);
                if let Some(ends) = endpoints.get_mut(&consumer) {
                    ends.gates.push((input, gate));
                }
                // Consumers are visited in order, so that a producer's senders stand in theirs.
                for ((edge, producer), sender) in producers.into_iter().zip(senders) {
                    if let Some(ends) = endpoints.get_mut(&producer) {
                        ends.senders.entry(edge).or_default().push(Box::new(sender));
                    }
                }
            }
        }
    }
    endpoints
}

/// Returns who sends to an input of a subtask: over one edge, or over several, as a union.
fn producers_of(
    graph: &JobGraph,
    vertex: JobVertexId,
    input: usize,
    subtask: SubtaskIndex,
) -> Vec<(JobEdgeId, ExecutionVertexId)> {
    let mut producers = Vec::new();
    for edge in graph.inputs_of(vertex).filter(|edge| edge.input == input) {
        let Some(wiring) = graph.wiring(edge) else { continue };
        for producer in wiring.producers_of(subtask).iter() {
            let producer = ExecutionVertexId { vertex: edge.source_vertex, subtask: producer };
            producers.push((edge.id, producer));
        }
    }
    producers
}
