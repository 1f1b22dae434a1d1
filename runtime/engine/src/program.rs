//! The code of a job: what a job graph, being data, can't hold.

use std::collections::HashMap;
use std::sync::Arc;

use sciurus_core::ids::NodeId;

use crate::exchange::{ChooseChannels, KeyExtractorFactory};
use crate::operator::OperatorFactory;
use crate::source::SourceFactory;

/// Makes the operators of a job, node by node, and the partitioners of its edges.
#[derive(Clone, Default)]
pub struct Program {
    /// The code of each node of the stream graph.
    pub nodes: HashMap<NodeId, NodeCode>,
    /// The code of those edges of the stream graph whose partitioning needs some, by their
    /// position.
    pub edges: HashMap<u32, EdgeCode>,
}

/// The code of a node.
#[derive(Clone)]
pub enum NodeCode {
    /// A source.
    Source(Arc<dyn SourceFactory>),
    /// An operator.
    Operator(Arc<dyn OperatorFactory>),
}

/// The code of an edge.
#[derive(Clone)]
pub enum EdgeCode {
    /// Computes the keys that records are hashed by.
    Key(Arc<dyn KeyExtractorFactory>),
    /// Makes a user's partitioner.
    Custom(Arc<dyn Fn() -> ChooseChannels + Send + Sync>),
}
