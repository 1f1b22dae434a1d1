//! One operator of a stream graph.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// The slot sharing group of operators that were given none.
pub const DEFAULT_SLOT_SHARING_GROUP: &str = "default";

/// Describes one operator as the user wrote it; what is `None` was left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamNode {
    /// Identifies the node within its graph.
    pub id: NodeId,
    /// What the operator is called; plans and metrics show [`StreamNode::display_name`].
    pub name: String,
    /// A longer text for plans.
    pub description: Option<String>,
    /// The name under which the operator's state is found again; unique in the graph.
    pub uid: Option<String>,
    /// What the operator reads.
    pub kind: NodeKind,
    /// How many subtasks run the operator.
    pub parallelism: Option<u32>,
    /// How many key groups the operator's keyed state has, the most subtasks it can ever have.
    pub max_parallelism: Option<u32>,
    /// Operators of one group may share slots.
    pub slot_sharing_group: Option<String>,
    /// Whether the operator may be fused with its neighbours.
    pub chaining: ChainingStrategy,
    /// Whether the operator has keyed state or timers, so that its input must arrive by key.
    pub keyed: bool,
}

impl StreamNode {
    /// Describes an operator with everything left open.
    pub fn new(id: NodeId, name: impl Into<String>, kind: NodeKind) -> Self {
        Self {
            id,
            name: name.into(),
            description: None,
            uid: None,
            kind,
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: None,
            chaining: ChainingStrategy::Always,
            keyed: false,
        }
    }

    /// Returns the name as plans, logs and metrics show it: sources are marked, as in Flink.
    pub fn display_name(&self) -> String {
        match self.kind {
            NodeKind::Source { .. } => format!("Source: {}", self.name),
            NodeKind::OneInput | NodeKind::TwoInput => self.name.clone(),
        }
    }
}

/// Says what an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Nothing: records come from outside.
    Source {
        /// Whether the records come to an end.
        bounded: bool,
    },
    /// One stream, or the union of several. Sinks are of this kind.
    OneInput,
    /// Two streams that are told apart.
    TwoInput,
}

impl NodeKind {
    /// Returns how many inputs an operator of this kind has.
    pub const fn input_count(self) -> usize {
        match self {
            Self::Source { .. } => 0,
            Self::OneInput => 1,
            Self::TwoInput => 2,
        }
    }

    /// Says whether records come from outside.
    pub const fn is_source(self) -> bool {
        matches!(self, Self::Source { .. })
    }
}

/// Says whether an operator may be fused with its neighbours into one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChainingStrategy {
    /// With those before and after it.
    #[default]
    Always,
    /// Only with those after it.
    Head,
    /// With none.
    Never,
}
