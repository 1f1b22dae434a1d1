//! Connects the subtasks of a job by channels within this process.

use std::collections::HashMap;
use std::sync::Arc;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{JobEdgeId, JobVertexId, SubtaskIndex};
use sciurus_engine::exchange::{ChannelSender, InputGate};
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::TaskControl;

/// A subtask: its vertex and its number.
pub(super) type Subtask = (JobVertexId, u32);

/// The ends of one subtask's channels.
#[derive(Default)]
pub(super) struct Endpoints {
    pub(super) senders: HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>>,
    pub(super) gates: Vec<(usize, InputGate)>,
}

/// Makes all channels among the subtasks of `controls`, which hold whole pipelined regions.
pub(super) fn connect(
    graph: &JobGraph,
    controls: &HashMap<Subtask, Arc<TaskControl>>,
    channel_bytes: usize,
) -> HashMap<Subtask, Endpoints> {
    let mut endpoints: HashMap<Subtask, Endpoints> =
        controls.keys().map(|subtask| (*subtask, Endpoints::default())).collect();
    let notifier_of = |subtask: Subtask| {
        controls.get(&subtask).map_or_else(Notifier::default, |control| control.notifier().clone())
    };
    for vertex in &graph.vertices {
        let inputs = graph.inputs_of(vertex.id).map(|edge| edge.input + 1).max().unwrap_or(0);
        for consumer in 0..vertex.parallelism {
            for input in 0..inputs {
                // One gate holds the channels of all edges into an input: a union.
                let mut producers: Vec<(JobEdgeId, Subtask)> = Vec::new();
                for edge in graph.inputs_of(vertex.id).filter(|edge| edge.input == input) {
                    let Some(wiring) = graph.wiring(edge) else { continue };
                    for producer in wiring.producers_of(SubtaskIndex(consumer)).iter() {
                        producers.push((edge.id, (edge.source_vertex, producer.0)));
                    }
                }
                let notifiers: Vec<Notifier> =
                    producers.iter().map(|(_, producer)| notifier_of(*producer)).collect();
                let (gate, senders) =
                    InputGate::new(notifier_of((vertex.id, consumer)), &notifiers, channel_bytes);
                if let Some(endpoints) = endpoints.get_mut(&(vertex.id, consumer)) {
                    endpoints.gates.push((input, gate));
                }
                // Consumers are visited in order, so that a producer's senders stand in theirs.
                for ((edge, producer), sender) in producers.into_iter().zip(senders) {
                    if let Some(endpoints) = endpoints.get_mut(&producer) {
                        endpoints.senders.entry(edge).or_default().push(Box::new(sender));
                    }
                }
            }
        }
    }
    endpoints
}
