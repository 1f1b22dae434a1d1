//! The worker of a job: runs its tasks on one TaskManager.
//!
//! One thread ([`Worker`]) handles what the TaskManager, the tasks and the watch over the memory
//! tell it, and alone writes to the TaskManager.

mod deploy;
mod memory;
mod metrics;
mod pressure;
mod refusal;
mod reporter;
mod responder;
mod tasks;

use std::collections::HashMap;
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use sciurus_core::config::options::{sciurus as options, taskmanager};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::ids::{ExecutionAttemptId, JobId};
use sciurus_engine::checkpoint::CheckpointServices;
use sciurus_engine::exchange::network::{Network, NetworkOptions};
use sciurus_engine::source::SourceEvent;
use sciurus_engine::task::TaskMail;
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::ExecutionState;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::{self, MessageError, TaskCheckpointNews};
use sciurus_rpc::proto::{self, from_job, source_event, to_job};

use super::init::WorkerInit;
use super::manager::{INBOX_MESSAGES, Incoming, Manager};
use super::{DescribedJob, refuse, send};
use crate::tasks::cause_of;
use deploy::{Deployment, DeploymentError};
use memory::Memory;
use tasks::Tasks;

/// How long the failure of a task is kept back that only follows from the end of another: until
/// then that one is heard, so that the first failure that is told is the cause.
const CAUSE_FIRST: Duration = Duration::from_millis(300);

/// How long tasks may take to end once the process is to end.
const TASKS_END: Duration = Duration::from_secs(1);

/// How long tasks may take to end that are failed for want of memory.
const RELIEF: Duration = Duration::from_secs(10);

/// How long after the end of such tasks their memory has to be given back.
const GIVEN_BACK: Duration = Duration::from_secs(1);

/// The exit code of a worker that ends because it takes too much memory.
const EXIT_MEMORY: i32 = 5;

/// How long a worker without tasks waits for messages, before it looks around.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What the worker's thread is told.
enum Message {
    /// By the TaskManager.
    Manager(Incoming),
    /// All operators of a task are open.
    Running(ExecutionAttemptId),
    /// A source's reader needs a split.
    SplitRequested(ExecutionAttemptId),
    /// A task's thread has ended.
    Ended(ExecutionAttemptId, TaskResult),
    /// What a task says about checkpoints.
    Checkpoint(ExecutionAttemptId, TaskCheckpointNews),
    /// Sources were stopped in vain.
    MemoryExceeded,
}

/// Runs tasks until the TaskManager says to end, or is gone.
pub(super) fn run(manager: &Manager, job_id: JobId, init: &WorkerInit, job: DescribedJob) -> ! {
    let found = job.graph.fingerprint();
    if found != init.fingerprint {
        refuse(manager, refusal::other_graph(&job.graph, init.fingerprint));
    }
    let (inbox, messages) = mpsc::sync_channel(INBOX_MESSAGES);
    let worker = match Worker::start(manager, job_id, init, job, inbox) {
        Ok(worker) => worker,
        Err(cause) => refuse(manager, cause),
    };
    process::exit(worker.run(&messages))
}

struct Worker<'a> {
    manager: &'a Manager,
    init: &'a WorkerInit,
    tasks: Tasks,
    memory: Arc<Memory>,
    next_metrics: Option<Instant>,
    /// Failures that follow from others, with the times at which they are told.
    kept_back: HashMap<ExecutionAttemptId, (Instant, FailureCause)>,
    /// By when memory has to be given back.
    relief_by: Option<Instant>,
}

impl<'a> Worker<'a> {
    fn start(
        manager: &'a Manager,
        job_id: JobId,
        init: &'a WorkerInit,
        mut job: DescribedJob,
        inbox: SyncSender<Message>,
    ) -> Result<Self, FailureCause> {
        let environment = |what: &str, error: &dyn std::fmt::Display| {
            FailureCause::new(Fault::Environment, "System", format!("{what}: {error}"))
        };
        let wrong = |error: ConfigError| {
            FailureCause::new(Fault::User, "ConfigError", error.to_string()).not_retriable()
        };
        job.settings.checkpoints = Some(checkpoint_services(&job.configuration, job_id, init)?);
        let configuration = &job.configuration;
        let timeout = configuration.get(&options::MEMORY_LIMIT_TIMEOUT).map_err(wrong)?;
        let ports = init.data_ports.parse().map_err(|error| {
            environment("taskmanager.data.port cannot be used", &error).not_retriable()
        })?;
        let advertised_ports = match init.advertised_data_ports.as_str() {
            "" => None,
            ports => Some(ports.parse().map_err(|error| {
                environment("taskmanager.data.port cannot be used", &error).not_retriable()
            })?),
        };
        let network = Network::bind(NetworkOptions {
            bind_host: init.bind_host.clone(),
            ports,
            advertised_ports,
            compression: configuration.get(&options::EXCHANGE_COMPRESSION).map_err(wrong)?,
            reconnect_timeout: configuration
                .get(&options::EXCHANGE_RECONNECT_TIMEOUT)
                .map_err(wrong)?,
            connect_timeout: configuration
                .get(&options::EXCHANGE_CONNECT_TIMEOUT)
                .map_err(wrong)?,
            ..NetworkOptions::new(job_id, init.worker, init.host.clone())
        });
        let network =
            network.map_err(|error| environment("the network cannot be set up", &error))?;
        let exceeded = {
            let inbox = inbox.clone();
            // Where nobody reads the process ends.
            move || drop(inbox.send(Message::MemoryExceeded))
        };
        let throttle = job.settings.throttle.clone();
        let memory = Memory::watch(init.memory_bytes, timeout, throttle, exceeded)
            .map_err(|error| environment("cannot start a thread", &error))?;
        manager
            .listen(inbox.clone(), Message::Manager)
            .map_err(|error| environment("cannot start a thread", &error))?;
        let ready = proto::WorkerReady {
            data_address: network.address().to_string(),
            pid: process::id(),
            job_graph: serde_json::to_vec(&job.graph).unwrap_or_default().into(),
        };
        tracing::info!(
            job = %job_id,
            "worker of job '{}' on TaskManager {}: data at {}",
            job.graph.job_name,
            init.task_manager,
            ready.data_address
        );
        send(manager, from_job::Message::Ready(ready));
        Ok(Self {
            manager,
            init,
            tasks: Tasks::new(job_id, job, init.worker, network, inbox),
            memory,
            next_metrics: None,
            kept_back: HashMap::new(),
            relief_by: None,
        })
    }

    /// Runs to the end and returns the process's exit code.
    fn run(mut self, messages: &Receiver<Message>) -> i32 {
        loop {
            let handled = match messages.recv_timeout(self.time_to_next()) {
                Ok(Message::Manager(Incoming::End)) => return self.end(messages),
                Ok(Message::Manager(Incoming::Message(message))) => self.handle(*message),
                Ok(message) => {
                    self.hear(message);
                    Ok(())
                }
                Err(RecvTimeoutError::Timeout) => Ok(()),
                // The worker holds a sender itself: this cannot be.
                Err(RecvTimeoutError::Disconnected) => return 0,
            };
            if let Err(error) = handled {
                let cause = FailureCause::new(Fault::Bug, "MalformedMessage", error.to_string());
                refuse(self.manager, cause);
            }
            if let Some(code) = self.look_around(Instant::now()) {
                return code;
            }
        }
    }

    fn handle(&mut self, message: to_job::Message) -> Result<(), DeploymentError> {
        match message {
            to_job::Message::Deploy(message) => {
                let deployment = Deployment::read(message, self.tasks.graph())?;
                self.deploy(&deployment);
            }
            to_job::Message::CancelTask(attempt) => self.cancel(attempt.try_into()?),
            to_job::Message::SourceEvent(message) => {
                let reader = convert::required(message.reader, "reader")?.try_into()?;
                let event = event_of(convert::required(message.event, "event")?)?;
                if !self.tasks.mail(reader, TaskMail::Source(event)) {
                    tracing::debug!("what the source says to {reader} comes too late");
                }
            }
            to_job::Message::TriggerCheckpoint(message) => {
                let (attempt, barrier) = message.read()?;
                let checkpoint = barrier.id;
                if !self.tasks.mail(attempt, TaskMail::Checkpoint(barrier)) {
                    let reason = "the task doesn't run here".to_owned();
                    self.report(attempt, TaskCheckpointNews::Declined { checkpoint, reason });
                }
            }
            to_job::Message::CheckpointComplete(message) => {
                let (checkpoint, attempts) = message.read()?;
                self.mail_all(attempts, &TaskMail::CheckpointComplete(checkpoint));
            }
            to_job::Message::CheckpointAborted(message) => {
                let (checkpoint, attempts) = message.read()?;
                self.mail_all(attempts, &TaskMail::CheckpointAborted(checkpoint));
            }
            _ => tracing::warn!("the TaskManager sent a message that is not for workers"),
        }
        Ok(())
    }

    /// Tells those tasks that run here; the notice is for others, too.
    fn mail_all(&self, attempts: Vec<ExecutionAttemptId>, mail: &TaskMail) {
        for attempt in attempts {
            self.tasks.mail(attempt, mail.clone());
        }
    }

    /// Passes on what a task says about checkpoints.
    fn report(&self, attempt: ExecutionAttemptId, news: TaskCheckpointNews) {
        let report = proto::CheckpointReport::new(attempt, news);
        send(self.manager, from_job::Message::Checkpoint(report));
    }

    fn deploy(&mut self, deployment: &Deployment) {
        let started = self.tasks.deploy(deployment);
        for attempt in started.attempts {
            self.tell(attempt, ExecutionState::Initializing, None);
        }
        for (attempt, error) in started.failed {
            self.tell(attempt, ExecutionState::Failed, Some(cause_of(&error)));
        }
        if let Some(interval) = self.init.metrics_interval {
            self.next_metrics.get_or_insert_with(|| Instant::now() + interval);
        }
    }

    fn cancel(&mut self, attempt: ExecutionAttemptId) {
        self.kept_back.remove(&attempt);
        if !self.tasks.cancel(attempt) {
            self.tell(attempt, ExecutionState::Canceled, None);
        }
    }

    /// Hears of a task or of the memory.
    fn hear(&mut self, message: Message) {
        match message {
            Message::Running(attempt) => self.tell(attempt, ExecutionState::Running, None),
            Message::SplitRequested(attempt) => {
                send(self.manager, from_job::Message::SplitRequest(attempt.into()));
            }
            Message::Ended(attempt, result) => self.note_end(attempt, result),
            Message::Checkpoint(attempt, news) => self.report(attempt, news),
            Message::MemoryExceeded => self.relieve_memory(),
            Message::Manager(_) => {}
        }
    }

    fn note_end(&mut self, attempt: ExecutionAttemptId, result: TaskResult) {
        let Some(ended) = self.tasks.remove(attempt) else { return };
        self.send_metrics(vec![ended.metrics]);
        match (result, ended.failure) {
            (Ok(()), _) => self.tell(attempt, ExecutionState::Finished, None),
            (Err(_), Some(cause)) => self.tell(attempt, ExecutionState::Failed, Some(cause)),
            (Err(TaskError::Cancelled), None) => self.tell(attempt, ExecutionState::Canceled, None),
            // It was to be cancelled anyway.
            (Err(error), None) if is_consequence(&error) && ended.is_cancelled => {
                self.tell(attempt, ExecutionState::Canceled, None);
            }
            (Err(error), None) if is_consequence(&error) => {
                let due = Instant::now() + CAUSE_FIRST;
                self.kept_back.insert(attempt, (due, cause_of(&error)));
            }
            (Err(error), None) => {
                self.tell(attempt, ExecutionState::Failed, Some(cause_of(&error)));
            }
        }
    }

    /// Tells the state that a task has reached.
    fn tell(
        &self,
        attempt: ExecutionAttemptId,
        state: ExecutionState,
        failure: Option<FailureCause>,
    ) {
        let name = self.tasks.name(attempt);
        self.tasks.span(attempt).in_scope(|| {
            if let Some(cause) = &failure {
                tracing::warn!("{name} is {state}: {cause}");
            } else {
                tracing::info!("{name} is {state}");
            }
        });
        let change = proto::TaskStateChanged::new(attempt, state, failure);
        send(self.manager, from_job::Message::State(change));
    }

    /// Fails all tasks, whose sources have been stopped in vain.
    fn relieve_memory(&mut self) {
        let Some(limit_bytes) = self.memory.limit_bytes else { return };
        let used_bytes = self.memory.used_bytes();
        let queued_bytes = self.tasks.queued_bytes();
        let cause = refusal::memory_exceeded(self.init, used_bytes, limit_bytes, queued_bytes);
        if self.tasks.fail_all(&cause) {
            tracing::error!("all tasks are ended: {}", cause.message);
            self.relief_by = Some(Instant::now() + RELIEF);
        }
    }

    /// Does what is due and returns an exit code where the process has to end.
    fn look_around(&mut self, now: Instant) -> Option<i32> {
        if self.next_metrics.is_some_and(|due| due <= now) {
            self.next_metrics = None;
            if let Some(interval) = self.init.metrics_interval
                && !self.tasks.is_empty()
            {
                self.send_metrics(self.tasks.metrics());
                self.next_metrics = Some(now + interval);
            }
        }
        let due: Vec<_> = self
            .kept_back
            .extract_if(|_, (due, _)| *due <= now)
            .map(|(attempt, (_, cause))| (attempt, cause))
            .collect();
        for (attempt, cause) in due {
            self.tell(attempt, ExecutionState::Failed, Some(cause));
        }
        if self.relief_by.is_some_and(|by| by <= now) {
            self.relief_by = None;
            if self.memory.is_short() {
                tracing::error!("this process ends, since its memory is not given back otherwise");
                return Some(EXIT_MEMORY);
            }
        } else if self.relief_by.is_some() && self.tasks.is_relieved() {
            self.relief_by = self.relief_by.map(|by| by.min(now + GIVEN_BACK));
        }
        None
    }

    fn time_to_next(&self) -> Duration {
        let kept_back = self.kept_back.values().map(|(due, _)| *due);
        let dues = kept_back.chain(self.next_metrics).chain(self.relief_by);
        let next = dues.min();
        next.map_or(LONGEST_WAIT, |due| due.saturating_duration_since(Instant::now()))
    }

    fn send_metrics(&self, tasks: Vec<proto::TaskMetrics>) {
        let gauges = self.tasks.gauges(&self.memory);
        send(self.manager, from_job::Message::Metrics(proto::WorkerMetrics { tasks, gauges }));
    }

    /// Ends all tasks, as far as they can be ended in short.
    fn end(mut self, messages: &Receiver<Message>) -> i32 {
        tracing::info!("ending");
        self.tasks.cancel_all();
        let deadline = Instant::now() + TASKS_END;
        while !self.tasks.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match messages.recv_timeout(left) {
                Ok(Message::Ended(attempt, _)) => drop(self.tasks.remove(attempt)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        0
    }
}

/// Makes what the tasks share for checkpoints. State backends may take the worker's share of the
/// TaskManager's managed memory.
fn checkpoint_services(
    configuration: &Configuration,
    job: JobId,
    init: &WorkerInit,
) -> Result<Arc<CheckpointServices>, FailureCause> {
    let mut configuration = configuration.clone();
    if init.managed_memory.bytes() > 0 {
        configuration.set(&taskmanager::MEMORY_MANAGED_SIZE, &init.managed_memory);
    }
    CheckpointServices::new(&configuration, &init.scratch_directory, job).map_err(|error| {
        let text = error.to_string();
        FailureCause::new(Fault::User, "CheckpointSetup", text).not_retriable()
    })
}

/// Returns whether a failure follows from the end of another task.
fn is_consequence(error: &TaskError) -> bool {
    matches!(error.innermost(), TaskError::PeerGone { .. } | TaskError::WorkerGone { .. })
}

fn event_of(message: proto::SourceEvent) -> Result<SourceEvent, MessageError> {
    Ok(match convert::required(message.event, "source event")? {
        source_event::Event::AddSplit(split) => SourceEvent::AddSplit(split.to_vec()),
        source_event::Event::NoMoreSplits(_) => SourceEvent::NoMoreSplits,
    })
}
