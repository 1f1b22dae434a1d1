//! What the streams of an environment have in common: the graph they add to.

use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::NodeId;
use sciurus_engine::program::{EdgeCode, NodeCode, Program};

/// The graph under construction with the code of its nodes.
pub(crate) struct GraphBuilder {
    pub(crate) graph: StreamGraph,
    pub(crate) program: Program,
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
        Self { graph, program: Program::default() }
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
