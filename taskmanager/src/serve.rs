//! One session: what the JobManager says is done, what workers report is passed on.
//!
//! One loop waits for everything at once. What has to be sent waits in a queue; while it is long
//! nothing more is taken from workers, so that a JobManager that reads slowly slows them down and
//! fills no memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{JobId, LeaderId, WorkerId};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_logging::LEVEL_VARIABLE;
use sciurus_rpc::convert::{self, MessageError, TaskCheckpointNews, required};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tonic::transport::Channel;
use tracing::{debug, info, warn};

use crate::agent::Agent;
use crate::requests::{read_start, send_file};
use crate::session::Session;
use crate::workers::{Command, Ended, News, Report, Start, remove_old_logs};

/// How many messages may wait to be sent before no more are taken from workers.
const MAX_OUTGOING: usize = 1024;

/// How many before nothing more is read from the JobManager either.
const MAX_ANSWERS: usize = 4 * MAX_OUTGOING;

/// How many files may be on their way at once.
const MAX_FILES_IN_FLIGHT: usize = 16;

/// The longest time that a worker is given to end when its job has.
const MAX_GRACE: Duration = Duration::from_secs(300);

/// Why a session has ended.
pub(crate) enum SessionEnd {
    /// The connection broke, or nothing came for too long.
    Lost(String),
    /// The JobManager doesn't want the TaskManager any longer.
    Rejected { reason: String, retriable: bool },
    /// The JobManager wants it to end.
    ShutDown,
    /// Its owner does.
    Stopped,
}

/// A session under way.
pub(crate) struct Serving<'a> {
    agent: &'a mut Agent,
    client: JobManagerClient<Channel>,
    inbound: tonic::Streaming<proto::JobManagerMessage>,
    outbox: mpsc::Sender<proto::TaskManagerMessage>,
    leader: LeaderId,
    host: String,
    heartbeat_interval: Duration,
    heartbeat_timeout: Duration,
    outgoing: VecDeque<ToJobManager>,
    /// Files on their way; each may end with something to say.
    files: JoinSet<Option<ToJobManager>>,
}

impl<'a> Serving<'a> {
    pub(crate) fn new(agent: &'a mut Agent, session: Session) -> Self {
        let Session { client, inbound, outbox, leader, host, .. } = session;
        Self {
            agent,
            client,
            inbound,
            outbox,
            leader,
            host,
            heartbeat_interval: session.heartbeat_interval,
            heartbeat_timeout: session.heartbeat_timeout,
            outgoing: VecDeque::new(),
            files: JoinSet::new(),
        }
    }

    /// Serves until the session ends. It is closed then.
    pub(crate) async fn run(mut self) -> SessionEnd {
        let outbox = self.outbox.clone();
        let mut heard_at = Instant::now();
        let mut heartbeat = interval(self.heartbeat_interval);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut measure = interval(self.agent.settings.metrics_interval);
        measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let may_send_more = self.outgoing.len() < MAX_OUTGOING;
            tokio::select! {
                () = self.agent.stop.cancelled() => return SessionEnd::Stopped,
                permit = outbox.reserve(), if !self.outgoing.is_empty() => match permit {
                    Ok(permit) => if let Some(message) = self.outgoing.pop_front() {
                        let leader = Bytes::copy_from_slice(&self.leader.to_bytes());
                        permit.send(proto::TaskManagerMessage { leader, message: Some(message) });
                    },
                    Err(_) => return SessionEnd::Lost("the connection broke".to_owned()),
                },
                message = self.inbound.message(), if self.outgoing.len() < MAX_ANSWERS => {
                    let message = match message {
                        Ok(Some(message)) => message,
                        Ok(None) => return SessionEnd::Lost("it closed the session".to_owned()),
                        Err(status) => return SessionEnd::Lost(status.message().to_owned()),
                    };
                    heard_at = Instant::now();
                    if let Some(end) = self.take(message) {
                        return end;
                    }
                }
                () = sleep_until(heard_at + self.heartbeat_timeout) => {
                    let ms = self.heartbeat_timeout.as_millis();
                    return SessionEnd::Lost(format!("nothing came for {ms} ms"));
                }
                news = self.agent.workers.next(), if may_send_more => self.pass_on(news),
                Some(answer) = self.files.join_next(), if may_send_more => {
                    self.outgoing.extend(answer.ok().flatten());
                }
                // Any other message says as well that the TaskManager lives.
                _ = heartbeat.tick() => if self.outgoing.is_empty() {
                    self.outgoing.push_back(ToJobManager::Heartbeat(proto::Heartbeat {}));
                },
                _ = measure.tick(), if may_send_more => self.measure(),
            }
        }
    }

    fn measure(&mut self) {
        let agent = &mut *self.agent;
        let processes: Vec<_> = agent.workers.processes().collect();
        let report = agent.metrics.report(&processes, Instant::now());
        self.outgoing.extend(report.map(ToJobManager::Metrics));
    }

    /// Does what the JobManager says, unless it belongs to another life of a JobManager.
    fn take(&mut self, message: proto::JobManagerMessage) -> Option<SessionEnd> {
        if message.leader[..] != self.leader.to_bytes() {
            debug!(leader = ?message.leader, "ignoring a message of another leader");
            return None;
        }
        let result = match message.message {
            Some(FromJobManager::Rejected(proto::Rejected { reason, retriable })) => {
                return Some(SessionEnd::Rejected { reason, retriable });
            }
            Some(FromJobManager::ShutDown(_)) => return Some(SessionEnd::ShutDown),
            Some(message) => self.obey(message),
            None => {
                debug!("the JobManager sent a message that nobody knows");
                Ok(())
            }
        };
        if let Err(error) = result {
            warn!(%error, "the JobManager sent a message that can't be read");
        }
        None
    }

    fn obey(&mut self, message: FromJobManager) -> Result<(), MessageError> {
        match message {
            // The last two have ended the session, and that something has come is known already.
            FromJobManager::Registered(_)
            | FromJobManager::Heartbeat(_)
            | FromJobManager::Rejected(_)
            | FromJobManager::ShutDown(_) => {}
            FromJobManager::StartWorker(start) => self.start_worker(start)?,
            FromJobManager::Deploy(deploy) => {
                let job = job_id(&deploy.job_id)?;
                let worker = worker_id(&deploy.worker)?;
                let tasks = required(deploy.tasks, "tasks")?;
                if !self.agent.workers.tell(job, Some(worker), Command::Deploy(tasks)) {
                    let text = "the job has no such worker on this TaskManager";
                    let cause = FailureCause::new(Fault::Environment, "WorkerLost", text);
                    self.tell_end(job, worker, cause);
                }
            }
            FromJobManager::CancelTask(cancel) => {
                let job = job_id(&cancel.job_id)?;
                let attempt = required(cancel.attempt, "attempt")?;
                let command = Command::CancelTask(attempt.clone());
                if !self.agent.workers.tell(job, None, command) {
                    // It isn't here, and so it doesn't run.
                    let state = proto::ExecutionState::Canceled.into();
                    let attempt = Some(attempt);
                    let change = proto::TaskStateChanged { attempt, state, failure: None };
                    self.outgoing.push_back(task_report(job, change, None));
                }
            }
            FromJobManager::SourceEvent(event) => {
                let job = job_id(&event.job_id)?;
                let event = proto::SourceEventFor { reader: event.reader, event: event.event };
                self.agent.workers.tell(job, None, Command::SourceEvent(event));
            }
            FromJobManager::TriggerCheckpoint(message) => {
                let trigger = required(message.trigger, "trigger")?;
                let attempt = required(trigger.attempt.clone(), "attempt")?;
                let checkpoint = required(trigger.barrier.as_ref(), "barrier")?.checkpoint;
                let job = job_id(&message.job_id)?;
                if !self.agent.workers.tell(job, None, Command::TriggerCheckpoint(trigger)) {
                    self.decline(job, attempt, checkpoint)?;
                }
            }
            FromJobManager::CheckpointComplete(message) => {
                let notice = required(message.notice, "notice")?;
                let job = job_id(&message.job_id)?;
                self.agent.workers.tell(job, None, Command::CheckpointComplete(notice));
            }
            FromJobManager::CheckpointAborted(message) => {
                let notice = required(message.notice, "notice")?;
                let job = job_id(&message.job_id)?;
                self.agent.workers.tell(job, None, Command::CheckpointAborted(notice));
            }
            FromJobManager::StopWorker(stop) => {
                let grace = Duration::from_millis(stop.grace_ms.into()).min(MAX_GRACE);
                self.agent.workers.stop(job_id(&stop.job_id)?, grace);
            }
            FromJobManager::ListFiles(list) => self.list_files(list.request),
            FromJobManager::ReadFile(read) => self.read_file(read),
            FromJobManager::SetLogLevel(level) => self.set_log_level(&level.directives),
        }
        Ok(())
    }

    fn start_worker(&mut self, start: proto::StartWorker) -> Result<(), MessageError> {
        let job = job_id(&start.job_id)?;
        let worker = worker_id(&start.worker)?;
        let spec = match read_start(self.agent, &self.host, job, worker, start) {
            Ok(spec) => spec,
            Err(cause) => {
                self.tell_end(job, worker, cause);
                return Ok(());
            }
        };
        match self.agent.workers.start(spec, self.client.clone()) {
            Start::Begun => {}
            Start::Running { data_address, pid } => {
                self.tell_start(job, worker, data_address, pid);
            }
        }
        Ok(())
    }

    fn tell_start(&mut self, job: JobId, worker: WorkerId, data_address: String, pid: u32) {
        self.outgoing.push_back(ToJobManager::WorkerStarted(proto::WorkerStarted {
            job_id: convert::bytes_of(job.to_bytes()),
            worker: convert::bytes_of(worker.to_bytes()),
            data_address,
            pid,
        }));
    }

    fn tell_end(&mut self, job: JobId, worker: WorkerId, cause: FailureCause) {
        self.outgoing.push_back(ToJobManager::WorkerEnded(proto::WorkerEnded {
            job_id: convert::bytes_of(job.to_bytes()),
            worker: convert::bytes_of(worker.to_bytes()),
            cause: Some(cause.into()),
        }));
    }

    /// Declines a checkpoint for a task that isn't here.
    fn decline(
        &mut self,
        job: JobId,
        attempt: proto::ExecutionAttempt,
        checkpoint: u64,
    ) -> Result<(), MessageError> {
        let reason = "the job has no worker on this TaskManager".to_owned();
        let news = TaskCheckpointNews::Declined { checkpoint: CheckpointId(checkpoint), reason };
        let report = proto::CheckpointReport::new(attempt.try_into()?, news);
        self.outgoing.push_back(checkpoint_report(job, report));
        Ok(())
    }

    fn pass_on(&mut self, news: News) {
        match news {
            News::Report(job, worker, report) => self.pass_on_report(job, worker, report),
            News::Ended(Ended { job, worker, cause }) => {
                let agent = &mut *self.agent;
                if !agent.workers.has(job) {
                    agent.metrics.remove_job(job);
                }
                remove_old_logs(&agent.workers, &agent.log_directory, &agent.settings.log.prefix);
                if let Some(cause) = cause {
                    self.tell_end(job, worker, cause);
                }
            }
        }
    }

    fn pass_on_report(&mut self, job: JobId, worker: WorkerId, report: Report) {
        match report {
            Report::Started { data_address, pid, job_graph } => {
                self.agent.metrics.name_job(job, &job_graph);
                self.tell_start(job, worker, data_address, pid);
            }
            Report::Task(change) => {
                let metrics = match change.clone().read() {
                    Ok((attempt, state, _)) if state.is_terminal() => {
                        self.agent.metrics.remove_task(job, attempt)
                    }
                    _ => None,
                };
                self.outgoing.push_back(task_report(job, change, metrics));
            }
            Report::SplitRequest(reader) => {
                let job_id = convert::bytes_of(job.to_bytes());
                let request = proto::SplitRequest { job_id, reader: Some(reader) };
                self.outgoing.push_back(ToJobManager::SplitRequest(request));
            }
            Report::Checkpoint(report) => {
                self.outgoing.push_back(checkpoint_report(job, report));
            }
            Report::Metrics(metrics) => self.agent.metrics.take(job, metrics),
        }
    }

    fn list_files(&mut self, request: u64) {
        let files = self.agent.files.clone();
        self.work(request, async move {
            let files = tokio::task::spawn_blocking(move || files.list()).await.unwrap_or_default();
            Some(ToJobManager::FileList(proto::FileList { request, files }))
        });
    }

    fn read_file(&mut self, read: proto::ReadFile) {
        let mut processes = vec![("TaskManager".to_owned(), std::process::id())];
        let workers = self.agent.workers.processes();
        processes.extend(workers.map(|(job, pid)| (format!("Worker of job {job}"), pid)));
        let (files, client) = (self.agent.files.clone(), self.client.clone());
        let request = read.request;
        self.work(request, async move {
            let sent = send_file(&files, read, processes, client).await;
            let reason = sent.err()?;
            Some(ToJobManager::FileRefused(proto::FileRefused { request, reason }))
        });
    }

    fn work(
        &mut self,
        request: u64,
        work: impl Future<Output = Option<ToJobManager>> + Send + 'static,
    ) {
        if self.files.len() >= MAX_FILES_IN_FLIGHT {
            let reason = "too many files are being read; try again".to_owned();
            let refused = proto::FileRefused { request, reason };
            self.outgoing.push_back(ToJobManager::FileRefused(refused));
            return;
        }
        self.files.spawn(work);
    }

    fn set_log_level(&mut self, directives: &str) {
        let Some(set) = &self.agent.settings.set_log_level else {
            warn!(directives, "what is logged can't be changed");
            return;
        };
        match set(directives) {
            Ok(()) => {
                info!(directives, "changed what is logged");
                let environment = Arc::make_mut(&mut self.agent.environment);
                environment.insert(LEVEL_VARIABLE.to_owned(), directives.to_owned());
                self.agent.workers.set_log_level(directives);
            }
            Err(reason) => warn!(directives, reason, "can't change what is logged"),
        }
    }
}

fn job_id(bytes: &[u8]) -> Result<JobId, MessageError> {
    convert::id(bytes, "job id", JobId::from_bytes)
}

fn worker_id(bytes: &[u8]) -> Result<WorkerId, MessageError> {
    convert::id(bytes, "worker id", WorkerId::from_bytes)
}

fn checkpoint_report(job: JobId, report: proto::CheckpointReport) -> ToJobManager {
    let job_id = convert::bytes_of(job.to_bytes());
    ToJobManager::Checkpoint(proto::TaskCheckpointReport { job_id, report: Some(report) })
}

fn task_report(
    job: JobId,
    change: proto::TaskStateChanged,
    metrics: Option<proto::TaskMetrics>,
) -> ToJobManager {
    let job_id = convert::bytes_of(job.to_bytes());
    ToJobManager::Task(proto::TaskReport { job_id, change: Some(change), metrics })
}
