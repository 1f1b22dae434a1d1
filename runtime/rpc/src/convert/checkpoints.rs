//! Checkpoints: barriers, what tasks say of them, what sources are restored from.

use std::collections::BTreeMap;

use bytes::Bytes;
use sciurus_checkpoint::TaskCheckpointMetrics;
use sciurus_core::checkpoint::{
    Alignment, CheckpointBarrier, CheckpointId, Ending, SavepointFormat, SnapshotKind,
};
use sciurus_core::ids::{ExecutionAttemptId, OperatorId};

use super::{MessageError, bytes_of, id, required};
use crate::proto::{self, checkpoint_report};

impl From<&CheckpointBarrier> for proto::CheckpointBarrier {
    fn from(barrier: &CheckpointBarrier) -> Self {
        let (kind, format, ending) = match barrier.kind {
            SnapshotKind::Checkpoint => (proto::SnapshotKind::Checkpoint, None, None),
            SnapshotKind::FullCheckpoint => (proto::SnapshotKind::FullCheckpoint, None, None),
            SnapshotKind::Savepoint { format, ending } => {
                (proto::SnapshotKind::Savepoint, Some(format), ending)
            }
        };
        let format = match format {
            None => proto::SavepointFormat::Unspecified,
            Some(SavepointFormat::Canonical) => proto::SavepointFormat::Canonical,
            Some(SavepointFormat::Native) => proto::SavepointFormat::Native,
        };
        let ending = match ending {
            None => proto::Ending::Unspecified,
            Some(Ending::Suspend) => proto::Ending::Suspend,
            Some(Ending::Drain) => proto::Ending::Drain,
        };
        let alignment = match barrier.alignment {
            Alignment::ExactlyOnce => proto::Alignment::ExactlyOnce,
            Alignment::AtLeastOnce => proto::Alignment::AtLeastOnce,
        };
        Self {
            checkpoint: barrier.id.0,
            timestamp: barrier.timestamp,
            kind: kind.into(),
            format: format.into(),
            ending: ending.into(),
            alignment: alignment.into(),
            exclusive: barrier.exclusive.clone(),
            shared: barrier.shared.clone(),
        }
    }
}

impl TryFrom<proto::CheckpointBarrier> for CheckpointBarrier {
    type Error = MessageError;

    fn try_from(message: proto::CheckpointBarrier) -> Result<Self, MessageError> {
        let senseless = |what, value: i32| MessageError::Value { what, value: value.into() };
        let kind = match message.kind() {
            proto::SnapshotKind::Checkpoint => SnapshotKind::Checkpoint,
            proto::SnapshotKind::FullCheckpoint => SnapshotKind::FullCheckpoint,
            proto::SnapshotKind::Savepoint => SnapshotKind::Savepoint {
                format: match message.format() {
                    proto::SavepointFormat::Canonical => SavepointFormat::Canonical,
                    proto::SavepointFormat::Native => SavepointFormat::Native,
                    proto::SavepointFormat::Unspecified => {
                        return Err(senseless("savepoint format", message.format));
                    }
                },
                ending: match message.ending() {
                    proto::Ending::Suspend => Some(Ending::Suspend),
                    proto::Ending::Drain => Some(Ending::Drain),
                    proto::Ending::Unspecified if message.ending == 0 => None,
                    proto::Ending::Unspecified => {
                        return Err(senseless("ending", message.ending));
                    }
                },
            },
            proto::SnapshotKind::Unspecified => {
                return Err(senseless("kind of snapshot", message.kind));
            }
        };
        let alignment = match message.alignment() {
            proto::Alignment::ExactlyOnce => Alignment::ExactlyOnce,
            proto::Alignment::AtLeastOnce => Alignment::AtLeastOnce,
            proto::Alignment::Unspecified => {
                return Err(senseless("alignment", message.alignment));
            }
        };
        Ok(Self {
            id: CheckpointId(message.checkpoint),
            timestamp: message.timestamp,
            kind,
            alignment,
            exclusive: message.exclusive,
            shared: message.shared,
        })
    }
}

impl From<TaskCheckpointMetrics> for proto::CheckpointMetrics {
    fn from(metrics: TaskCheckpointMetrics) -> Self {
        let TaskCheckpointMetrics {
            sync_ms,
            async_ms,
            alignment_ms,
            start_delay_ms,
            processed_bytes,
            persisted_bytes,
            written_bytes,
        } = metrics;
        Self {
            sync_ms,
            async_ms,
            alignment_ms,
            start_delay_ms,
            processed_bytes,
            persisted_bytes,
            written_bytes,
        }
    }
}

impl From<proto::CheckpointMetrics> for TaskCheckpointMetrics {
    fn from(message: proto::CheckpointMetrics) -> Self {
        let proto::CheckpointMetrics {
            sync_ms,
            async_ms,
            alignment_ms,
            start_delay_ms,
            processed_bytes,
            persisted_bytes,
            written_bytes,
        } = message;
        Self {
            sync_ms,
            async_ms,
            alignment_ms,
            start_delay_ms,
            processed_bytes,
            persisted_bytes,
            written_bytes,
        }
    }
}

impl proto::TriggerCheckpoint {
    /// Makes a trigger.
    pub fn new(attempt: ExecutionAttemptId, barrier: &CheckpointBarrier) -> Self {
        Self { attempt: Some(attempt.into()), barrier: Some(barrier.into()) }
    }

    /// Reads the trigger.
    ///
    /// # Errors
    /// [`MessageError`] where a part is missing or has no meaning.
    pub fn read(self) -> Result<(ExecutionAttemptId, CheckpointBarrier), MessageError> {
        let attempt = required(self.attempt, "attempt")?.try_into()?;
        Ok((attempt, required(self.barrier, "barrier")?.try_into()?))
    }
}

impl proto::CheckpointNotice {
    /// Makes a notice.
    pub fn new(
        checkpoint: CheckpointId,
        attempts: impl IntoIterator<Item = ExecutionAttemptId>,
    ) -> Self {
        let attempts = attempts.into_iter().map(Into::into).collect();
        Self { checkpoint: checkpoint.0, attempts }
    }

    /// Reads the notice.
    ///
    /// # Errors
    /// [`MessageError`] where an attempt makes no sense.
    pub fn read(self) -> Result<(CheckpointId, Vec<ExecutionAttemptId>), MessageError> {
        let attempts =
            self.attempts.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok((CheckpointId(self.checkpoint), attempts))
    }
}

/// What a task says about a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskCheckpointNews {
    /// Its part is durable.
    Acknowledged {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// The subtask's state, in its written form.
        state: Bytes,
        /// How the task fared.
        metrics: TaskCheckpointMetrics,
    },
    /// It takes no part.
    Declined {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Why not.
        reason: String,
    },
    /// All of its input has ended and was processed.
    EndOfData,
}

impl proto::CheckpointReport {
    /// Makes a report.
    pub fn new(attempt: ExecutionAttemptId, news: TaskCheckpointNews) -> Self {
        let report = match news {
            TaskCheckpointNews::Acknowledged { checkpoint, state, metrics } => {
                checkpoint_report::Report::Acknowledged(proto::CheckpointAcknowledged {
                    checkpoint: checkpoint.0,
                    state,
                    metrics: Some(metrics.into()),
                })
            }
            TaskCheckpointNews::Declined { checkpoint, reason } => {
                let checkpoint = checkpoint.0;
                checkpoint_report::Report::Declined(proto::CheckpointDeclined {
                    checkpoint,
                    reason,
                })
            }
            TaskCheckpointNews::EndOfData => checkpoint_report::Report::EndOfData(true),
        };
        Self { attempt: Some(attempt.into()), report: Some(report) }
    }

    /// Reads the report.
    ///
    /// # Errors
    /// [`MessageError`] where a part is missing or has no meaning.
    pub fn read(self) -> Result<(ExecutionAttemptId, TaskCheckpointNews), MessageError> {
        let attempt = required(self.attempt, "attempt")?.try_into()?;
        let news = match required(self.report, "report of a checkpoint")? {
            checkpoint_report::Report::Acknowledged(acknowledged) => {
                TaskCheckpointNews::Acknowledged {
                    checkpoint: CheckpointId(acknowledged.checkpoint),
                    state: acknowledged.state,
                    metrics: required(acknowledged.metrics, "metrics")?.into(),
                }
            }
            checkpoint_report::Report::Declined(declined) => TaskCheckpointNews::Declined {
                checkpoint: CheckpointId(declined.checkpoint),
                reason: declined.reason,
            },
            checkpoint_report::Report::EndOfData(_) => TaskCheckpointNews::EndOfData,
        };
        Ok((attempt, news))
    }
}

/// The states of enumerators, by the operators of their sources.
pub type EnumeratorStates = BTreeMap<OperatorId, Bytes>;

/// Writes states of enumerators.
pub fn enumerator_states(states: &EnumeratorStates) -> Vec<proto::EnumeratorState> {
    let states = states.iter().map(|(operator, state)| proto::EnumeratorState {
        operator: bytes_of(operator.to_bytes()),
        state: state.clone(),
    });
    states.collect()
}

/// Reads states of enumerators.
///
/// # Errors
/// [`MessageError`] where an operator has no id.
pub fn read_enumerator_states(
    states: Vec<proto::EnumeratorState>,
) -> Result<EnumeratorStates, MessageError> {
    let read = |state: proto::EnumeratorState| {
        Ok((id(&state.operator, "operator id", OperatorId::from_bytes)?, state.state))
    };
    states.into_iter().map(read).collect()
}

/// What came of a snapshot of all enumerators.
pub type SourcesSnapshot = Result<EnumeratorStates, String>;

impl proto::SourcesSnapshotted {
    /// Makes an answer.
    pub fn new(checkpoint: CheckpointId, result: SourcesSnapshot) -> Self {
        let checkpoint = checkpoint.0;
        match result {
            Ok(states) => Self { checkpoint, states: enumerator_states(&states), failure: None },
            Err(failure) => Self { checkpoint, states: Vec::new(), failure: Some(failure) },
        }
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`MessageError`] where an operator has no id.
    pub fn read(self) -> Result<(CheckpointId, SourcesSnapshot), MessageError> {
        let result = match self.failure {
            Some(failure) => Err(failure),
            None => Ok(read_enumerator_states(self.states)?),
        };
        Ok((CheckpointId(self.checkpoint), result))
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::{AttemptNumber, ExecutionGraphId, JobVertexId, SubtaskIndex};

    use super::*;

    fn attempt() -> ExecutionAttemptId {
        ExecutionAttemptId {
            graph: ExecutionGraphId::random(),
            vertex: JobVertexId::from_bytes([7; 16]),
            subtask: SubtaskIndex(3),
            attempt: AttemptNumber(2),
        }
    }

    fn barrier(kind: SnapshotKind, alignment: Alignment) -> CheckpointBarrier {
        CheckpointBarrier {
            id: CheckpointId(9),
            timestamp: -5,
            kind,
            alignment,
            exclusive: "file:///chk-9".to_owned(),
            shared: (!kind.is_savepoint()).then(|| "file:///shared".to_owned()),
        }
    }

    #[test]
    fn barriers_of_all_kinds_come_back_as_they_were() {
        let mut kinds = vec![SnapshotKind::Checkpoint, SnapshotKind::FullCheckpoint];
        for format in [SavepointFormat::Canonical, SavepointFormat::Native] {
            for ending in [None, Some(Ending::Suspend), Some(Ending::Drain)] {
                kinds.push(SnapshotKind::Savepoint { format, ending });
            }
        }
        for kind in kinds {
            for alignment in [Alignment::ExactlyOnce, Alignment::AtLeastOnce] {
                let (attempt, barrier) = (attempt(), barrier(kind, alignment));
                let message = proto::TriggerCheckpoint::new(attempt, &barrier);
                assert_eq!(message.read(), Ok((attempt, barrier)));
            }
        }
    }

    #[test]
    fn a_barrier_without_meaning_is_refused() {
        let whole = proto::CheckpointBarrier::from(&barrier(
            SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending: None },
            Alignment::ExactlyOnce,
        ));
        let error = |change: fn(&mut proto::CheckpointBarrier)| {
            let mut message = whole.clone();
            change(&mut message);
            CheckpointBarrier::try_from(message).unwrap_err().to_string()
        };
        assert_eq!(error(|barrier| barrier.kind = 0), "the kind of snapshot 0 has no meaning");
        assert_eq!(error(|barrier| barrier.format = 9), "the savepoint format 9 has no meaning");
        assert_eq!(error(|barrier| barrier.ending = 9), "the ending 9 has no meaning");
        assert_eq!(error(|barrier| barrier.alignment = 0), "the alignment 0 has no meaning");
    }

    #[test]
    fn reports_come_back_as_they_were() {
        let metrics = TaskCheckpointMetrics {
            sync_ms: 1,
            async_ms: 2,
            alignment_ms: 3,
            start_delay_ms: 4,
            processed_bytes: 5,
            persisted_bytes: 6,
            written_bytes: 7,
        };
        let checkpoint = CheckpointId(4);
        for news in [
            TaskCheckpointNews::Acknowledged { checkpoint, state: "state".into(), metrics },
            TaskCheckpointNews::Declined { checkpoint, reason: "no room".to_owned() },
            TaskCheckpointNews::EndOfData,
        ] {
            let attempt = attempt();
            let message = proto::CheckpointReport::new(attempt, news.clone());
            assert_eq!(message.read(), Ok((attempt, news)));
        }
        let report = proto::CheckpointReport { attempt: Some(attempt().into()), report: None };
        assert_eq!(report.read(), Err(MessageError::Missing("report of a checkpoint")));
    }

    #[test]
    fn snapshots_of_sources_and_their_failures_come_back() {
        let states = BTreeMap::from([(OperatorId::from_bytes([3; 16]), Bytes::from("splits"))]);
        for result in [Ok(states), Ok(BTreeMap::new()), Err("it panicked".to_owned())] {
            let message = proto::SourcesSnapshotted::new(CheckpointId(2), result.clone());
            assert_eq!(message.read(), Ok((CheckpointId(2), result)));
        }
    }
}
