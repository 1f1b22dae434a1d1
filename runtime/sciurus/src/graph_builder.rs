//! What the streams of an environment have in common: the graph they add to.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::NodeId;
use sciurus_engine::program::{EdgeCode, NodeCode, Program};

/// The graph under construction with the code of its nodes.
pub(crate) struct GraphBuilder {
    pub(crate) graph: StreamGraph,
    pub(crate) program: Program,
    /// How many nodes there were when a job was last started.
    executed: usize,
}

/// A graph builder that the streams of an environment share.
pub(crate) type SharedBuilder = Arc<Mutex<GraphBuilder>>;

/// Where a stream's records come from.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) node: NodeId,
    pub(crate) side_output: Option<Arc<str>>,
    pub(crate) partitioning: Option<(Partitioning, Option<EdgeCode>)>,
}

impl Upstream {
    /// The main output of `node`.
    pub(crate) fn of(node: NodeId) -> Self {
        Self { node, side_output: None, partitioning: None }
    }
}

impl GraphBuilder {
    pub(crate) fn new(graph: StreamGraph) -> Self {
        Self { graph, program: Program::default(), executed: 0 }
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
    pub(crate) fn next_job(&self) -> (StreamGraph, Program) {
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
        (graph, program)
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
