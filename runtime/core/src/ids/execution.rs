//! The ids of one run of a subtask.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{ExecutionGraphId, JobVertexId, ParseHexIdError};

/// Numbers the parallel subtasks of a vertex, from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SubtaskIndex(pub u32);

impl SubtaskIndex {
    /// Returns the index as a position in a slice.
    pub const fn position(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SubtaskIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Numbers the attempts to run a subtask, from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AttemptNumber(pub u32);

impl AttemptNumber {
    /// Returns the number of the attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for AttemptNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identifies a subtask of a job: printed `vertex_subtask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionVertexId {
    /// The vertex whose subtask it is.
    pub vertex: JobVertexId,
    /// Which of the vertex's subtasks it is.
    pub subtask: SubtaskIndex,
}

/// Identifies one attempt to run a subtask: printed `graph_vertex_subtask_attempt`, as Flink prints
/// it.
///
/// Every message about a running task carries it, so that news of an attempt that was given up is
/// recognised as stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionAttemptId {
    /// The execution graph that the attempt belongs to.
    pub graph: ExecutionGraphId,
    /// The vertex whose subtask is run.
    pub vertex: JobVertexId,
    /// Which of the vertex's subtasks is run.
    pub subtask: SubtaskIndex,
    /// Which attempt it is.
    pub attempt: AttemptNumber,
}

impl ExecutionAttemptId {
    /// Returns the subtask that is run.
    pub const fn execution_vertex(&self) -> ExecutionVertexId {
        ExecutionVertexId { vertex: self.vertex, subtask: self.subtask }
    }
}

/// Says why a text is not the id of a subtask or an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseExecutionIdError {
    /// The text doesn't have the parts that such an id has.
    #[error("expected {expected}, found '{found}'")]
    Parts {
        /// The shape of the id.
        expected: &'static str,
        /// The text.
        found: String,
    },
    /// A part that should be a hexadecimal id is none.
    #[error(transparent)]
    Id(#[from] ParseHexIdError),
    /// A part that should be a number is none.
    #[error("'{found}' is not a number that fits 32 bits")]
    Number {
        /// The part.
        found: String,
    },
}

const VERTEX_SHAPE: &str = "vertex_subtask";
const ATTEMPT_SHAPE: &str = "graph_vertex_subtask_attempt";

fn number(text: &str) -> Result<u32, ParseExecutionIdError> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits_only)
        .ok_or_else(|| ParseExecutionIdError::Number { found: text.to_owned() })
}

fn parts<'t, const N: usize>(
    text: &'t str,
    expected: &'static str,
) -> Result<[&'t str; N], ParseExecutionIdError> {
    let parts: Vec<&str> = text.split('_').collect();
    parts.try_into().map_err(|_| ParseExecutionIdError::Parts { expected, found: text.to_owned() })
}

impl fmt::Display for ExecutionVertexId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}", self.vertex, self.subtask)
    }
}

impl FromStr for ExecutionVertexId {
    type Err = ParseExecutionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [vertex, subtask] = parts(text, VERTEX_SHAPE)?;
        Ok(Self { vertex: vertex.parse()?, subtask: SubtaskIndex(number(subtask)?) })
    }
}

impl fmt::Display for ExecutionAttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}_{}_{}", self.graph, self.vertex, self.subtask, self.attempt)
    }
}

impl FromStr for ExecutionAttemptId {
    type Err = ParseExecutionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [graph, vertex, subtask, attempt] = parts(text, ATTEMPT_SHAPE)?;
        Ok(Self {
            graph: graph.parse()?,
            vertex: vertex.parse()?,
            subtask: SubtaskIndex(number(subtask)?),
            attempt: AttemptNumber(number(attempt)?),
        })
    }
}

macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(ExecutionVertexId);
serde_as_text!(ExecutionAttemptId);

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> ExecutionAttemptId {
        ExecutionAttemptId {
            graph: ExecutionGraphId::from_bytes([0xab; 16]),
            vertex: JobVertexId::from_bytes([0x01; 16]),
            subtask: SubtaskIndex(3),
            attempt: AttemptNumber(2),
        }
    }

    #[test]
    fn an_attempt_prints_as_flink_prints_it() {
        let text = format!("{}_{}_3_2", "ab".repeat(16), "01".repeat(16));
        assert_eq!(attempt().to_string(), text);
        assert_eq!(text.parse(), Ok(attempt()));
        assert_eq!(
            attempt().execution_vertex().to_string().parse(),
            Ok(attempt().execution_vertex())
        );
    }

    #[test]
    fn json_holds_the_text() {
        let json = serde_json::to_string(&attempt()).unwrap();
        assert_eq!(json, format!("\"{}\"", attempt()));
        assert_eq!(serde_json::from_str::<ExecutionAttemptId>(&json).unwrap(), attempt());
    }

    #[test]
    fn a_wrong_text_says_what_is_wrong() {
        let vertex = "01".repeat(16);
        assert!(matches!(
            vertex.parse::<ExecutionAttemptId>(),
            Err(ParseExecutionIdError::Parts { .. })
        ));
        for subtask in ["", "-1", "+1", "4294967296", "x"] {
            assert_eq!(
                format!("{vertex}_{subtask}").parse::<ExecutionVertexId>(),
                Err(ParseExecutionIdError::Number { found: subtask.to_owned() })
            );
        }
        assert!(matches!(
            "0g_1".parse::<ExecutionVertexId>(),
            Err(ParseExecutionIdError::Id(ParseHexIdError::Digit { found: 'g' }))
        ));
    }
}
