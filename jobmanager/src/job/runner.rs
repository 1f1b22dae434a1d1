//! Runs one job: hands events to its master and carries out what that wants done.
//!
//! The runner waits for nothing but its next event, so whatever hangs elsewhere, it can be told to
//! go on without. The order in which it tells others of a deployment: workers are started, tasks
//! are sent to them, and only then does the coordinator hear that readers start, so that what it
//! decides for them reaches a TaskManager behind the tasks themselves.

mod checkpointing;
mod coordinating;
mod deploying;
mod losses;
mod rescaling;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sciurus_checkpoint::Deletion;
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{AllocationId, ExecutionAttemptId, ExecutionVertexId, GraphFingerprint};
use sciurus_job_master::checkpoint_coordinator::RequestId;
use sciurus_job_master::failure::{FailureCause, JobFailure};
use sciurus_job_master::{Action, Event, ExecutionState, JobStatus};
use sciurus_rpc::convert::bytes_of;
use sciurus_rpc::proto;
use tokio_util::task::TaskTracker;

use checkpointing::Fate;
use coordinating::HeldBack;

use super::Job;
use super::checkpoints::JobCheckpoints;
use super::deployments::{Cancelled, Deployments, Placed};
use super::timers::{Due, Timers};
use crate::coordinator::{Coordinator, Executable};
use crate::inbox::{Answer, JobEvent, JobPorts, Letters};
use crate::resource_manager::{GrantedSlot, ResourceManager};
use crate::task_managers::TaskManagers;

/// What jobs need of the JobManager.
#[derive(Clone)]
pub(crate) struct JobServices {
    pub(crate) resources: Arc<ResourceManager>,
    pub(crate) task_managers: TaskManagers,
    pub(crate) ports: JobPorts,
    /// Where coordinators run.
    pub(crate) tasks: TaskTracker,
    pub(crate) task_cancellation_timeout: Duration,
    pub(crate) worker_start_timeout: Duration,
}

/// How long a job waits for slots until that is worth a line in the log.
const SHORT_WAIT: Duration = Duration::from_millis(250);

/// How long a worker whose job has ended may take to end.
const WORKER_GRACE: Duration = Duration::from_secs(2);

/// Where a job's worker comes from.
#[derive(Clone, Debug)]
pub(crate) struct WorkerPackage {
    pub(crate) sha256: [u8; 32],
    pub(crate) size_bytes: u64,
    pub(crate) name: String,
    pub(crate) entry: Option<String>,
    pub(crate) arguments: Vec<String>,
}

type StartingCoordinator = Pin<Box<dyn Future<Output = Result<Coordinator, FailureCause>> + Send>>;

/// Runs one job.
pub(crate) struct Runner {
    job: Arc<Job>,
    letters: Letters,
    services: JobServices,
    package: WorkerPackage,
    executable: Executable,
    fingerprint: GraphFingerprint,
    deployments: Deployments,
    grants: HashMap<AllocationId, GrantedSlot>,
    timers: Timers,
    coordinator: Option<Coordinator>,
    /// A coordinator that is being started in place of one that has ended.
    starting: Option<StartingCoordinator>,
    coordinators: u64,
    /// Counts the starts of readers.
    round: u64,
    /// The last round that the coordinator has answered.
    answered_round: u64,
    /// The coordinator that is to be asked for a sign of life before long.
    to_probe: Option<u64>,
    /// In which round each reader was started last.
    reader_rounds: HashMap<ExecutionVertexId, u64>,
    /// What readers are restored from that are about to start.
    restores: HashMap<ExecutionVertexId, Arc<proto::SourcesRestore>>,
    /// What a coordinator that is being started is told first, and which readers have asked for a
    /// split.
    held_back: Vec<HeldBack>,
    held_back_requests: HashSet<ExecutionAttemptId>,
    checkpoints: JobCheckpoints,
    /// Users' requests that wait for an answer.
    requests: BTreeMap<RequestId, Answer>,
    last_request: u64,
    is_over: bool,
}

impl Runner {
    pub(crate) fn new(
        job: Arc<Job>,
        letters: Letters,
        services: JobServices,
        package: WorkerPackage,
        executable: Executable,
        coordinator: Option<Coordinator>,
        checkpoints: JobCheckpoints,
    ) -> Self {
        let fingerprint = job.master.lock().graph().fingerprint();
        Self {
            job,
            letters,
            services,
            package,
            executable,
            fingerprint,
            deployments: Deployments::default(),
            grants: HashMap::new(),
            timers: Timers::default(),
            coordinators: coordinator.as_ref().map_or(0, Coordinator::number),
            coordinator,
            starting: None,
            round: 0,
            answered_round: 0,
            to_probe: None,
            reader_rounds: HashMap::new(),
            restores: HashMap::new(),
            held_back: Vec::new(),
            held_back_requests: HashSet::new(),
            checkpoints,
            requests: BTreeMap::new(),
            last_request: 0,
            is_over: false,
        }
    }

    /// Runs the job to its end, or until it is given up. That it has ended is told by
    /// [`Job::tell_end`], when all that follows is done.
    pub(crate) async fn run(mut self) {
        self.tell(Event::SlotsAvailable(self.services.resources.counts().available));
        self.tell(Event::Start);
        while !self.is_over {
            tokio::select! {
                event = self.letters.next() => match event {
                    Some(event) => self.on_event(event),
                    // The job itself holds a sender: this cannot be.
                    None => break,
                },
                () = self.timers.next() => self.on_timers(),
                started = started(&mut self.starting) => self.on_coordinator_started(started),
            }
        }
        self.clean_up();
    }

    fn on_event(&mut self, event: JobEvent) {
        match event {
            JobEvent::SlotsGranted(slots) => {
                let grants = slots.iter().map(|slot| slot.grant.clone()).collect();
                self.grants.extend(slots.into_iter().map(|slot| (slot.grant.allocation, slot)));
                self.tell(Event::SlotsGranted(grants));
            }
            JobEvent::SlotsAvailable(free) => self.tell(Event::SlotsAvailable(free)),
            JobEvent::TaskManagerLost { task_manager, cause } => {
                self.lose_task_manager(&task_manager, cause);
            }
            JobEvent::WorkerStarted { task_manager, worker, data_address } => {
                if self.deployments.worker_started(&task_manager, worker, data_address) {
                    self.deploy_what_is_ready();
                }
            }
            JobEvent::WorkerEnded { task_manager, worker, cause } => {
                self.lose_worker(&task_manager, Some(worker), cause);
            }
            JobEvent::TaskChanged { task_manager, generation, change } => {
                let (attempt, state, failure) = change;
                let is_unknown = self.deployments.sent(attempt).is_none();
                if is_unknown && !state.is_terminal() {
                    // It was given up and runs all the same.
                    let cancel = self.cancel_message(attempt);
                    self.services.task_managers.send(&task_manager, generation, cancel);
                    return;
                }
                self.note_restore(attempt, failure.as_ref());
                self.tell(Event::TaskStateChanged { attempt, state, failure });
                if state.is_terminal() {
                    self.deployments.ended(attempt);
                }
            }
            JobEvent::SplitRequested(reader) => self.request_split(reader),
            JobEvent::Decisions { coordinator, round, decisions, total_bytes } => {
                self.on_decisions(coordinator, round, decisions, total_bytes);
            }
            JobEvent::CoordinatorFailed { coordinator, cause, has_ended } => {
                self.on_coordinator_failed(coordinator, cause, has_ended);
            }
            JobEvent::Checkpoint { attempt, news } => self.on_checkpoint_news(attempt, news),
            JobEvent::SourcesSnapshotted { coordinator, checkpoint, result } => {
                self.on_sources_snapshotted(coordinator, checkpoint, result);
            }
            JobEvent::CheckpointWritten { checkpoint, result } => {
                self.tell(Event::CheckpointWritten { checkpoint, result });
            }
            JobEvent::SnapshotRequested { kind, target, answer } => {
                self.request(answer, |request| Event::SnapshotRequested { request, kind, target });
            }
            JobEvent::RescaleRequested { parallelism, answer } => {
                self.request(answer, |request| Event::RescaleRequested { request, parallelism });
            }
            JobEvent::CancelRequested => self.tell(Event::CancelRequested),
            JobEvent::Suspend => self.is_over = true,
        }
    }

    fn on_timers(&mut self) {
        while let Some(due) = self.timers.take_due() {
            match due {
                Due::Master(timer) => {
                    let available = self.services.resources.counts().available;
                    self.job.master.lock().note_available_slots(available);
                    self.tell(Event::TimerFired(timer));
                }
                Due::SlotsGranted => self.report_shortage(),
                Due::Cancelled(attempts) => self.end_what_does_not_stop(&attempts),
                Due::Taken(attempts) => self.end_what_does_not_start(&attempts),
                Due::ReadersStarted(coordinator, round) => {
                    self.give_up_coordinator(coordinator, round);
                }
                Due::CoordinatorProbed(coordinator) => self.probe_coordinator(coordinator),
                Due::WorkerStarted(task_manager, worker) => {
                    self.give_up_start(&task_manager, worker);
                }
            }
        }
    }

    /// Tells the job's master of an event, and does what it wants done.
    fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let actions = self.job.master.lock().handle(event, SystemClock.now());
            self.carry_out(actions, &mut events);
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>, events: &mut VecDeque<Event>) {
        let id = self.job.id();
        let mut to_deploy = Vec::new();
        let mut cancelled = Vec::new();
        self.note_end(&actions);
        for action in actions {
            match action {
                Action::RequestSlots(slots) => {
                    self.services.resources.request(id, slots);
                    self.timers.add(SHORT_WAIT, Due::SlotsGranted);
                }
                Action::WithdrawSlotRequests(slots) => {
                    self.services.resources.withdraw(id, &slots);
                }
                Action::ReleaseSlots(allocations) => {
                    for allocation in &allocations {
                        self.grants.remove(allocation);
                    }
                    self.services.resources.release(id, allocations);
                }
                Action::Deploy { attempt, slot, restore } => {
                    if let Some(slot) = self.grants.get(&slot.allocation) {
                        to_deploy.push(Placed { attempt, slot: slot.clone(), restore });
                    }
                }
                Action::CancelTask { attempt } => {
                    match self.deployments.cancel(attempt) {
                        Some(Cancelled::At(sent)) => {
                            let message = self.cancel_message(attempt);
                            let (tm, generation) = (&sent.task_manager, sent.generation);
                            self.services.task_managers.send(tm, generation, message);
                            cancelled.push(attempt);
                        }
                        // Nobody runs it: answer in its stead.
                        Some(Cancelled::NeverSent) | None => {
                            let state = ExecutionState::Canceled;
                            let event = Event::TaskStateChanged { attempt, state, failure: None };
                            events.push_back(event);
                        }
                    }
                }
                Action::StartTimer { timer, delay } => self.timers.add(delay, Due::Master(timer)),
                Action::ReportStatus(status) => self.report(status),
                Action::JobReachedTerminal { status, failure } => {
                    self.on_end(status, failure.as_ref());
                }
                Action::SnapshotSources { checkpoint } => {
                    let refused = self.snapshot_sources(checkpoint);
                    events.extend(refused.map(|reason| Event::SourcesSnapshotted {
                        checkpoint,
                        result: Err(reason),
                    }));
                }
                Action::TriggerCheckpoint { attempt, barrier } => {
                    events.extend(self.trigger_checkpoint(attempt, &barrier));
                }
                Action::NotifyComplete { attempts, checkpoint } => {
                    self.report_complete(checkpoint);
                    self.notify_tasks(attempts, checkpoint, Fate::Complete);
                    self.notify_sources(checkpoint);
                }
                Action::NotifyAborted { attempts, checkpoint } => {
                    self.report_aborted(checkpoint);
                    self.notify_tasks(attempts, checkpoint, Fate::Aborted);
                }
                Action::RestoreSources { checkpoint, readers, states } => {
                    self.restore_readers(checkpoint, readers, &states);
                }
                Action::RequestDone { request, result } => self.answer(request, result),
                Action::ChangeGraph { overrides } => self.change_graph(&overrides),
                Action::WriteCheckpoint(metadata) => self.checkpoints.write(metadata),
                Action::DeleteCheckpoint { checkpoint, pointer, shared } => {
                    let deletion = Deletion::Checkpoint { pointer, shared };
                    self.checkpoints.delete(Some(checkpoint), deletion);
                }
                Action::ForgetCheckpoint { checkpoint } => {
                    self.checkpoints.delete(Some(checkpoint), Deletion::Files(Vec::new()));
                }
                Action::DiscardCheckpoint { checkpoint, exclusive } => {
                    self.checkpoints.delete(Some(checkpoint), Deletion::Folder(exclusive));
                }
                Action::DiscardFiles(files) => {
                    self.checkpoints.delete(None, Deletion::Files(files));
                }
                Action::DeleteLeftovers { retained, is_over } => {
                    self.checkpoints.delete_leftovers(retained, is_over);
                }
            }
        }
        let patience = self.services.task_cancellation_timeout;
        if !cancelled.is_empty() && !patience.is_zero() {
            self.timers.add(patience, Due::Cancelled(cancelled));
        }
        self.deploy(to_deploy);
    }

    /// Remembers that the job ends by these actions, before anything is deleted that another
    /// JobManager could go on from.
    fn note_end(&self, actions: &[Action]) {
        let ends = actions.iter().any(|action| {
            matches!(action, Action::JobReachedTerminal { status, .. } if status.is_globally_terminal())
        });
        let kept = actions.iter().find_map(|action| match action {
            Action::DeleteLeftovers { retained, is_over: true } => Some(retained),
            _ => None,
        });
        if let (true, Some(kept)) = (ends, kept) {
            self.checkpoints.end(kept);
        }
    }

    fn report(&mut self, status: JobStatus) {
        let name = self.job.name();
        let failure = self.job.master.lock().exceptions().entries().next().cloned();
        if let (JobStatus::Restarting, Some(failure)) = (status, failure) {
            tracing::warn!("job '{name}' is restarted: {}", failure.root);
        } else {
            tracing::info!("job '{name}' is {status}");
        }
        // An end is told when all that follows is done.
        if !status.is_terminal() {
            self.job.status.send_replace(status);
        }
    }

    fn report_shortage(&self) {
        let name = self.job.name();
        if let Some(shortage) = self.job.slot_shortage() {
            tracing::warn!(
                "job '{name}' waits for {} slots more than there are: add TaskManagers or \
                 slots, or lower the parallelism",
                shortage.total()
            );
        }
    }

    fn on_end(&mut self, status: JobStatus, failure: Option<&JobFailure>) {
        if let (JobStatus::Failed, Some(failure)) = (status, failure) {
            let name = self.job.name();
            tracing::error!("job '{name}' has failed: {failure}");
        }
        self.is_over = true;
    }

    fn id_bytes(&self) -> Bytes {
        bytes_of(self.job.id().to_bytes())
    }

    /// Ends what still runs for the job and gives back what it has.
    fn clean_up(&mut self) {
        self.services.ports.remove(self.job.id());
        for (task_manager, worker) in self.deployments.workers() {
            let message = self.stop_message(WORKER_GRACE);
            self.services.task_managers.send(task_manager, worker.generation, message);
        }
        self.services.resources.remove_job(self.job.id());
        self.coordinator = None;
        self.starting = None;
        self.job.metrics.end();
    }
}

/// Where the log of a job's coordinator lies.
pub(crate) fn coordinator_log(log_dir: &std::path::Path, job: sciurus_core::ids::JobId) -> PathBuf {
    log_dir.join(format!("sciurus-coordinator-{job}.log"))
}

/// Waits for the coordinator that is being started; for ever where none is.
async fn started(starting: &mut Option<StartingCoordinator>) -> Result<Coordinator, FailureCause> {
    match starting {
        Some(future) => {
            let started = future.await;
            *starting = None;
            started
        }
        None => std::future::pending().await,
    }
}
