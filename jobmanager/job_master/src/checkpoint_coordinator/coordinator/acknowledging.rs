//! From acknowledgements to a checkpoint that counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sciurus_checkpoint::{CheckpointPointer, TaskAcknowledgement};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{ExecutionAttemptId, OperatorId};
use sciurus_core::time::Timestamp;

use super::{CheckpointCoordinator, REMEMBERED};
use crate::Action;
use crate::checkpoint_coordinator::completed::{Owner, RetainedCheckpoint};
use crate::checkpoint_coordinator::pending::{PendingCheckpoint, Phase};
use crate::checkpoint_coordinator::plan::Tasks;
use crate::checkpoint_coordinator::request::Requester;
use crate::checkpoint_coordinator::shared_state::{exclusive_files, shared_files};
use crate::checkpoint_coordinator::{CheckpointFailure, CompleteCheckpoint, RequestOutcome};
use crate::failure::FailureCause;

impl CheckpointCoordinator {
    /// Takes the state of the enumerators and sends the barriers off.
    #[must_use]
    pub(crate) fn sources_snapshotted(
        &mut self,
        id: CheckpointId,
        result: Result<BTreeMap<OperatorId, Bytes>, String>,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        let pending = self.pending.get_mut(&id).filter(|p| p.phase == Phase::Sources)?;
        match result {
            Ok(enumerators) => {
                pending.phase = Phase::Tasks;
                pending.enumerators = enumerators;
                let barrier = pending.barrier();
                actions.extend(pending.plan.triggered.iter().map(|&attempt| {
                    Action::TriggerCheckpoint { attempt, barrier: barrier.clone() }
                }));
                None
            }
            Err(reason) => {
                let failure = CheckpointFailure::Sources(reason);
                let failure = self.fail(id, &failure, tasks, now, actions);
                failure.or_else(|| self.go_on(tasks, now, actions))
            }
        }
    }

    pub(crate) fn acknowledge(
        &mut self,
        attempt: ExecutionAttemptId,
        id: CheckpointId,
        acknowledgement: TaskAcknowledgement,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let Some(pending) = self.pending.get_mut(&id) else {
            self.discard_late(attempt, id, &acknowledgement, actions);
            return;
        };
        if !pending.plan.running.contains(&attempt) {
            self.discard_late(attempt, id, &acknowledgement, actions);
            return;
        }
        if !pending.missing.remove(&attempt) {
            return; // It says so again.
        }
        let (vertex, subtask) = (attempt.vertex, attempt.subtask.position());
        self.statistics.acknowledge(id, vertex, subtask, &acknowledgement, now);
        self.registry.register(id, shared_files(&acknowledgement.state));
        pending.states.insert(attempt.execution_vertex(), acknowledgement.state);
        if pending.missing.is_empty() {
            pending.phase = Phase::Writing;
            let metadata = Box::new(pending.metadata(self.job, tasks.graph));
            actions.push(Action::WriteCheckpoint(metadata));
        }
    }

    #[must_use]
    pub(crate) fn decline(
        &mut self,
        attempt: ExecutionAttemptId,
        id: CheckpointId,
        reason: &str,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        let pending = self.pending.get(&id)?;
        if !pending.missing.contains(&attempt) {
            return None;
        }
        let name = tasks.executions.task_name(attempt).unwrap_or_default();
        let failure = CheckpointFailure::Declined(format!("Task {name}: {reason}"));
        let failure = self.fail(id, &failure, tasks, now, actions);
        failure.or_else(|| self.go_on(tasks, now, actions))
    }

    /// Deletes what a task has written for a checkpoint that is no more, where nobody refers to it.
    fn discard_late(
        &self,
        attempt: ExecutionAttemptId,
        id: CheckpointId,
        acknowledgement: &TaskAcknowledgement,
        actions: &mut Vec<Action>,
    ) {
        // Of what was before this life, and of what is long over, it isn't known whether it is or
        // was complete.
        let oldest = self.completed_ids.first();
        let is_long_over =
            self.completed_ids.len() >= REMEMBERED && oldest.is_some_and(|oldest| id < *oldest);
        let is_earlier = attempt.graph != self.life || id < self.first_id;
        if is_earlier || id > self.last_id || is_long_over {
            return;
        }
        let was_part = |pending: &PendingCheckpoint| pending.plan.running.contains(&attempt);
        if self.completed_ids.contains(&id) || self.limbo.get(&id).is_some_and(was_part) {
            return;
        }
        let state = &acknowledgement.state;
        let shared =
            shared_files(state).into_iter().filter(|file| !self.registry.contains(&file.url));
        let files: Vec<Arc<str>> =
            exclusive_files(state).into_iter().chain(shared).map(|file| file.url).collect();
        if !files.is_empty() {
            actions.push(Action::DiscardFiles(files));
        }
    }

    /// Takes note of what came of the writing of a checkpoint's metadata.
    #[must_use]
    pub(crate) fn written(
        &mut self,
        id: CheckpointId,
        result: Result<CheckpointPointer, String>,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if let Some(given_up) = self.limbo.remove(&id) {
            self.awaited.remove(&id);
            match result {
                Ok(pointer) => {
                    let shared = self.registry.unregister_failed(id, self.last_id);
                    actions.push(Action::DeleteCheckpoint { checkpoint: id, pointer, shared });
                }
                Err(_) => self.discard(&given_up, actions),
            }
            return None;
        }
        if !self.is_being_written(id) {
            return None;
        }
        let failure = match result {
            Ok(pointer) => {
                if let Some(pending) = self.pending.remove(&id) {
                    self.complete(&pending, pointer, tasks, now, actions);
                }
                None
            }
            Err(reason) => {
                let failure = CheckpointFailure::Finalize(reason);
                self.fail(id, &failure, tasks, now, actions)
            }
        };
        failure.or_else(|| self.go_on(tasks, now, actions))
    }

    fn complete(
        &mut self,
        pending: &PendingCheckpoint,
        pointer: CheckpointPointer,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let id = pending.id;
        let path = pointer.url.to_string();
        self.statistics.complete(id, &path, pointer.metadata_bytes);
        self.completed_ids.insert(id);
        if self.completed_ids.len() > REMEMBERED {
            self.completed_ids.pop_first();
        }
        let ending = pending.kind.ending();
        if !pending.kind.is_savepoint() || ending.is_some() {
            self.take_effect(pending, pointer, tasks, now, actions);
        }
        match &mut self.stop {
            Some(stop) if ending.is_some() => stop.savepoint = Some((id, path)),
            _ => {
                let outcome = RequestOutcome::Snapshot { checkpoint: id, path };
                match pending.request {
                    Some(Requester::User(request)) => {
                        actions.push(Action::RequestDone { request, result: Ok(outcome) });
                    }
                    Some(Requester::Rescale) => self.for_rescale = Some(Ok(())),
                    None => {}
                }
            }
        }
    }

    /// From here on the job is restored from this checkpoint, and what it holds back for that takes
    /// effect.
    fn take_effect(
        &mut self,
        pending: &PendingCheckpoint,
        pointer: CheckpointPointer,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let id = pending.id;
        let subsumed: Vec<CheckpointId> = self
            .pending
            .values()
            .filter(|other| other.id < id && !other.kind.is_savepoint())
            .map(|other| other.id)
            .collect();
        for subsumed in subsumed {
            // What is subsumed isn't counted as failed.
            let _ = self.fail(subsumed, &CheckpointFailure::Subsumed, tasks, now, actions);
        }
        self.failures = 0;
        self.last_end = now;
        self.next_is_full = false;
        let metadata = Arc::new(pending.metadata(self.job, tasks.graph));
        let owner = if pending.kind.is_savepoint() { Owner::User } else { Owner::Job };
        self.retained.add(CompleteCheckpoint { pointer, metadata }, owner);
        self.registry.establish(id);
        let attempts = tasks.running(pending.plan.running.iter().copied());
        let may_end = |attempt: &&ExecutionAttemptId| {
            pending.kind.ending().is_some() || pending.ending.contains(attempt)
        };
        self.closing.extend(attempts.iter().filter(may_end).copied());
        actions.push(Action::NotifyComplete { attempts, checkpoint: id });
        for surplus in self.retained.take_surplus(self.options.retained) {
            self.let_go(surplus, actions);
        }
        let unused = self.registry.take_unused(id);
        if !unused.is_empty() {
            let urls = unused.into_iter().map(|file| file.url).collect();
            actions.push(Action::DiscardFiles(urls));
        }
    }

    /// Gives a complete checkpoint up, and deletes it if it is the job's.
    pub(super) fn let_go(&mut self, surplus: RetainedCheckpoint, actions: &mut Vec<Action>) {
        let id = surplus.id();
        self.registry.unregister_complete(id, self.last_id);
        match surplus.owner {
            Owner::Job => {
                self.statistics.discarded(id);
                let (checkpoint, pointer) = (id, surplus.checkpoint.pointer);
                actions.push(Action::DeleteCheckpoint { checkpoint, pointer, shared: Vec::new() });
            }
            Owner::User => actions.push(Action::ForgetCheckpoint { checkpoint: id }),
        }
    }
}
