//! Connects the subtasks of a job that run in this process, with each other and with those of other
//! workers.

use std::collections::HashMap;
use std::sync::Arc;

use sciurus_core::graph::{JobEdge, JobGraph};
use sciurus_core::ids::{AttemptNumber, ExecutionVertexId, JobEdgeId, JobVertexId, SubtaskIndex};

use super::gate::{ChannelSender, InputGate, LocalChannel};
use super::network::{ChannelEnd, ChannelId, Network, Peer};
use crate::error::{TaskError, TaskResult};
use crate::task::TaskControl;

/// The ends of one subtask's channels.
#[derive(Default)]
pub struct Endpoints {
    /// The sending ends of each edge, in the order of its consumers.
    pub senders: HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>>,
    /// The receiving ends, one an input.
    pub gates: Vec<(usize, InputGate)>,
}

/// Where a subtask runs, and as which attempt.
#[derive(Debug, Clone)]
pub struct Location {
    /// The attempt that counts.
    pub attempt: AttemptNumber,
    /// The worker that runs it.
    pub worker: Peer,
}

/// How subtasks of other workers are reached.
pub struct Remote<'a> {
    /// Leads there.
    pub network: &'a Network,
    /// Says where a subtask is: also for those of this worker, whose attempts count as well.
    pub locate: &'a dyn Fn(ExecutionVertexId) -> Option<Location>,
}

/// Makes the ends of all channels of the subtasks of `controls`, which run in this process. All
/// others that they are connected with run elsewhere; without `remote` there are none.
///
/// # Errors
/// [`TaskError::Defect`] where nobody knows the other end of a channel.
#[allow(clippy::implicit_hasher, reason = "its callers have no other")]
pub fn connect(
    graph: &JobGraph,
    controls: &HashMap<ExecutionVertexId, Arc<TaskControl>>,
    channel_bytes: usize,
    remote: Option<&Remote<'_>>,
) -> TaskResult<HashMap<ExecutionVertexId, Endpoints>> {
    let mut connector = Connector { graph, controls, channel_bytes, remote, local: HashMap::new() };
    let mut endpoints: HashMap<ExecutionVertexId, Endpoints> = HashMap::new();
    for consumer in controls.keys() {
        let gates = connector.gates(*consumer)?;
        endpoints.entry(*consumer).or_default().gates = gates;
    }
    for producer in controls.keys() {
        let senders = connector.senders(*producer)?;
        endpoints.entry(*producer).or_default().senders = senders;
    }
    Ok(endpoints)
}

struct Connector<'a> {
    graph: &'a JobGraph,
    controls: &'a HashMap<ExecutionVertexId, Arc<TaskControl>>,
    channel_bytes: usize,
    remote: Option<&'a Remote<'a>>,
    /// Sending ends that no producer has yet: by edge, producer and consumer.
    local: HashMap<(JobEdgeId, SubtaskIndex, SubtaskIndex), LocalChannel>,
}

impl Connector<'_> {
    /// Makes the gates of a subtask, and the sending ends of its channels from this process.
    fn gates(&mut self, consumer: ExecutionVertexId) -> TaskResult<Vec<(usize, InputGate)>> {
        let vertex = consumer.vertex;
        let inputs = self.graph.inputs_of(vertex).map(|edge| edge.input + 1).max().unwrap_or(0);
        (0..inputs).map(|input| Ok((input, self.gate(consumer, input)?))).collect()
    }

    fn gate(&mut self, consumer: ExecutionVertexId, input: usize) -> TaskResult<InputGate> {
        let notifier = match self.controls.get(&consumer) {
            Some(control) => control.notifier().clone(),
            None => return Err(UNKNOWN_END),
        };
        let producers = producers_of(self.graph, consumer.vertex, input, consumer.subtask);
        let mut gate = InputGate::with_capacity(notifier, producers.len(), self.channel_bytes);
        for (edge, producer) in producers {
            if let Some(control) = self.controls.get(&producer) {
                let sender = gate.add_local(control.notifier().clone());
                self.local.insert((edge.id, producer.subtask, consumer.subtask), sender);
            } else {
                let (remote, channel, peer) =
                    self.remote(edge, producer.subtask, consumer.subtask, producer)?;
                remote.network.receive(channel, &peer, &mut gate);
            }
        }
        Ok(gate)
    }

    /// Takes or makes the sending ends of a subtask's channels.
    fn senders(
        &mut self,
        producer: ExecutionVertexId,
    ) -> TaskResult<HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>>> {
        let mut senders: HashMap<JobEdgeId, Vec<Box<dyn ChannelSender>>> = HashMap::new();
        for edge in self.graph.outputs_of(producer.vertex) {
            let Some(wiring) = self.graph.wiring(edge) else { continue };
            let of_edge = senders.entry(edge.id).or_default();
            for subtask in wiring.targets_of(producer.subtask).iter() {
                let key = (edge.id, producer.subtask, subtask);
                of_edge.push(match self.local.remove(&key) {
                    Some(sender) => Box::new(sender),
                    None => self.remote_sender(edge, producer, subtask)?,
                });
            }
        }
        Ok(senders)
    }

    fn remote_sender(
        &self,
        edge: &JobEdge,
        producer: ExecutionVertexId,
        consumer: SubtaskIndex,
    ) -> TaskResult<Box<dyn ChannelSender>> {
        let other = ExecutionVertexId { vertex: edge.target_vertex, subtask: consumer };
        let (remote, channel, peer) = self.remote(edge, producer.subtask, consumer, other)?;
        let Some(control) = self.controls.get(&producer) else { return Err(UNKNOWN_END) };
        let notifier = control.notifier().clone();
        Ok(Box::new(remote.network.send(channel, &peer, notifier, self.channel_bytes)))
    }

    /// Names a channel of which only one end is here, and says where the `other` end is.
    fn remote(
        &self,
        edge: &JobEdge,
        producer: SubtaskIndex,
        consumer: SubtaskIndex,
        other: ExecutionVertexId,
    ) -> TaskResult<(&Remote<'_>, ChannelId, Peer)> {
        let remote = self.remote.ok_or(UNKNOWN_END)?;
        let locate = |vertex, subtask| {
            (remote.locate)(ExecutionVertexId { vertex, subtask }).ok_or(UNKNOWN_END)
        };
        let source = locate(edge.source_vertex, producer)?;
        let target = locate(edge.target_vertex, consumer)?;
        let channel = ChannelId {
            edge: edge.id,
            producer: ChannelEnd { subtask: producer, attempt: source.attempt },
            consumer: ChannelEnd { subtask: consumer, attempt: target.attempt },
        };
        let is_target = (other.vertex, other.subtask) == (edge.target_vertex, consumer);
        let peer = if is_target { target.worker } else { source.worker };
        Ok((remote, channel, peer))
    }
}

const UNKNOWN_END: TaskError = TaskError::Defect("nobody knows where a channel's other end is");

/// Returns who sends to an input of a subtask: over one edge, or over several, as a union.
fn producers_of(
    graph: &JobGraph,
    vertex: JobVertexId,
    input: usize,
    subtask: SubtaskIndex,
) -> Vec<(&JobEdge, ExecutionVertexId)> {
    let mut producers = Vec::new();
    for edge in graph.inputs_of(vertex).filter(|edge| edge.input == input) {
        let Some(wiring) = graph.wiring(edge) else { continue };
        for producer in wiring.producers_of(subtask).iter() {
            let producer = ExecutionVertexId { vertex: edge.source_vertex, subtask: producer };
            producers.push((edge, producer));
        }
    }
    producers
}
