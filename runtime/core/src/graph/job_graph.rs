//! The graph that is run: one vertex per chain of operators.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::{Distribution, ExchangeMode, Partitioning, Wiring};
use crate::ids::{
    GraphFingerprint, JobEdgeId, JobVertexId, NodeId, OperatorId, SlotSharingGroupId,
};

/// Describes a job as it is scheduled: plain data that any front end can produce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobGraph {
    /// What the job is called.
    pub job_name: String,
    /// Whether the job emits as it goes or only final results.
    pub job_type: JobType,
    /// The vertices, each after all that it reads from.
    pub vertices: Vec<JobVertex>,
    /// The exchanges between vertices; [`JobEdge::id`] is an edge's position.
    pub edges: Vec<JobEdge>,
}

impl JobGraph {
    /// Returns the vertex with an id.
    pub fn vertex(&self, id: JobVertexId) -> Option<&JobVertex> {
        self.vertices.iter().find(|vertex| vertex.id == id)
    }

    /// Returns the edge with an id.
    pub fn edge(&self, id: JobEdgeId) -> Option<&JobEdge> {
        self.edges.get(id.0 as usize)
    }

    /// Returns the exchanges that a vertex reads from.
    pub fn inputs_of(&self, vertex: JobVertexId) -> impl Iterator<Item = &JobEdge> {
        self.edges.iter().filter(move |edge| edge.target_vertex == vertex)
    }

    /// Returns the exchanges that a vertex sends to.
    pub fn outputs_of(&self, vertex: JobVertexId) -> impl Iterator<Item = &JobEdge> {
        self.edges.iter().filter(move |edge| edge.source_vertex == vertex)
    }

    /// Returns which subtasks an edge connects, if the graph has both of its ends.
    pub fn wiring(&self, edge: &JobEdge) -> Option<Wiring> {
        let producers = self.vertex(edge.source_vertex)?.parallelism;
        let consumers = self.vertex(edge.target_vertex)?.parallelism;
        Some(Wiring::new(edge.distribution, producers, consumers))
    }

    /// Returns how many slots each slot sharing group needs: as many as its widest vertex has
    /// subtasks.
    pub fn slots_by_group(&self) -> BTreeMap<&str, u32> {
        let mut slots = BTreeMap::new();
        for vertex in &self.vertices {
            let needed = slots.entry(vertex.slot_sharing_group.as_str()).or_insert(0);
            *needed = vertex.parallelism.max(*needed);
        }
        slots
    }

    /// Returns a hash of the whole graph, equal for equal graphs on every platform.
    ///
    /// A worker rebuilds the graph from the job's own `main` and compares the two before it runs
    /// anything.
    pub fn fingerprint(&self) -> GraphFingerprint {
        let Ok(json) = serde_json::to_vec(self) else {
            unreachable!("a job graph holds nothing that JSON can't")
        };
        GraphFingerprint::from_bytes(xxh3_128(&json).to_be_bytes())
    }
}

/// Says when a job emits results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobType {
    /// As it goes.
    #[default]
    Streaming,
    /// Final results only, of bounded input.
    Batch,
}

impl JobType {
    /// Returns Flink's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streaming => "STREAMING",
            Self::Batch => "BATCH",
        }
    }
}

/// A chain of operators that run in one task per subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobVertex {
    /// The operator id of the head of the chain.
    pub id: JobVertexId,
    /// The names of the operators: `a -> b`, and `a -> (b, c)` where an operator feeds several.
    pub name: String,
    /// The descriptions of the operators as a tree, one a line.
    pub description: String,
    /// The operators, the head first, each after the one that it reads from.
    pub operators: Vec<ChainedOperator>,
    /// How many subtasks run the chain.
    pub parallelism: u32,
    /// How many key groups the chain's keyed state has.
    pub max_parallelism: u32,
    /// Whether the user set the maximum, so that restored state must not change it.
    pub max_parallelism_configured: bool,
    /// Vertices of one group may share slots.
    pub slot_sharing_group: String,
    /// Whether the chain starts with a source.
    pub is_source: bool,
    /// Whether the chain starts with a source whose records come to an end.
    pub is_bounded_source: bool,
}

impl JobVertex {
    /// Returns an operator of the chain.
    pub fn operator(&self, node: NodeId) -> Option<&ChainedOperator> {
        self.operators.iter().find(|operator| operator.node == node)
    }

    /// Returns the id of the vertex's slot sharing group.
    pub fn slot_sharing_group_id(&self) -> SlotSharingGroupId {
        let hash = xxh3_128(self.slot_sharing_group.as_bytes());
        SlotSharingGroupId::from_bytes(hash.to_be_bytes())
    }
}

/// An operator in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainedOperator {
    /// The operator's node in the stream graph.
    pub node: NodeId,
    /// Under which id the operator's state is kept.
    pub operator_id: OperatorId,
    /// The operator's display name.
    pub name: String,
    /// The `uid` that the user gave.
    pub uid: Option<String>,
    /// What the operator reads inside the chain; `None` for the head, which reads the vertex's
    /// exchanges or is a source.
    pub input: Option<ChainInput>,
    /// Whether the operator has keyed state or timers.
    pub keyed: bool,
}

/// What an operator reads from another one in its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainInput {
    /// The operator that emits.
    pub from: NodeId,
    /// The id of the side output that is read; the main output when absent.
    pub side_output: Option<String>,
}

/// An exchange between two vertices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEdge {
    /// The edge's position in the graph.
    pub id: JobEdgeId,
    /// The edge's position among the edges of the stream graph, by which the program knows its
    /// partitioner.
    pub stream_edge: u32,
    /// The vertex that produces.
    pub source_vertex: JobVertexId,
    /// The operator of that vertex that emits.
    pub source_node: NodeId,
    /// The vertex that consumes.
    pub target_vertex: JobVertexId,
    /// The operator that reads: the head of that vertex.
    pub target_node: NodeId,
    /// Which input of the reader the records arrive at, from 0.
    pub input: usize,
    /// The id of the side output that they are taken from; the main output when absent.
    pub side_output: Option<String>,
    /// How they are spread.
    pub partitioning: Partitioning,
    /// Which subtasks are connected.
    pub distribution: Distribution,
    /// When the consumer may start.
    pub exchange: ExchangeMode,
}
