//! How an edge spreads records over the subtasks that read it.

use serde::{Deserialize, Serialize};

/// Says to which subtask of the reader a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Partitioning {
    /// To the subtask of the same index: needs equal parallelism on both sides and lets operators
    /// be chained.
    Forward,
    /// To all subtasks in turn.
    Rebalance,
    /// To the subtasks of a local share in turn, so that few subtasks are connected.
    Rescale,
    /// To a random subtask.
    Shuffle,
    /// To the subtask that owns the key group of the record's key.
    Hash,
    /// To every subtask.
    Broadcast,
    /// To the first subtask.
    Global,
    /// To the subtask that a function of the user chooses.
    Custom,
}

impl Partitioning {
    /// Returns how the subtasks of both sides are connected.
    pub const fn distribution(self) -> Distribution {
        match self {
            Self::Forward | Self::Rescale => Distribution::Pointwise,
            Self::Rebalance
            | Self::Shuffle
            | Self::Hash
            | Self::Broadcast
            | Self::Global
            | Self::Custom => Distribution::AllToAll,
        }
    }

    /// Returns Flink's name, as plans show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "FORWARD",
            Self::Rebalance => "REBALANCE",
            Self::Rescale => "RESCALE",
            Self::Shuffle => "SHUFFLE",
            Self::Hash => "HASH",
            Self::Broadcast => "BROADCAST",
            Self::Global => "GLOBAL",
            Self::Custom => "CUSTOM",
        }
    }
}

/// Says which subtasks of the two sides of an exchange are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Distribution {
    /// Each subtask with its share of the other side.
    Pointwise,
    /// Each subtask with every subtask of the other side.
    AllToAll,
}

/// Says when the reader of an exchange may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExchangeMode {
    /// At once: batches flow as they are made, and both sides fail together.
    #[default]
    Pipelined,
    /// Once the producer has finished: its whole result is kept until then.
    Blocking,
}

impl ExchangeMode {
    /// Returns Flink's name, as plans show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pipelined => "pipelined_bounded",
            Self::Blocking => "blocking",
        }
    }
}
