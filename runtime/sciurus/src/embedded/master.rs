//! The thread that masters the job: it tells the job's master what happens and does what that
//! decides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use sciurus_core::ids::{AllocationId, ExecutionAttemptId, ExecutionVertexId, TaskManagerId};
use sciurus_engine::deployment::{TaskDeployment, TaskSettings};
use sciurus_engine::exchange::connect;
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::program::Program;
use sciurus_engine::task::{Task, TaskControl, TaskMail};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::slots::{SharedSlot, SlotGrant, TaskManagerLocation};
use sciurus_job_master::{Action, Event, ExecutionState, JobMaster, JobStatus, Timer};

use super::JobOutcome;
use super::reporter::Reporter;
use super::shared::Shared;
use crate::tasks::{Decisions, Sources, cause_of, spawn, thread_name};

/// What the thread is told.
pub(super) enum Message {
    /// All operators of a task are open.
    Running(ExecutionAttemptId),
    /// A source's reader needs a split.
    SplitRequested(ExecutionAttemptId),
    /// A task's thread has ended.
    Ended(ExecutionAttemptId, TaskResult),
    /// The user cancels the job.
    Cancel,
}

/// Masters one job in this process.
pub(super) struct Master {
    job_master: JobMaster,
    program: Program,
    settings: TaskSettings,
    shared: Arc<Shared>,
    messages: Sender<Message>,
    location: TaskManagerLocation,
    tasks: HashMap<ExecutionVertexId, RunningTask>,
    sources: Sources,
    timers: Vec<(Instant, Timer)>,
}

struct RunningTask {
    attempt: ExecutionAttemptId,
    control: Arc<TaskControl>,
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
            timers: Vec::new(),
        }
    }

    /// Runs the job to its end.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) -> JobOutcome {
        let mut outcome = self.tell(Event::Start);
        while outcome.is_none() {
            outcome = match inbox.recv_timeout(self.time_to_next_timer()) {
                Ok(message) => self.on_message(message),
                Err(RecvTimeoutError::Timeout) => None,
                // The master holds a sender itself: this cannot be.
                Err(RecvTimeoutError::Disconnected) => Some(JobOutcome::Canceled),
            };
            outcome = outcome.or_else(|| self.fire_timers());
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
            Message::Cancel => self.tell(Event::CancelRequested),
        }
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

    fn announce(&self, decisions: Decisions) {
        for (reader, event) in decisions {
            if let Some(task) = self.tasks.get(&reader) {
                task.control.send(TaskMail::Source(event));
            }
        }
    }

    fn report(
        &mut self,
        attempt: ExecutionAttemptId,
        state: ExecutionState,
        failure: Option<FailureCause>,
    ) -> Option<JobOutcome> {
        self.tell(Event::TaskStateChanged { attempt, state, failure })
    }

    fn fail(&mut self, attempt: ExecutionAttemptId, error: &TaskError) -> Option<JobOutcome> {
        self.report(attempt, ExecutionState::Failed, Some(cause_of(error)))
    }

    /// Tells the job's master of an event and does what it wants.
    fn tell(&mut self, event: Event) -> Option<JobOutcome> {
        let now = self.settings.clock.now();
        let actions = self.job_master.handle(event, now);
        self.shared.set_restarts(self.job_master.restarts());
        let mut outcome = None;
        let mut to_deploy = Vec::new();
        let mut grants = Vec::new();
        for action in actions {
            match action {
                Action::RequestSlots(slots) => {
                    grants.extend(slots.into_iter().map(|slot| self.grant(slot)));
                }
                Action::WithdrawSlotRequests(_) | Action::ReleaseSlots(_) => {}
                Action::Deploy { attempt, .. } => to_deploy.push(attempt),
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
                Action::SnapshotSources { .. }
                | Action::TriggerCheckpoint { .. }
                | Action::WriteCheckpoint(_)
                | Action::NotifyComplete { .. }
                | Action::NotifyAborted { .. }
                | Action::DeleteCheckpoint { .. }
                | Action::DiscardCheckpoint { .. }
                | Action::DiscardFiles(_)
                | Action::DeleteLeftovers { .. }
                | Action::RestoreSources { .. }
                | Action::RequestDone { .. }
                | Action::ChangeGraph { .. } => {}
            }
        }
        if !grants.is_empty() {
            outcome = outcome.or(self.tell(Event::SlotsGranted(grants)));
        }
        if !to_deploy.is_empty() {
            outcome = outcome.or(self.deploy(&to_deploy));
        }
        outcome
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

    fn cancel_task(&mut self, attempt: ExecutionAttemptId) {
        match self.tasks.get(&attempt.execution_vertex()) {
            Some(task) if task.attempt == attempt => task.control.cancel(),
            // The attempt was never started: answer in its stead.
            _ => {
                let _ = self.messages.send(Message::Ended(attempt, Err(TaskError::Cancelled)));
            }
        }
    }

    /// Starts attempts together: what they are connected with is among them.
    fn deploy(&mut self, attempts: &[ExecutionAttemptId]) -> Option<JobOutcome> {
        let controls: HashMap<ExecutionVertexId, Arc<TaskControl>> = attempts
            .iter()
            .map(|attempt| {
                let control = Arc::new(TaskControl::new(Notifier::default()));
                (attempt.execution_vertex(), control)
            })
            .collect();
        let graph = self.job_master.graph();
        let mut endpoints = match connect(graph, &controls, self.settings.channel_bytes, None) {
            Ok(endpoints) => endpoints,
            Err(error) => return self.tell(Event::GlobalFailure(cause_of(&error))),
        };
        let mut outcome = None;
        let mut failed = Vec::new();
        for attempt in attempts {
            let subtask = attempt.execution_vertex();
            let graph = self.job_master.graph();
            let (Some(vertex), Some(control), Some(ends)) = (
                graph.vertex(subtask.vertex),
                controls.get(&subtask).cloned(),
                endpoints.remove(&subtask),
            ) else {
                continue;
            };
            let deployment = TaskDeployment {
                graph,
                program: &self.program,
                settings: &self.settings,
                vertex,
                subtask: subtask.subtask.0,
                attempt: attempt.attempt.0,
                control: control.clone(),
                senders: ends.senders,
                gates: ends.gates,
                restore: None,
                responder: None,
            };
            let started =
                deployment.build().and_then(|(task, metrics)| self.start(*attempt, task, metrics));
            match started {
                Ok(()) => {
                    self.tasks.insert(subtask, RunningTask { attempt: *attempt, control });
                }
                Err(error) => failed.push((*attempt, error)),
            }
        }
        for attempt in attempts {
            outcome = outcome.or(self.report(*attempt, ExecutionState::Initializing, None));
        }
        for (attempt, error) in failed {
            outcome = outcome.or(self.fail(attempt, &error));
        }
        let started: HashSet<_> =
            attempts.iter().map(ExecutionAttemptId::execution_vertex).collect();
        match self.sources.start(self.job_master.graph(), &self.program, &started) {
            Ok(decisions) => {
                self.shared.set_input_bytes(self.sources.total_bytes());
                self.announce(decisions);
            }
            Err(error) => outcome = outcome.or(self.tell(Event::GlobalFailure(cause_of(&error)))),
        }
        outcome
    }

    fn start(
        &self,
        attempt: ExecutionAttemptId,
        task: Task,
        metrics: SubtaskMetrics,
    ) -> TaskResult {
        self.shared.add_attempt(attempt, metrics);
        let name =
            self.job_master.graph().vertex(attempt.vertex).map_or_else(String::new, |vertex| {
                thread_name(&vertex.name, attempt.subtask, vertex.parallelism)
            });
        spawn(&name, task, Reporter { attempt, messages: self.messages.clone() })
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
