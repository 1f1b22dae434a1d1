//! Snapshots that users ask for.

use sciurus_core::checkpoint::SnapshotKind;
use sciurus_core::time::Timestamp;

use super::{CheckpointCoordinator, QueuedRequest, Stop};
use crate::Action;
use crate::checkpoint_coordinator::plan::{CheckpointPlan, Tasks};
use crate::checkpoint_coordinator::request::Requester;
use crate::checkpoint_coordinator::{CheckpointFailure, RequestFailure, RequestId};
use crate::failure::FailureCause;

/// How many requests may wait.
const MAX_QUEUED: usize = 1000;

impl CheckpointCoordinator {
    /// Takes a user's wish for a checkpoint or savepoint, or refuses it.
    #[must_use]
    pub(crate) fn request(
        &mut self,
        request: RequestId,
        kind: SnapshotKind,
        target: Option<String>,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if let Err(failure) = self.check(kind, target.as_deref(), tasks) {
            actions.push(Action::RequestDone { request, result: Err(failure) });
            return None;
        }
        let queued = QueuedRequest { request: Requester::User(request), kind, target };
        if kind.ending().is_none() {
            self.queue.push_back(queued);
            return self.go_on(tasks, now, actions);
        }
        self.stop = Some(Stop { request: queued, savepoint: None });
        self.is_active = false;
        self.timer = None;
        let pending: Vec<_> = self.pending.keys().copied().collect();
        for id in pending {
            // Nobody counts what is suspended.
            let _ = self.fail(id, &CheckpointFailure::Suspended, tasks, now, actions);
        }
        for queued in std::mem::take(&mut self.queue) {
            self.refuse(queued.request, &CheckpointFailure::Suspended, actions);
        }
        self.go_on(tasks, now, actions)
    }

    fn check(
        &self,
        kind: SnapshotKind,
        target: Option<&str>,
        tasks: &Tasks<'_>,
    ) -> Result<(), RequestFailure> {
        if kind.is_savepoint() && target.is_none() && self.options.savepoint_directory.is_none() {
            return Err(RequestFailure::new(
                "java.lang.IllegalStateException",
                "No savepoint directory configured. You can either specify a directory while \
                 cancelling via -s :targetDirectory or configure a cluster-wide default via key \
                 'execution.checkpointing.savepoint-dir'.",
            ));
        }
        if !kind.is_savepoint() && self.options.directory.is_none() {
            return Err(RequestFailure::new(
                "java.lang.IllegalStateException",
                "No checkpoint directory configured. Set a cluster-wide one via key \
                 'execution.checkpointing.dir'.",
            ));
        }
        if self.stop.is_some() {
            return Err(RequestFailure::new(
                "org.apache.flink.runtime.checkpoint.CheckpointException",
                "Another stop-with-savepoint operation is in progress: the job takes no other \
                 snapshot until that has failed.",
            ));
        }
        if self.queue.len() >= MAX_QUEUED {
            return Err(RequestFailure::new(
                "org.apache.flink.runtime.checkpoint.CheckpointException",
                "The maximum number of queued checkpoint requests exceeded",
            ));
        }
        CheckpointPlan::new(tasks, self.options.after_tasks_finish)
            .map(|_| ())
            .map_err(|failure| failure.to_request_failure())
    }

    pub(super) fn refuse(
        &mut self,
        request: Requester,
        failure: &CheckpointFailure,
        actions: &mut Vec<Action>,
    ) {
        match request {
            Requester::User(request) => {
                let result = Err(failure.to_request_failure());
                actions.push(Action::RequestDone { request, result });
            }
            Requester::Rescale => self.for_rescale = Some(Err(failure.to_string())),
        }
    }

    /// Takes a checkpoint for the job to go on from with other parallelism, if it can be taken.
    #[must_use]
    pub(crate) fn checkpoint_for_rescale(
        &mut self,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        self.for_rescale = None;
        if let Err(failure) = self.check(SnapshotKind::Checkpoint, None, tasks) {
            self.for_rescale = Some(Err(failure.message));
            return None;
        }
        let (request, kind) = (Requester::Rescale, SnapshotKind::Checkpoint);
        self.queue.push_front(QueuedRequest { request, kind, target: None });
        self.go_on(tasks, now, actions)
    }

    /// Returns what came of the checkpoint that was taken for other parallelism, once.
    pub(crate) fn take_rescale_checkpoint(&mut self) -> Option<Result<(), String>> {
        self.for_rescale.take()
    }

    /// Says whether there is something to restore the job from.
    pub(crate) fn has_restore_point(&self) -> bool {
        self.retained.latest().is_some()
    }
}
