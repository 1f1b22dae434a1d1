//! Operations that a client triggers by one request and whose end it learns by another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{JobId, TriggerId};
use serde::Serialize;

use super::error::{RestError, RestResult};
use super::throwable::FailureCause;

/// How many operations are remembered whose end is known.
const MAX_ENDED: usize = 10_000;

/// How many operations may go on at once; more are refused.
const MAX_IN_PROGRESS: usize = 1_000;

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
    /// A change of a running job's parallelism.
    Rescale,
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
    /// Where a savepoint lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(rename = "checkpointId", skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointId>,
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

    /// Says where the savepoint lies that was taken.
    pub fn savepoint(location: String) -> Self {
        Self { location: Some(location), ..Self::default() }
    }

    /// Says which checkpoint was taken.
    pub fn checkpoint(id: CheckpointId) -> Self {
        Self { checkpoint: Some(id), ..Self::default() }
    }

    /// Says why it wasn't.
    pub fn failed(kind: OperationKind, cause: FailureCause) -> Self {
        match kind {
            OperationKind::Checkpoint => {
                Self { checkpoint_failure: Some(cause), ..Self::default() }
            }
            OperationKind::Savepoint
            | OperationKind::SavepointDisposal
            | OperationKind::DataSetDeletion
            | OperationKind::Rescale => Self { failure: Some(cause), ..Self::default() },
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

/// The operations that go on, and those of the last minutes.
#[derive(Clone, Debug)]
pub struct Operations {
    book: Arc<Mutex<Book>>,
    kept_for: Duration,
}

#[derive(Debug, Default)]
struct Book {
    in_progress: HashSet<OperationKey>,
    ended: HashMap<OperationKey, (Instant, Outcome)>,
}

impl Book {
    fn knows(&self, key: &OperationKey) -> bool {
        self.in_progress.contains(key) || self.ended.contains_key(key)
    }

    fn forget(&mut self, kept_for: Duration) {
        let now = Instant::now();
        self.ended.retain(|_, (at, _)| now.duration_since(*at) < kept_for);
    }

    fn end(&mut self, key: OperationKey, outcome: Outcome) {
        self.in_progress.remove(&key);
        if self.ended.len() >= MAX_ENDED
            && let Some(oldest) =
                self.ended.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| *key)
        {
            self.ended.remove(&oldest);
        }
        self.ended.entry(key).or_insert((Instant::now(), outcome));
    }
}

impl Operations {
    /// Remembers each operation for so long after its end.
    pub fn new(kept_for: Duration) -> Self {
        Self { book: Arc::default(), kept_for }
    }

    /// Begins an operation, which goes on by itself. One that was triggered before by the same id
    /// is left as it is.
    ///
    /// # Errors
    /// [`RestError`] with status 503 where too many go on.
    pub fn begin(
        &self,
        key: OperationKey,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> RestResult<TriggerResponse> {
        let response = TriggerResponse { request_id: key.trigger };
        let mut book = self.book.lock();
        book.forget(self.kept_for);
        if book.knows(&key) {
            return Ok(response);
        }
        if book.in_progress.len() >= MAX_IN_PROGRESS {
            return Err(RestError::unavailable(format!(
                "{MAX_IN_PROGRESS} operations that clients have triggered go on already; try again \
                 when some have ended."
            )));
        }
        book.in_progress.insert(key);
        drop(book);
        let end = End { operations: self.clone(), key, is_told: false };
        tokio::spawn(async move { end.tell(work.await) });
        Ok(response)
    }

    /// Takes note of an operation that has ended at once. One that was triggered before by the same
    /// id stays as it was.
    pub fn end(&self, key: OperationKey, outcome: Outcome) -> TriggerResponse {
        let mut book = self.book.lock();
        book.forget(self.kept_for);
        if !book.knows(&key) {
            book.end(key, outcome);
        }
        TriggerResponse { request_id: key.trigger }
    }

    /// Returns how an operation stands, `None` if there is none.
    pub fn get(&self, key: &OperationKey) -> Option<OperationStatus> {
        let book = self.book.lock();
        if book.in_progress.contains(key) {
            return Some(OperationStatus { status: QueueStatus::IN_PROGRESS, operation: None });
        }
        let (at, outcome) = book.ended.get(key)?;
        (at.elapsed() < self.kept_for).then(|| OperationStatus {
            status: QueueStatus::COMPLETED,
            operation: Some(outcome.clone()),
        })
    }
}

/// Sees to it that an operation doesn't go on for ever in the eyes of its client.
struct End {
    operations: Operations,
    key: OperationKey,
    is_told: bool,
}

impl End {
    fn tell(mut self, outcome: Outcome) {
        self.is_told = true;
        self.operations.book.lock().end(self.key, outcome);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.is_told {
            let message = "The operation was given up: see the JobManager's log.";
            let cause = FailureCause::new("java.lang.IllegalStateException", message, None);
            let outcome = Outcome::failed(self.key.kind, cause);
            self.operations.book.lock().end(self.key, outcome);
        }
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
        for number in 0..=MAX_ENDED as u128 {
            let trigger = TriggerId::from_bytes(number.to_be_bytes());
            operations.end(OperationKey { trigger, ..key(0) }, Outcome::done());
        }
        assert_eq!(operations.book.lock().ended.len(), MAX_ENDED);
        assert!(operations.get(&OperationKey { ..key(0) }).is_none());
    }

    fn text(operations: &Operations, key: OperationKey) -> String {
        serde_json::to_string(&operations.get(&key).unwrap()).unwrap()
    }

    const IN_PROGRESS: &str = r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#;

    #[tokio::test]
    async fn what_goes_on_is_told_until_it_ends() {
        let operations = Operations::new(Duration::from_secs(60));
        let (finish, finished) = tokio::sync::oneshot::channel::<String>();
        let work = async { Outcome::savepoint(finished.await.unwrap()) };
        operations.begin(key(1), work).unwrap();
        assert_eq!(text(&operations, key(1)), IN_PROGRESS);
        // The same id again: there is one operation.
        operations.begin(key(1), async { Outcome::done() }).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(text(&operations, key(1)), IN_PROGRESS);
        finish.send("file:/sp".to_owned()).unwrap();
        while text(&operations, key(1)) == IN_PROGRESS {
            tokio::task::yield_now().await;
        }
        let expected = r#"{"status":{"id":"COMPLETED"},"operation":{"location":"file:/sp"}}"#;
        assert_eq!(text(&operations, key(1)), expected);
        operations.begin(key(1), async { Outcome::done() }).unwrap();
        assert_eq!(text(&operations, key(1)), expected);
    }

    #[tokio::test]
    async fn what_is_given_up_has_failed() {
        let operations = Operations::new(Duration::from_secs(60));
        operations.begin(key(1), async { panic!("on purpose") }).unwrap();
        while text(&operations, key(1)) == IN_PROGRESS {
            tokio::task::yield_now().await;
        }
        assert!(operations.get(&key(1)).unwrap().operation.unwrap().failure.is_some());
    }

    #[tokio::test]
    async fn too_many_at_once_are_refused() {
        let operations = Operations::new(Duration::from_secs(60));
        let trigger = |number: usize| TriggerId::from_bytes((number as u128).to_be_bytes());
        for number in 0..MAX_IN_PROGRESS {
            let key = OperationKey { trigger: trigger(number), ..key(0) };
            operations.begin(key, std::future::pending()).unwrap();
        }
        let one_more = OperationKey { trigger: trigger(MAX_IN_PROGRESS), ..key(0) };
        let refused = operations.begin(one_more, std::future::pending()).unwrap_err();
        assert_eq!(refused.status(), 503);
        // Who asks again for one that goes on is answered.
        let first = OperationKey { trigger: trigger(0), ..key(0) };
        operations.begin(first, std::future::pending()).unwrap();
    }
}
