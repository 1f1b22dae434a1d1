//! Staged output that waits for its checkpoint to be complete.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_engine::operator::OperatorContext;
use sciurus_engine::{TaskError, TaskResult};
use sciurus_state::operator::OperatorListState;
use sciurus_state::{OperatorBackend, OperatorSnapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sink::Committer;

/// The name of the operator state that holds committables.
const STATE: &str = "committables";

/// How long the pauses are between attempts to commit; one more attempt than there are pauses.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Commits what belongs to complete checkpoints, once and in their order.
///
/// What a writer has staged by a barrier is part of that checkpoint: it lies in the operator's
/// state until a checkpoint is known to be complete that has it. Where the job is restored, what
/// the state holds is committed first, since its checkpoint is complete; it may have been before,
/// which committers bear.
pub(super) struct Commits<C> {
    committer: Box<dyn Committer<C>>,
    /// By the checkpoint that they are part of first.
    pending: BTreeMap<CheckpointId, Vec<C>>,
    /// What is part of the next checkpoint, whatever comes until then.
    staged: Vec<C>,
    /// Savepoints that were taken while the job goes on. They are the user's; the job isn't
    /// restored from them, so that what they hold waits for the next checkpoint.
    savepoints: BTreeSet<CheckpointId>,
    /// Committables with their checkpoint, as JSON.
    list: OperatorListState<(i64, String)>,
    backend: OperatorBackend,
}

impl<C: Clone + Serialize + DeserializeOwned> Commits<C> {
    /// Commits what is restored, where there is anything.
    pub(super) fn open(
        committer: Box<dyn Committer<C>>,
        context: &OperatorContext,
    ) -> TaskResult<Self> {
        let mut backend = context.operator_backend()?;
        let mut list = OperatorListState::<(i64, String)>::split(STATE);
        backend.register(&mut list)?;
        let restored = list.get(&backend)?.iter().map(|(_, json)| serde_json::from_str(json));
        let restored: Vec<C> = restored
            .collect::<Result<_, _>>()
            .map_err(|error| TaskError::connector(Unreadable { error }.into()))?;
        list.clear(&mut backend)?;
        let mut commits = Self {
            committer,
            pending: BTreeMap::new(),
            staged: Vec::new(),
            savepoints: BTreeSet::new(),
            list,
            backend,
        };
        commits.commit(&restored)?;
        Ok(commits)
    }

    /// Takes what waits for a checkpoint.
    pub(super) fn stage(&mut self, committables: Vec<C>) {
        self.staged.extend(committables);
    }

    /// A barrier has come: what is staged is part of its checkpoint. Returns the state, where there
    /// is any.
    pub(super) fn snapshot(
        &mut self,
        barrier: &CheckpointBarrier,
    ) -> TaskResult<Option<OperatorSnapshot>> {
        if !self.staged.is_empty() {
            let staged = std::mem::take(&mut self.staged);
            self.pending.entry(barrier.id).or_default().extend(staged);
        }
        if barrier.kind.is_savepoint() && barrier.kind.ending().is_none() {
            self.savepoints.insert(barrier.id);
        }
        let mut items = Vec::new();
        for (checkpoint, committables) in &self.pending {
            for committable in committables {
                let json = serde_json::to_string(committable)
                    .map_err(|error| TaskError::connector(error.into()))?;
                items.push((checkpoint.0.cast_signed(), json));
            }
        }
        if items.is_empty() {
            return Ok(None);
        }
        self.list.update(&mut self.backend, items)?;
        Ok(Some(self.backend.snapshot()))
    }

    /// A checkpoint is complete.
    pub(super) fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        if self.savepoints.contains(&checkpoint) {
            return Ok(());
        }
        self.savepoints.retain(|savepoint| *savepoint > checkpoint);
        let later = self.pending.split_off(&checkpoint.next());
        let complete = std::mem::replace(&mut self.pending, later);
        let complete: Vec<C> = complete.into_values().flatten().collect();
        self.commit(&complete)
    }

    /// Commits at once.
    pub(super) fn commit(&mut self, committables: &[C]) -> TaskResult {
        if committables.is_empty() {
            return Ok(());
        }
        for pause in PAUSES {
            match self.committer.commit(committables.to_vec()) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::warn!("a commit failed and is tried again in {pause:?}: {error}");
                    thread::sleep(pause);
                }
            }
        }
        self.committer.commit(committables.to_vec()).map_err(TaskError::connector)
    }
}

/// What a checkpoint holds of a sink is of another form than this sink's.
#[derive(Debug, thiserror::Error)]
#[error(
    "the staged output that the checkpoint holds can't be read: {error}; restore with the sink that \
     it was taken with, or give the new one another uid"
)]
struct Unreadable {
    error: serde_json::Error,
}
