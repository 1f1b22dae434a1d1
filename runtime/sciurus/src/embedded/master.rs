//! The thread that masters the job: it tells the job's master what happens and does what that
//! decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use sciurus_checkpoint::{CheckpointPointer, Deletion, TaskAcknowledgement};
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::{
    AllocationId, ExecutionAttemptId, ExecutionVertexId, JobVertexId, TaskManagerId,
};
use sciurus_engine::deployment::TaskSettings;
use sciurus_engine::program::Program;
use sciurus_engine::task::{TaskControl, TaskMail};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::checkpoint_coordinator::{RequestFailure, RequestId, RequestOutcome};
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_job_master::slots::{SharedSlot, SlotGrant, TaskManagerLocation};
use sciurus_job_master::{Action, Event, ExecutionState, JobMaster, JobStatus, Timer};

use super::JobOutcome;
use super::shared::Shared;
use super::storage::StorageThreads;
use crate::tasks::{Decisions, Sources, SourcesRestore, cause_of};

/// What the thread is told.
pub(super) enum Message {
    /// All operators of a task are open.
    Running(ExecutionAttemptId),
    /// A source's reader needs a split.
    SplitRequested(ExecutionAttemptId),
    /// A task's thread has ended.
    Ended(ExecutionAttemptId, TaskResult),
    /// A task's part of a checkpoint is durable.
    Acknowledged(ExecutionAttemptId, CheckpointId, Box<TaskAcknowledgement>),
    /// A task takes no part in a checkpoint.
    Declined(ExecutionAttemptId, CheckpointId, String),
    /// A task has processed all of its input.
    EndOfData(ExecutionAttemptId),
    /// A checkpoint's metadata was written, or why not.
    Written(CheckpointId, Result<CheckpointPointer, String>),
    /// The user wants a checkpoint or savepoint, which goes into a folder.
    Snapshot(SnapshotKind, Option<String>, Answer),
    /// The user wants the job to run with other parallelism.
    Rescale(BTreeMap<JobVertexId, ParallelismBounds>, Answer),
    /// The user cancels the job.
    Cancel,
}

/// How many slots there are: as many as a job may need.
const SLOTS: u32 = 1 << 20;

/// Where the answer to a user's request goes.
pub(super) type Answer = SyncSender<Result<RequestOutcome, RequestFailure>>;

/// Masters one job in this process.
pub(super) struct Master {
    pub(super) job_master: JobMaster,
    pub(super) program: Program,
    pub(super) settings: TaskSettings,
    pub(super) shared: Arc<Shared>,
    pub(super) messages: Sender<Message>,
    location: TaskManagerLocation,
    pub(super) tasks: HashMap<ExecutionVertexId, RunningTask>,
    pub(super) sources: Sources,
    /// What sources are restored from whose readers are about to start.
    pub(super) restore: Option<SourcesRestore>,
    storage: Option<StorageThreads>,
    requests: BTreeMap<RequestId, Answer>,
    last_request: u64,
    timers: Vec<(Instant, Timer)>,
}

pub(super) struct RunningTask {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) control: Arc<TaskControl>,
}

impl Drop for Master {
    /// Leaves no task behind, however the master ends.
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.control.cancel();
        }
    }
}

impl Master {
    pub(super) fn new(
        job_master: JobMaster,
        program: Program,
        settings: TaskSettings,
        shared: Arc<Shared>,
        messages: Sender<Message>,
        storage: StorageThreads,
    ) -> Self {
        let location = TaskManagerLocation {
            id: TaskManagerId::new("embedded"),
            endpoint: "embedded".to_owned(),
        };
        Self {
            job_master,
            program,
            settings,
            shared,
            messages,
            location,
            tasks: HashMap::new(),
            sources: Sources::default(),
            restore: None,
            storage: Some(storage),
            requests: BTreeMap::new(),
            last_request: 0,
            timers: Vec::new(),
        }
    }

    /// Runs the job to its end.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) -> JobOutcome {
        let mut outcome = self.tell(Event::SlotsAvailable(SLOTS));
        outcome = outcome.or_else(|| self.tell(Event::Start));
        while outcome.is_none() {
            outcome = match inbox.recv_timeout(self.time_to_next_timer()) {
                Ok(message) => self.on_message(message),
                Err(RecvTimeoutError::Timeout) => None,
                // The master holds a sender itself: this cannot be.
                Err(RecvTimeoutError::Disconnected) => Some(JobOutcome::Canceled),
            };
            outcome = outcome.or_else(|| self.fire_timers());
        }
        if let Some(storage) = self.storage.take() {
            storage.finish();
        }
        outcome.unwrap_or(JobOutcome::Canceled)
    }

    fn on_message(&mut self, message: Message) -> Option<JobOutcome> {
        match message {
            Message::Running(attempt) => self.report(attempt, ExecutionState::Running, None),
            Message::SplitRequested(attempt) => self.serve(attempt),
            Message::Ended(attempt, result) => {
                let reader = attempt.execution_vertex();
                if self.tasks.get(&reader).is_some_and(|task| task.attempt == attempt) {
                    self.tasks.remove(&reader);
                }
                match result {
                    Ok(()) => self.report(attempt, ExecutionState::Finished, None),
                    Err(TaskError::Cancelled) => {
                        self.report(attempt, ExecutionState::Canceled, None)
                    }
                    Err(error) => self.fail(attempt, &error),
                }
            }
            Message::Acknowledged(attempt, checkpoint, acknowledgement) => {
                self.tell(Event::CheckpointAcknowledged { attempt, checkpoint, acknowledgement })
            }
            Message::Declined(attempt, checkpoint, reason) => {
                self.tell(Event::CheckpointDeclined { attempt, checkpoint, reason })
            }
            Message::EndOfData(attempt) => self.tell(Event::EndOfData(attempt)),
            Message::Written(checkpoint, result) => {
                self.tell(Event::CheckpointWritten { checkpoint, result })
            }
            Message::Snapshot(kind, target, answer) => {
                let request = self.note_request(answer);
                self.tell(Event::SnapshotRequested { request, kind, target })
            }
            Message::Rescale(parallelism, answer) => {
                let request = self.note_request(answer);
                self.tell(Event::RescaleRequested { request, parallelism })
            }
            Message::Cancel => self.tell(Event::CancelRequested),
        }
    }

    fn note_request(&mut self, answer: Answer) -> RequestId {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.requests.insert(request, answer);
        request
    }

    fn serve(&mut self, attempt: ExecutionAttemptId) -> Option<JobOutcome> {
        let reader = attempt.execution_vertex();
        if self.tasks.get(&reader).is_none_or(|task| task.attempt != attempt) {
            return None;
        }
        match self.sources.serve(reader) {
            Ok(decisions) => {
                self.announce(decisions);
                None
            }
            Err(error) => self.tell(Event::GlobalFailure(cause_of(&error))),
        }
    }

    pub(super) fn announce(&self, decisions: Decisions) {
        for (reader, event) in decisions {
            if let Some(task) = self.tasks.get(&reader) {
                task.control.send(TaskMail::Source(event));
            }
        }
    }

    pub(super) fn report(
        &mut self,
        attempt: ExecutionAttemptId,
        state: ExecutionState,
        failure: Option<FailureCause>,
    ) -> Option<JobOutcome> {
        self.tell(Event::TaskStateChanged { attempt, state, failure })
    }

    pub(super) fn fail(
        &mut self,
        attempt: ExecutionAttemptId,
        error: &TaskError,
    ) -> Option<JobOutcome> {
        let outcome = match error.innermost() {
            TaskError::CheckpointUnreadable { checkpoint, reason } => {
                let (checkpoint, reason) = (*checkpoint, reason.to_string());
                self.tell(Event::RestoreFailed { checkpoint, reason })
            }
            _ => None,
        };
        outcome.or_else(|| self.report(attempt, ExecutionState::Failed, Some(cause_of(error))))
    }

    /// Tells the job's master of an event and does what it wants.
    pub(super) fn tell(&mut self, event: Event) -> Option<JobOutcome> {
        let now = self.settings.clock.now();
        let actions = self.job_master.handle(event, now);
        self.shared.set_restarts(self.job_master.restarts());
        let mut outcome = None;
        let mut to_deploy = Vec::new();
        let mut grants = Vec::new();
        let mut events = Vec::new();
        for action in actions {
            match action {
                Action::RequestSlots(slots) => {
                    grants.extend(slots.into_iter().map(|slot| self.grant(slot)));
                }
                Action::WithdrawSlotRequests(_) | Action::ReleaseSlots(_) => {}
                Action::Deploy { attempt, restore, .. } => to_deploy.push((attempt, restore)),
                Action::CancelTask { attempt } => self.cancel_task(attempt),
                Action::StartTimer { timer, delay } => {
                    // A time too far to be told is never.
                    self.timers.extend(Instant::now().checked_add(delay).map(|due| (due, timer)));
                }
                Action::ReportStatus(status) => {
                    self.log(status);
                    self.shared.set_status(status, now);
                }
                Action::JobReachedTerminal { status, failure } => {
                    outcome = Some(JobOutcome::of(status, failure));
                }
                action => events.extend(self.carry_out(action)),
            }
        }
        for event in events {
            outcome = outcome.or(self.tell(event));
        }
        if !grants.is_empty() {
            outcome = outcome.or(self.tell(Event::SlotsGranted(grants)));
        }
        if !to_deploy.is_empty() {
            outcome = outcome.or(self.deploy(to_deploy));
        }
        outcome
    }

    /// Does what the master wants about checkpoints; returns what came of it, if that is known.
    fn carry_out(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::SnapshotSources { checkpoint } => {
                let result = self.sources.snapshot(checkpoint);
                let result = result.map_err(|error| cause_of(&error).to_string());
                return Some(Event::SourcesSnapshotted { checkpoint, result });
            }
            Action::TriggerCheckpoint { attempt, barrier } => {
                let checkpoint = barrier.id;
                if !self.mail(attempt, TaskMail::Checkpoint(barrier)) {
                    let reason = "the task doesn't run".to_owned();
                    return Some(Event::CheckpointDeclined { attempt, checkpoint, reason });
                }
            }
            Action::NotifyComplete { attempts, checkpoint } => {
                for attempt in attempts {
                    self.mail(attempt, TaskMail::CheckpointComplete(checkpoint));
                }
                if let Err(error) = self.sources.complete(checkpoint) {
                    return Some(Event::GlobalFailure(cause_of(&error)));
                }
            }
            Action::NotifyAborted { attempts, checkpoint } => {
                for attempt in attempts {
                    self.mail(attempt, TaskMail::CheckpointAborted(checkpoint));
                }
            }
            Action::RestoreSources { checkpoint, states, .. } => {
                self.restore = checkpoint.map(|checkpoint| SourcesRestore { checkpoint, states });
            }
            Action::ChangeGraph { .. } => {
                self.sources = Sources::default();
                self.shared.change_graph(self.job_master.graph());
            }
            Action::RequestDone { request, result } => {
                if let Some(answer) = self.requests.remove(&request) {
                    // Whoever asked may have gone away.
                    let _ = answer.send(result);
                }
            }
            action => self.store(action),
        }
        None
    }

    /// Has files of checkpoints written or deleted.
    fn store(&self, action: Action) {
        let Some(storage) = &self.storage else { return };
        match action {
            Action::WriteCheckpoint(metadata) => storage.write(metadata),
            Action::DeleteCheckpoint { pointer, shared, .. } => {
                storage.delete(Deletion::Checkpoint { pointer, shared });
            }
            Action::DiscardCheckpoint { exclusive, .. } => {
                storage.delete(Deletion::Folder(exclusive));
            }
            Action::DiscardFiles(files) => storage.delete(Deletion::Files(files)),
            Action::DeleteLeftovers { retained, .. } => {
                storage.delete(Deletion::Leftovers { retained, older_than: None });
            }
            _ => {}
        }
    }

    /// Sends a task a mail; `false` where the attempt doesn't run.
    fn mail(&self, attempt: ExecutionAttemptId, mail: TaskMail) -> bool {
        match self.tasks.get(&attempt.execution_vertex()) {
            Some(task) if task.attempt == attempt => {
                task.control.send(mail);
                true
            }
            _ => false,
        }
    }

    /// Logs the job's way; a failure that ends it is the client's to tell.
    fn log(&self, status: JobStatus) {
        let (job, id) = (&self.job_master.graph().job_name, self.job_master.job_id());
        let failure = self.job_master.exceptions().entries().next();
        if let (JobStatus::Restarting, Some(failure)) = (status, failure) {
            tracing::warn!("job '{job}' ({id}) is restarted: {}", failure.root);
        } else {
            tracing::info!("job '{job}' ({id}) is {status}");
        }
    }

    /// Gives a slot: the embedded cluster has as many as a job needs.
    fn grant(&self, slot: SharedSlot) -> SlotGrant {
        SlotGrant { slot, allocation: AllocationId::random(), location: self.location.clone() }
    }

    fn time_to_next_timer(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3600);
        let next = self.timers.iter().map(|(due, _)| *due).min();
        next.map_or(LONGEST, |due| due.saturating_duration_since(Instant::now()))
    }

    fn fire_timers(&mut self) -> Option<JobOutcome> {
        let now = Instant::now();
        let (due, later) = self.timers.drain(..).partition(|(due, _)| *due <= now);
        self.timers = later;
        let due: Vec<(Instant, Timer)> = due;
        due.into_iter()
            .fold(None, |outcome, (_, timer)| outcome.or(self.tell(Event::TimerFired(timer))))
    }
}
