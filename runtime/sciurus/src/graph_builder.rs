//! What the streams of an environment have in common: the graph they add to.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::NodeId;
use sciurus_engine::program::{EdgeCode, NodeCode, Program};

use crate::error::JobError;

/// The graph under construction with the code of its nodes.
pub(crate) struct GraphBuilder {
    pub(crate) graph: StreamGraph,
    pub(crate) program: Program,
    /// How many nodes there were when a job was last started.
    executed: usize,
    id: GraphId,
    /// The first operator that reads a stream of another environment.
    reads_foreign: Option<String>,
}

/// Tells the graphs of different environments apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GraphId(u64);

impl GraphId {
    fn next() -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self(IDS.fetch_add(1, Ordering::Relaxed))
    }
}

/// A graph builder that the streams of an environment share.
pub(crate) type SharedBuilder = Arc<Mutex<GraphBuilder>>;

/// Where a stream's records come from.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) graph: GraphId,
    pub(crate) node: NodeId,
    pub(crate) side_output: Option<Arc<str>>,
    pub(crate) partitioning: Option<(Partitioning, Option<EdgeCode>)>,
}

impl Upstream {
    /// The side output `tag` of the same node.
    pub(crate) fn side(&self, tag: Arc<str>) -> Self {
        let Self { graph, node, .. } = *self;
        Self { graph, node, side_output: Some(tag), partitioning: None }
    }
}

impl GraphBuilder {
    pub(crate) fn new(graph: StreamGraph) -> Self {
        let id = GraphId::next();
        Self { graph, program: Program::default(), executed: 0, id, reads_foreign: None }
    }

    /// Returns the main output of `node`.
    pub(crate) fn output_of(&self, node: NodeId) -> Upstream {
        Upstream { graph: self.id, node, side_output: None, partitioning: None }
    }

    /// Adds a node with its code and its edges, input by input.
    pub(crate) fn add(
        &mut self,
        name: &str,
        kind: NodeKind,
        code: NodeCode,
        inputs: &[&[Upstream]],
    ) -> NodeId {
        let id = NodeId(self.graph.nodes.len() as u32);
        self.graph.nodes.push(StreamNode::new(id, name, kind));
        self.program.nodes.insert(id, code);
        for (input, upstreams) in inputs.iter().enumerate() {
            for upstream in *upstreams {
                if upstream.graph != self.id {
                    // Its node means another one here. It is told when the job is executed.
                    self.reads_foreign.get_or_insert_with(|| name.to_owned());
                    continue;
                }
                let mut edge = StreamEdge::new(upstream.node, id);
                edge.input = input;
                edge.side_output = upstream.side_output.as_deref().map(str::to_owned);
                if let Some((partitioning, code)) = &upstream.partitioning {
                    edge.partitioning = Some(*partitioning);
                    if let Some(code) = code {
                        let position = self.graph.edges.len() as u32;
                        self.program.edges.insert(position, code.clone());
                    }
                }
                self.graph.edges.push(edge);
            }
        }
        id
    }

    /// Returns the job that is to be executed next, as in Flink: the operators added since the last
    /// one was, with all that leads to them. A source that nobody reads is not in it.
    ///
    /// # Errors
    /// [`JobError::ForeignStream`].
    pub(crate) fn next_job(&self) -> Result<(StreamGraph, Program), JobError> {
        if let Some(operator) = self.reads_foreign.clone() {
            return Err(JobError::ForeignStream { operator });
        }
        let is_new = |node: &StreamNode| node.id.0 as usize >= self.executed;
        let is_wanted = |node: &&StreamNode| is_new(node) && !node.kind.is_source();
        let mut wanted: HashSet<NodeId> =
            self.graph.nodes.iter().filter(is_wanted).map(|node| node.id).collect();
        // An edge is made with the node that it leads to: the later ones lead further down.
        for edge in self.graph.edges.iter().rev() {
            if wanted.contains(&edge.target) {
                wanted.insert(edge.source);
            }
        }
        let mut graph = self.graph.clone();
        let mut program = Program::default();
        graph.nodes.retain(|node| wanted.contains(&node.id));
        graph.edges.clear();
        for (position, edge) in (0..).zip(&self.graph.edges) {
            if wanted.contains(&edge.target) {
                if let Some(code) = self.program.edges.get(&position) {
                    program.edges.insert(graph.edges.len() as u32, code.clone());
                }
                graph.edges.push(edge.clone());
            }
        }
        for (node, code) in &self.program.nodes {
            if wanted.contains(node) {
                program.nodes.insert(*node, code.clone());
            }
        }
        Ok((graph, program))
    }

    /// Notes that all operators are in jobs that were started.
    pub(crate) fn mark_executed(&mut self) {
        self.executed = self.graph.nodes.len();
    }

    /// Returns the parallelism that a node was given, if any.
    pub(crate) fn parallelism_of(&self, node: NodeId) -> Option<u32> {
        self.graph.node(node)?.parallelism
    }

    /// Changes a node.
    pub(crate) fn change(&mut self, node: NodeId, change: impl FnOnce(&mut StreamNode)) {
        if let Some(node) = self.graph.node_mut(node) {
            change(node);
        }
    }
}
