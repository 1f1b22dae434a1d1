//! Operations that a client triggers by one request and whose end it learns by another.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sciurus_core::ids::{JobId, TriggerId};
use serde::Serialize;

use super::throwable::FailureCause;

/// How many operations are remembered.
const MAX_OPERATIONS: usize = 10_000;

/// What was triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// A checkpoint.
    Checkpoint,
    /// A savepoint, perhaps with the end of the job.
    Savepoint,
    /// The deletion of a savepoint.
    SavepointDisposal,
    /// The deletion of a data set.
    DataSetDeletion,
}

/// Tells one operation from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OperationKey {
    /// What was triggered.
    pub kind: OperationKind,
    /// Of which job.
    pub job: Option<JobId>,
    /// By which trigger.
    pub trigger: TriggerId,
}

/// What came out of an operation, for its client.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    #[serde(rename = "failure-cause", skip_serializing_if = "Option::is_none")]
    failure: Option<FailureCause>,
    /// Flink's clients look for a checkpoint's failure under another name than for all others, and
    /// ask for ever if they don't find it.
    #[serde(rename = "failureCause", skip_serializing_if = "Option::is_none")]
    checkpoint_failure: Option<FailureCause>,
}

impl Outcome {
    /// Says that it was done.
    pub fn done() -> Self {
        Self::default()
    }

    /// Says why it wasn't.
    pub fn failed(kind: OperationKind, cause: FailureCause) -> Self {
        match kind {
            OperationKind::Checkpoint => {
                Self { checkpoint_failure: Some(cause), ..Self::default() }
            }
            OperationKind::Savepoint
            | OperationKind::SavepointDisposal
            | OperationKind::DataSetDeletion => Self { failure: Some(cause), ..Self::default() },
        }
    }
}

/// The answer to a trigger.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TriggerResponse {
    /// By which the operation is asked for.
    pub request_id: TriggerId,
}

/// How an operation stands.
#[derive(Clone, Debug, Serialize)]
pub struct OperationStatus {
    status: QueueStatus,
    operation: Option<Outcome>,
}

/// Whether an operation has ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueueStatus {
    id: &'static str,
}

impl QueueStatus {
    /// It goes on.
    pub const IN_PROGRESS: Self = Self { id: "IN_PROGRESS" };
    /// It has ended.
    pub const COMPLETED: Self = Self { id: "COMPLETED" };
}

/// The operations of the last minutes.
#[derive(Debug)]
pub struct Operations {
    ended: Mutex<HashMap<OperationKey, (Instant, Outcome)>>,
    kept_for: Duration,
}

impl Operations {
    /// Remembers each operation for so long.
    pub fn new(kept_for: Duration) -> Self {
        Self { ended: Mutex::default(), kept_for }
    }

    /// Takes note of an operation that has ended. One that was triggered before by the same id stays
    /// as it was.
    pub fn end(&self, key: OperationKey, outcome: Outcome) -> TriggerResponse {
        let now = Instant::now();
        let mut ended = self.ended.lock();
        ended.retain(|_, (at, _)| now.duration_since(*at) < self.kept_for);
        if ended.len() >= MAX_OPERATIONS
            && let Some(oldest) = ended.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| *key)
        {
            ended.remove(&oldest);
        }
        ended.entry(key).or_insert((now, outcome));
        TriggerResponse { request_id: key.trigger }
    }

    /// Returns how an operation stands, `None` if there is none.
    pub fn get(&self, key: &OperationKey) -> Option<OperationStatus> {
        let ended = self.ended.lock();
        let (at, outcome) = ended.get(key)?;
        (at.elapsed() < self.kept_for).then(|| OperationStatus {
            status: QueueStatus::COMPLETED,
            operation: Some(outcome.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::HEX_ID_BYTES;

    use super::*;

    fn key(number: u8) -> OperationKey {
        OperationKey {
            kind: OperationKind::Savepoint,
            job: Some(JobId::from_bytes([1; HEX_ID_BYTES])),
            trigger: TriggerId::from_bytes([number; HEX_ID_BYTES]),
        }
    }

    #[test]
    fn an_operation_is_known_for_a_while() {
        let operations = Operations::new(Duration::from_secs(60));
        assert!(operations.get(&key(1)).is_none());
        operations.end(key(1), Outcome::done());
        let status = serde_json::to_string(&operations.get(&key(1)).unwrap()).unwrap();
        assert_eq!(status, r#"{"status":{"id":"COMPLETED"},"operation":{}}"#);
        let operations = Operations::new(Duration::ZERO);
        operations.end(key(1), Outcome::done());
        assert!(operations.get(&key(1)).is_none());
    }

    #[test]
    fn a_trigger_that_is_repeated_changes_nothing() {
        let operations = Operations::new(Duration::from_secs(60));
        let cause = FailureCause::new("a.B", "first", None);
        operations.end(key(1), Outcome::failed(OperationKind::Savepoint, cause));
        operations.end(key(1), Outcome::done());
        let status = operations.get(&key(1)).unwrap();
        assert!(status.operation.unwrap().failure.is_some());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let operations = Operations::new(Duration::from_secs(60));
        for number in 0..=MAX_OPERATIONS as u128 {
            let trigger = TriggerId::from_bytes(number.to_be_bytes());
            operations.end(OperationKey { trigger, ..key(0) }, Outcome::done());
        }
        assert_eq!(operations.ended.lock().len(), MAX_OPERATIONS);
        assert!(operations.get(&OperationKey { ..key(0) }).is_none());
    }
}
