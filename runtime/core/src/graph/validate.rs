//! What can be wrong with a stream graph, and the checks of single operators.

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

use super::{StreamEdge, StreamGraph, StreamNode};
use crate::ids::NodeId;
use crate::key::MAX_KEY_GROUPS;

/// Names an operator in an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorName {
    /// The operator's node.
    pub node: NodeId,
    /// The operator's display name.
    pub name: String,
}

impl From<&StreamNode> for OperatorName {
    fn from(node: &StreamNode) -> Self {
        Self { node: node.id, name: node.display_name() }
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "'{}' (node {})", self.name, self.node)
    }
}

/// Says why a job can't be run as it was written. The user has to change the program or its
/// settings; trying again doesn't help.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GraphError {
    /// The program defines nothing.
    #[error("the job has no operators: add a source and a sink before executing it")]
    Empty,
    /// Nothing brings records into the job.
    #[error("the job has no source: every stream has to start at one")]
    NoSource,
    /// Two nodes have the same id.
    #[error("operators {first} and {second} have the same node id")]
    DuplicateNode {
        /// The operator that has the id.
        first: OperatorName,
        /// The operator that has it too.
        second: OperatorName,
    },
    /// Two operators have the same `uid`.
    #[error(
        "operators {first} and {second} have the same uid '{uid}': give each operator a \
         uid of its own, else their state would be mixed up"
    )]
    DuplicateUid {
        /// The `uid`.
        uid: String,
        /// The operator that has it.
        first: OperatorName,
        /// The operator that has it too.
        second: OperatorName,
    },
    /// An operator's `uid` is the empty text.
    #[error("operator {operator} has an empty uid: give it a name of its own or none")]
    EmptyUid {
        /// The operator.
        operator: OperatorName,
    },
    /// An operator is to run in no subtask.
    #[error("operator {operator} has parallelism 0: set it to 1 or more")]
    ZeroParallelism {
        /// The operator.
        operator: OperatorName,
    },
    /// An operator has more subtasks than key groups.
    #[error(
        "operator {operator} has parallelism {parallelism}, above its maximum parallelism of \
         {max_parallelism}: lower the one or raise the other"
    )]
    ParallelismAboveMaximum {
        /// The operator.
        operator: OperatorName,
        /// The operator's parallelism.
        parallelism: u32,
        /// The operator's maximum parallelism.
        max_parallelism: u32,
    },
    /// A maximum parallelism is out of range.
    #[error(
        "operator {operator} has a maximum parallelism of {max_parallelism}: it has to be between \
         1 and {}",
        MAX_KEY_GROUPS
    )]
    MaximumParallelismOutOfRange {
        /// The operator.
        operator: OperatorName,
        /// The operator's maximum parallelism.
        max_parallelism: u32,
    },
    /// An edge leads from or to a node that isn't there.
    #[error("an edge leads from node {from} to node {to}, but there is no node {missing}")]
    UnknownNode {
        /// Where the edge starts.
        from: NodeId,
        /// Where the edge ends.
        to: NodeId,
        /// The node that isn't there.
        missing: NodeId,
    },
    /// An edge leads to an input that the operator doesn't have.
    #[error(
        "operator {operator} has {inputs} inputs, but {from} is connected to its input \
         {input} (counted from 0)"
    )]
    NoSuchInput {
        /// The operator that reads.
        operator: OperatorName,
        /// How many inputs it has.
        inputs: usize,
        /// The operator that emits.
        from: OperatorName,
        /// The input that it is connected to.
        input: usize,
    },
    /// Nothing is connected to an input.
    #[error("nothing is connected to input {input} (counted from 0) of operator {operator}")]
    UnconnectedInput {
        /// The operator.
        operator: OperatorName,
        /// Its input.
        input: usize,
    },
    /// Records would flow in a circle.
    #[error(
        "operator {operator} reads its own output through {through} other operators: a \
         job has to be free of cycles"
    )]
    Cycle {
        /// An operator of the circle.
        operator: OperatorName,
        /// How many other operators the circle has.
        through: usize,
    },
    /// Forward partitioning was asked for between different parallelisms.
    #[error(
        "forward partitioning from {source_operator} (parallelism {source_parallelism}) to \
         {target_operator} (parallelism {target_parallelism}) needs equal parallelism: set it \
         equal, or use rebalance or rescale"
    )]
    ForwardBetweenUnequal {
        /// The operator that emits.
        source_operator: OperatorName,
        /// Its parallelism.
        source_parallelism: u32,
        /// The operator that reads.
        target_operator: OperatorName,
        /// Its parallelism.
        target_parallelism: u32,
    },
}

/// Finds each node's position by its id.
pub(super) fn index_nodes(graph: &StreamGraph) -> Result<HashMap<NodeId, usize>, GraphError> {
    let mut positions = HashMap::with_capacity(graph.nodes.len());
    for (position, node) in graph.nodes.iter().enumerate() {
        if let Some(first) = positions.insert(node.id, position) {
            return Err(GraphError::DuplicateNode {
                first: (&graph.nodes[first]).into(),
                second: node.into(),
            });
        }
    }
    if positions.is_empty() {
        return Err(GraphError::Empty);
    }
    Ok(positions)
}

/// Checks that every `uid` is a name of one operator.
pub(super) fn check_uids(graph: &StreamGraph) -> Result<(), GraphError> {
    let mut owners: HashMap<&str, &StreamNode> = HashMap::new();
    for node in &graph.nodes {
        let Some(uid) = node.uid.as_deref() else { continue };
        if uid.is_empty() {
            return Err(GraphError::EmptyUid { operator: node.into() });
        }
        if let Some(first) = owners.insert(uid, node) {
            return Err(GraphError::DuplicateUid {
                uid: uid.to_owned(),
                first: first.into(),
                second: node.into(),
            });
        }
    }
    Ok(())
}

/// Checks an operator's parallelism against its maximum: the one that was set or the highest
/// possible.
pub(super) fn check_parallelism(
    node: &StreamNode,
    parallelism: u32,
    max_parallelism: Option<u32>,
) -> Result<(), GraphError> {
    let highest = max_parallelism.unwrap_or(MAX_KEY_GROUPS);
    if highest == 0 || highest > MAX_KEY_GROUPS {
        return Err(GraphError::MaximumParallelismOutOfRange {
            operator: node.into(),
            max_parallelism: highest,
        });
    }
    if parallelism == 0 {
        return Err(GraphError::ZeroParallelism { operator: node.into() });
    }
    if parallelism > highest {
        return Err(GraphError::ParallelismAboveMaximum {
            operator: node.into(),
            parallelism,
            max_parallelism: highest,
        });
    }
    Ok(())
}

/// Finds the two ends of an edge and checks that the reader has the input.
pub(super) fn ends_of(
    graph: &StreamGraph,
    positions: &HashMap<NodeId, usize>,
    edge: &StreamEdge,
) -> Result<(usize, usize), GraphError> {
    let find = |missing| {
        positions.get(&missing).copied().ok_or(GraphError::UnknownNode {
            from: edge.source,
            to: edge.target,
            missing,
        })
    };
    let (source, target) = (find(edge.source)?, find(edge.target)?);
    let reader = &graph.nodes[target];
    if edge.input >= reader.kind.input_count() {
        return Err(GraphError::NoSuchInput {
            operator: reader.into(),
            inputs: reader.kind.input_count(),
            from: (&graph.nodes[source]).into(),
            input: edge.input,
        });
    }
    Ok((source, target))
}
