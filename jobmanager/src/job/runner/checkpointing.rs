//! Checkpoints: barriers and notices to tasks, what tasks say, and what users ask for.

use std::collections::BTreeMap;

use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId};
use sciurus_job_master::Event;
use sciurus_job_master::checkpoint_coordinator::statistics::CheckpointStatus;
use sciurus_job_master::checkpoint_coordinator::{RequestFailure, RequestId, RequestOutcome};
use sciurus_job_master::failure::FailureCause;
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message;

use super::Runner;
use crate::inbox::{Answer, CheckpointNews};

/// How many users' requests may wait for an answer.
const MAX_REQUESTS: usize = 256;

/// The kind of the failure of a task that finds a part of its checkpoint gone or damaged.
const CHECKPOINT_UNREADABLE: &str = "CheckpointUnreadable";

/// What has become of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is complete.
    Complete,
    /// It came to nothing.
    Aborted,
}

impl Runner {
    /// Sends a barrier to a task; returns what is to be said where that isn't anywhere.
    pub(super) fn trigger_checkpoint(
        &self,
        attempt: ExecutionAttemptId,
        barrier: &CheckpointBarrier,
    ) -> Option<Event> {
        let Some(sent) = self.deployments.sent(attempt) else {
            let reason = "the task has not been sent to its worker".to_owned();
            return Some(Event::CheckpointDeclined { attempt, checkpoint: barrier.id, reason });
        };
        let message = Message::TriggerCheckpoint(proto::TaskCheckpointTrigger {
            job_id: self.id_bytes(),
            trigger: Some(proto::TriggerCheckpoint::new(attempt, barrier)),
        });
        self.services.task_managers.send(&sent.task_manager, sent.generation, message);
        None
    }

    /// Tells tasks what has become of a checkpoint, each TaskManager by one message.
    pub(super) fn notify_tasks(
        &self,
        attempts: Vec<ExecutionAttemptId>,
        checkpoint: CheckpointId,
        fate: Fate,
    ) {
        let mut by_place: BTreeMap<(TaskManagerId, u64), Vec<ExecutionAttemptId>> = BTreeMap::new();
        for attempt in attempts {
            if let Some(sent) = self.deployments.sent(attempt) {
                let place = (sent.task_manager.clone(), sent.generation);
                by_place.entry(place).or_default().push(attempt);
            }
        }
        for ((task_manager, generation), attempts) in by_place {
            let notice = proto::TaskCheckpointNotice {
                job_id: self.id_bytes(),
                notice: Some(proto::CheckpointNotice::new(checkpoint, attempts)),
            };
            let message = match fate {
                Fate::Complete => Message::CheckpointComplete(notice),
                Fate::Aborted => Message::CheckpointAborted(notice),
            };
            self.services.task_managers.send(&task_manager, generation, message);
        }
    }

    /// Logs that a checkpoint is complete.
    pub(super) fn report_complete(&self, checkpoint: CheckpointId) {
        let master = self.job.master.lock();
        if let Some(found) = master.checkpoints().checkpoint(checkpoint) {
            let (bytes, duration_ms) = (found.state_bytes(), found.duration_ms(SystemClock.now()));
            tracing::info!(checkpoint = checkpoint.0, bytes, duration_ms, "checkpoint complete");
        }
    }

    /// Logs that a checkpoint came to nothing.
    pub(super) fn report_aborted(&self, checkpoint: CheckpointId) {
        let master = self.job.master.lock();
        let found = master.checkpoints().checkpoint(checkpoint);
        if let Some(CheckpointStatus::Failed { message, .. }) = found.map(|found| &found.status) {
            tracing::warn!(checkpoint = checkpoint.0, "checkpoint failed: {message}");
        }
    }

    /// Hears what a task says about checkpoints; the master knows which attempts count.
    pub(super) fn on_checkpoint_news(&mut self, attempt: ExecutionAttemptId, news: CheckpointNews) {
        self.tell(match news {
            CheckpointNews::Acknowledged(checkpoint, acknowledgement) => {
                Event::CheckpointAcknowledged { attempt, checkpoint, acknowledgement }
            }
            CheckpointNews::Declined(checkpoint, reason) => {
                Event::CheckpointDeclined { attempt, checkpoint, reason }
            }
            CheckpointNews::EndOfData => Event::EndOfData(attempt),
        });
    }

    /// Tells the master where a task failed because what it is restored from can't be read.
    pub(super) fn note_restore(
        &mut self,
        attempt: ExecutionAttemptId,
        failure: Option<&FailureCause>,
    ) {
        let restored = self.deployments.sent(attempt).and_then(|sent| sent.restored);
        if let (Some(checkpoint), Some(cause)) = (restored, failure)
            && cause.kind == CHECKPOINT_UNREADABLE
        {
            let reason = cause.message.clone();
            self.tell(Event::RestoreFailed { checkpoint, reason });
        }
    }

    /// Takes a user's request in; `ask` makes the event of its number.
    pub(super) fn request(&mut self, answer: Answer, ask: impl FnOnce(RequestId) -> Event) {
        // Whoever asked may have gone away.
        self.requests.retain(|_, answer| !answer.is_closed());
        if self.requests.len() >= MAX_REQUESTS {
            let text = format!("{MAX_REQUESTS} requests to the job wait for an answer already");
            let failure =
                RequestFailure::new("java.util.concurrent.RejectedExecutionException", text);
            let _ = answer.send(Err(failure));
            return;
        }
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.requests.insert(request, answer);
        self.tell(ask(request));
    }

    /// Answers a user's request.
    pub(super) fn answer(
        &mut self,
        request: RequestId,
        result: Result<RequestOutcome, RequestFailure>,
    ) {
        if let Some(answer) = self.requests.remove(&request) {
            // Whoever asked may have gone away.
            let _ = answer.send(result);
        }
    }
}
