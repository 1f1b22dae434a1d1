//! Messages to domain types and back.

mod checkpoints;

use std::collections::BTreeMap;

use bytes::Bytes;
use sciurus_core::config::Configuration;
use sciurus_core::ids::{
    AttemptNumber, ExecutionAttemptId, ExecutionGraphId, ExecutionVertexId, HEX_ID_BYTES,
    JobVertexId, SubtaskIndex,
};
use sciurus_job_master::ExecutionState;
use sciurus_job_master::failure::{FailureCause, Fault};

use crate::proto;

pub use checkpoints::{
    EnumeratorStates, SourcesSnapshot, TaskCheckpointNews, enumerator_states,
    read_enumerator_states,
};

/// Says what is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A part that has to be there is not.
    #[error("the message lacks its {0}")]
    Missing(&'static str),
    /// An id has another length than ids have.
    #[error("the {what} has {found} bytes instead of {expected}")]
    Length {
        /// Which id.
        what: &'static str,
        /// How many bytes it has.
        found: usize,
        /// How many it has to have.
        expected: usize,
    },
    /// A value has no meaning.
    #[error("the {what} {value} has no meaning")]
    Value {
        /// Which value.
        what: &'static str,
        /// The value.
        value: i64,
    },
}

/// Reads bytes of a fixed number: an id, a hash.
///
/// # Errors
/// [`MessageError::Length`].
pub fn fixed<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], MessageError> {
    bytes.try_into().map_err(|_| MessageError::Length { what, found: bytes.len(), expected: N })
}

/// Reads a sixteen-byte id of any type.
///
/// # Errors
/// [`MessageError::Length`].
pub fn id<T>(
    bytes: &[u8],
    what: &'static str,
    make: fn([u8; HEX_ID_BYTES]) -> T,
) -> Result<T, MessageError> {
    fixed(bytes, what).map(make)
}

/// Takes a part that has to be there.
///
/// # Errors
/// [`MessageError::Missing`].
pub fn required<T>(part: Option<T>, what: &'static str) -> Result<T, MessageError> {
    part.ok_or(MessageError::Missing(what))
}

/// Makes bytes of a sixteen-byte id's.
pub fn bytes_of(id: [u8; HEX_ID_BYTES]) -> Bytes {
    Bytes::copy_from_slice(&id)
}

impl From<ExecutionAttemptId> for proto::ExecutionAttempt {
    fn from(id: ExecutionAttemptId) -> Self {
        Self {
            graph: bytes_of(id.graph.to_bytes()),
            vertex: bytes_of(id.vertex.to_bytes()),
            subtask: id.subtask.0,
            attempt: id.attempt.0,
        }
    }
}

impl TryFrom<proto::ExecutionAttempt> for ExecutionAttemptId {
    type Error = MessageError;

    fn try_from(message: proto::ExecutionAttempt) -> Result<Self, MessageError> {
        Ok(Self {
            graph: id(&message.graph, "execution graph id", ExecutionGraphId::from_bytes)?,
            vertex: id(&message.vertex, "vertex id", JobVertexId::from_bytes)?,
            subtask: SubtaskIndex(message.subtask),
            attempt: AttemptNumber(message.attempt),
        })
    }
}

impl From<ExecutionVertexId> for proto::Subtask {
    fn from(id: ExecutionVertexId) -> Self {
        Self { vertex: bytes_of(id.vertex.to_bytes()), subtask: id.subtask.0 }
    }
}

impl TryFrom<proto::Subtask> for ExecutionVertexId {
    type Error = MessageError;

    fn try_from(message: proto::Subtask) -> Result<Self, MessageError> {
        Ok(Self {
            vertex: id(&message.vertex, "vertex id", JobVertexId::from_bytes)?,
            subtask: SubtaskIndex(message.subtask),
        })
    }
}

impl From<FailureCause> for proto::FailureCause {
    fn from(cause: FailureCause) -> Self {
        let fault = match cause.fault {
            Fault::User => proto::Fault::User,
            Fault::Environment => proto::Fault::Environment,
            Fault::Bug => proto::Fault::Bug,
        };
        Self {
            kind: cause.kind,
            message: cause.message,
            details: cause.details,
            operator: cause.operator,
            fault: fault.into(),
            retriable: cause.retriable,
        }
    }
}

impl From<proto::FailureCause> for FailureCause {
    fn from(message: proto::FailureCause) -> Self {
        let fault = match message.fault() {
            proto::Fault::User => Fault::User,
            proto::Fault::Environment => Fault::Environment,
            proto::Fault::Bug | proto::Fault::Unspecified => Fault::Bug,
        };
        Self {
            kind: message.kind,
            message: message.message,
            details: message.details,
            operator: message.operator,
            fault,
            retriable: message.retriable,
        }
    }
}

/// What a task reports: its attempt, the state it has reached, and why it failed, if it did.
pub type TaskChange = (ExecutionAttemptId, ExecutionState, Option<FailureCause>);

impl proto::TaskStateChanged {
    /// Makes a report. States that no task reports of itself are told as failures of the engine.
    pub fn new(
        attempt: ExecutionAttemptId,
        state: ExecutionState,
        failure: Option<FailureCause>,
    ) -> Self {
        let state = match state {
            ExecutionState::Initializing => proto::ExecutionState::Initializing,
            ExecutionState::Running => proto::ExecutionState::Running,
            ExecutionState::Finished => proto::ExecutionState::Finished,
            ExecutionState::Canceled => proto::ExecutionState::Canceled,
            _ => proto::ExecutionState::Failed,
        };
        let failure = failure.map(Into::into);
        Self { attempt: Some(attempt.into()), state: state.into(), failure }
    }

    /// Reads the report.
    ///
    /// # Errors
    /// [`MessageError`] where a part is missing or has no meaning.
    pub fn read(self) -> Result<TaskChange, MessageError> {
        let state = match self.state() {
            proto::ExecutionState::Initializing => ExecutionState::Initializing,
            proto::ExecutionState::Running => ExecutionState::Running,
            proto::ExecutionState::Finished => ExecutionState::Finished,
            proto::ExecutionState::Canceled => ExecutionState::Canceled,
            proto::ExecutionState::Failed => ExecutionState::Failed,
            proto::ExecutionState::Unspecified => {
                return Err(MessageError::Value {
                    what: "execution state",
                    value: self.state.into(),
                });
            }
        };
        let attempt = required(self.attempt, "attempt")?.try_into()?;
        Ok((attempt, state, self.failure.map(Into::into)))
    }
}

/// Reads a configuration.
pub fn configuration(texts: impl IntoIterator<Item = (String, String)>) -> Configuration {
    Configuration::from_pairs(texts)
}

/// Writes a configuration, secrets in full.
pub fn configuration_texts<C: FromIterator<(String, String)>>(configuration: &Configuration) -> C {
    configuration.iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

/// Sorts what a map of a message holds.
pub fn sorted<V>(map: impl IntoIterator<Item = (String, V)>) -> BTreeMap<String, V> {
    map.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> ExecutionAttemptId {
        ExecutionAttemptId {
            graph: ExecutionGraphId::random(),
            vertex: JobVertexId::from_bytes([7; 16]),
            subtask: SubtaskIndex(3),
            attempt: AttemptNumber(2),
        }
    }

    #[test]
    fn reports_come_back_as_they_were() {
        let cause = FailureCause::new(Fault::User, "Oops", "no").in_operator("map");
        let message =
            proto::TaskStateChanged::new(attempt(), ExecutionState::Failed, Some(cause.clone()));
        let (_, state, failure) = message.read().unwrap();
        assert_eq!((state, failure), (ExecutionState::Failed, Some(cause)));
    }

    #[test]
    fn what_is_missing_or_too_short_is_named() {
        let mut message = proto::TaskStateChanged::new(attempt(), ExecutionState::Running, None);
        message.state = 99;
        assert!(matches!(message.clone().read(), Err(MessageError::Value { .. })));
        message.state = proto::ExecutionState::Running.into();
        message.attempt = Some(proto::ExecutionAttempt::default());
        let error = message.clone().read().unwrap_err().to_string();
        assert_eq!(error, "the execution graph id has 0 bytes instead of 16");
        message.attempt = None;
        assert_eq!(message.read(), Err(MessageError::Missing("attempt")));
    }
}
