//! The graph that the API builds: one node per operator.

use serde::{Deserialize, Serialize};

use super::{ExchangeMode, JobType, Partitioning, StreamNode};
use crate::ids::NodeId;

/// Describes a job as the user wrote it.
///
/// The order of nodes and edges matters: it decides the ids of operators without a `uid`, so the
/// same program must always build the same graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamGraph {
    /// What the job is called.
    pub job_name: String,
    /// Whether the job emits as it goes or only final results.
    pub job_type: JobType,
    /// The parallelism of operators that were given none.
    pub parallelism: u32,
    /// The maximum parallelism of operators that were given none; derived from the parallelism when
    /// absent.
    pub max_parallelism: Option<u32>,
    /// Whether operators are fused at all (`pipeline.operator-chaining.enabled`).
    pub chaining_enabled: bool,
    /// Whether operators with different maximum parallelism are fused
    /// (`pipeline.operator-chaining.chain-operators-with-different-max-parallelism`).
    ///
    /// The vertex then has the maximum of its head, the only operator of a chain whose input
    /// arrives by key.
    pub chain_different_max_parallelism: bool,
    /// The operators, in the order in which the program made them.
    pub nodes: Vec<StreamNode>,
    /// What flows between operators, in the order in which the program made it.
    pub edges: Vec<StreamEdge>,
}

impl StreamGraph {
    /// Makes a graph without operators, with Flink's defaults and a parallelism of 1.
    pub fn new(job_name: impl Into<String>) -> Self {
        Self {
            job_name: job_name.into(),
            job_type: JobType::Streaming,
            parallelism: 1,
            max_parallelism: None,
            chaining_enabled: true,
            chain_different_max_parallelism: true,
            nodes: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// Returns the node with an id.
    pub fn node(&self, id: NodeId) -> Option<&StreamNode> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Returns the node with an id, to be changed.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut StreamNode> {
        self.nodes.iter_mut().find(|node| node.id == id)
    }
}

/// Describes what flows from one operator to another.
///
/// A union is several edges into the same input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEdge {
    /// The operator that emits the records.
    pub source: NodeId,
    /// The operator that reads them.
    pub target: NodeId,
    /// Which input of the reader they arrive at, from 0.
    pub input: usize,
    /// The id of the side output that they are taken from; the main output when absent.
    pub side_output: Option<String>,
    /// How they are spread; when absent, [`Partitioning::Forward`] between equal parallelisms, else
    /// [`Partitioning::Rebalance`].
    pub partitioning: Option<Partitioning>,
    /// When the reader may start.
    pub exchange: ExchangeMode,
}

impl StreamEdge {
    /// Connects the main output of `source` with the first input of `target` and leaves the
    /// partitioning open.
    pub const fn new(source: NodeId, target: NodeId) -> Self {
        Self {
            source,
            target,
            input: 0,
            side_output: None,
            partitioning: None,
            exchange: ExchangeMode::Pipelined,
        }
    }
}
