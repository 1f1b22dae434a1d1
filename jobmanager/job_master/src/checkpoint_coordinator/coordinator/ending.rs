//! How checkpoints come to nothing, and what is left of them when the job ends.

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::time::Timestamp;

use super::{CheckpointCoordinator, QueuedRequest, REMEMBERED};
use crate::checkpoint_coordinator::pending::{PendingCheckpoint, Phase};
use crate::checkpoint_coordinator::plan::Tasks;
use crate::checkpoint_coordinator::request::Requester;
use crate::checkpoint_coordinator::{
    CheckpointFailure, CheckpointRetention, RequestFailure, RequestOutcome,
};
use crate::failure::{FailureCause, Fault};
use crate::{Action, JobStatus};

impl CheckpointCoordinator {
    /// Gives a checkpoint up; answers with a failure of the job if there were too many.
    #[must_use]
    pub(super) fn fail(
        &mut self,
        id: CheckpointId,
        failure: &CheckpointFailure,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if *failure == CheckpointFailure::Expired {
            // It is waited for no longer.
            self.awaited.remove(&id);
        }
        let pending = self.pending.remove(&id)?;
        self.statistics.fail(id, failure.to_string(), now);
        let attempts = match pending.phase {
            Phase::Sources => Vec::new(),
            Phase::Tasks | Phase::Writing => tasks.running(pending.plan.running.iter().copied()),
        };
        actions.push(Action::NotifyAborted { attempts, checkpoint: id });
        let is_savepoint = pending.kind.is_savepoint();
        self.answer(&pending, failure, tasks, actions);
        if pending.phase == Phase::Writing {
            if *failure == CheckpointFailure::Expired {
                self.limbo.insert(id, pending);
            } else if matches!(failure, CheckpointFailure::Finalize(_)) {
                self.discard(&pending, actions);
            } else {
                self.awaited.insert(id);
                self.limbo.insert(id, pending);
            }
        } else {
            self.discard(&pending, actions);
        }
        if is_savepoint {
            return None;
        }
        self.last_end = now;
        if !failure.counts() {
            return None;
        }
        self.failures += 1;
        if self.failures <= self.options.tolerable_failures {
            return None;
        }
        self.failures = 0;
        let message = format!(
            "Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed due to \
             {failure} See the checkpoint history or the log of the JobManager for earlier ones; \
             execution.checkpointing.tolerable-failed-checkpoints says how many may fail."
        );
        Some(FailureCause::new(Fault::Environment, "CheckpointFailures", message))
    }

    fn answer(
        &mut self,
        pending: &PendingCheckpoint,
        failure: &CheckpointFailure,
        tasks: &Tasks<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Some(request) = pending.request else { return };
        let is_over = *failure != CheckpointFailure::TaskClosing;
        if pending.kind.ending().is_some() {
            // Where a task has only finished, it is tried again with those that are left.
            if is_over {
                self.stop = None;
                self.is_active = tasks.are_up();
                self.refuse(request, failure, actions);
            }
        } else if is_over {
            self.refuse(request, failure, actions);
        } else {
            let target = pending.exclusive.rsplit_once('/').map(|(target, _)| target.to_owned());
            let target = target.filter(|_| pending.kind.is_savepoint());
            self.queue.push_front(QueuedRequest { request, kind: pending.kind, target });
        }
    }

    /// Deletes what was written for a checkpoint that came to nothing.
    pub(super) fn discard(&mut self, pending: &PendingCheckpoint, actions: &mut Vec<Action>) {
        let (checkpoint, exclusive) = (pending.id, pending.exclusive.clone());
        if pending.kind.is_savepoint() {
            self.failed_savepoints.insert(checkpoint, exclusive.clone());
            if self.failed_savepoints.len() > REMEMBERED {
                self.failed_savepoints.pop_first();
            }
        }
        actions.push(Action::DiscardCheckpoint { checkpoint, exclusive });
        let unused = self.registry.unregister_failed(checkpoint, self.last_id);
        if !unused.is_empty() {
            let urls = unused.into_iter().map(|file| file.url).collect();
            actions.push(Action::DiscardFiles(urls));
        }
    }

    /// Gives up all that is under way: the job fails over, changes its parallelism, or ends.
    pub(crate) fn suspend(
        &mut self,
        failure: &CheckpointFailure,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let stop = self.stop.take();
        self.is_active = false;
        self.timer = None;
        let pending: Vec<_> = self.pending.keys().copied().collect();
        let is_saving = stop.as_ref().is_some_and(|stop| {
            let request = Some(stop.request.request);
            self.pending.values().any(|pending| pending.request == request)
        });
        for id in pending {
            // None of these failures counts.
            let _ = self.fail(id, failure, tasks, now, actions);
        }
        self.is_active = false;
        for queued in std::mem::take(&mut self.queue) {
            self.refuse(queued.request, failure, actions);
        }
        let Some(stop) = stop.filter(|_| !is_saving) else { return };
        let request = stop.request.request;
        match stop.savepoint {
            None => self.refuse(request, failure, actions),
            Some((_, path)) => {
                let job = self.job;
                let failure = RequestFailure::new(
                    "org.apache.flink.runtime.scheduler.stopwithsavepoint.\
                     StopWithSavepointStoppingException",
                    format!(
                        "A savepoint has been created at: {path}, but the corresponding job {job} \
                         failed during stopping. The savepoint is consistent, but might have \
                         uncommitted transactions. If you want to commit the transaction please \
                         restart a job from this savepoint."
                    ),
                );
                if let Requester::User(request) = request {
                    actions.push(Action::RequestDone { request, result: Err(failure) });
                }
            }
        }
    }

    /// Says whether the savepoint that the job ends with is complete, so that effects are or were
    /// to be seen outside that only it knows of: a failure now concerns the whole job.
    pub(crate) fn is_past_stop(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.savepoint.is_some())
    }

    /// Says whether metadata is being written of which the job's end has to know.
    pub(crate) fn is_anything_written(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Gives up what is under way before the job ends.
    pub(crate) fn prepare_end(
        &mut self,
        end: JobStatus,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let finished = end == JobStatus::Finished;
        if let Some(stop) = self.stop.take_if(|stop| finished && stop.savepoint.is_some())
            && let Some((checkpoint, path)) = stop.savepoint
        {
            let outcome = RequestOutcome::Snapshot { checkpoint, path };
            if let Requester::User(request) = stop.request.request {
                actions.push(Action::RequestDone { request, result: Ok(outcome) });
            }
        }
        self.suspend(&CheckpointFailure::Suspended, tasks, now, actions);
    }

    /// Deletes what need not outlive the job.
    pub(crate) fn end(&mut self, end: JobStatus, actions: &mut Vec<Action>) {
        let keeps = match end {
            JobStatus::Failed => self.options.retention != CheckpointRetention::Never,
            JobStatus::Canceled => self.options.retention == CheckpointRetention::OnCancellation,
            JobStatus::Suspended => true,
            _ => false,
        };
        if !keeps {
            for retained in self.retained.take_all() {
                self.let_go(retained, actions);
            }
        }
        let unused = self.registry.take_all_unused();
        if !unused.is_empty() {
            let urls = unused.into_iter().map(|file| file.url).collect();
            actions.push(Action::DiscardFiles(urls));
        }
        for (checkpoint, exclusive) in std::mem::take(&mut self.failed_savepoints) {
            actions.push(Action::DiscardCheckpoint { checkpoint, exclusive });
        }
        self.delete_leftovers(true, actions);
    }

    /// Deletes what nobody refers to: no task of the job is writing.
    pub(crate) fn delete_leftovers(&self, is_over: bool, actions: &mut Vec<Action>) {
        if self.options.directory.is_some() {
            let retained = self.retained.iter().map(|retained| &retained.checkpoint.metadata);
            let retained = retained.chain(&self.others).cloned().collect();
            actions.push(Action::DeleteLeftovers { retained, is_over });
        }
    }
}
