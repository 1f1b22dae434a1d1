//! Workers: one process per job, started, spoken with, watched and ended.
//!
//! - [`Workers`] knows which job has which worker, and gives out what they report.
//! - `supervise` is a worker's life, a task of its own each; `process` starts the process, `frames`
//!   reads its messages, `ending` says why it ended, `stopping` how it is made to, `logs` is about
//!   its files, `console` passes on what is in them.

mod console;
mod ending;
mod frames;
mod logs;
mod process;
mod stopping;
mod supervise;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sciurus_core::ids::{JobId, WorkerId};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_client::JobManagerClient;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tracing::{error, info, warn};

use crate::packages::{PackageCache, PackageId};
pub(crate) use logs::WorkerLogs;

/// How many reports of workers may wait for the session to take them.
const REPORTS_IN_FLIGHT: usize = 256;

/// How many messages to one worker may wait until it is told.
const COMMANDS_IN_FLIGHT: usize = 4096;

/// How long killed workers may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(30);

/// Says how a worker is to be started.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSpec {
    pub(crate) job: JobId,
    pub(crate) job_name: String,
    pub(crate) worker: WorkerId,
    pub(crate) package: PackageId,
    /// The first argument, which chooses the job.
    pub(crate) entry: Option<String>,
    pub(crate) arguments: Vec<String>,
    /// All of it: nothing else of the TaskManager's is passed on.
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    pub(crate) configuration: HashMap<String, String>,
    pub(crate) init: proto::WorkerInit,
    pub(crate) logs: WorkerLogs,
    /// Whether what it prints goes to the TaskManager's own output, too.
    pub(crate) console: bool,
    /// Where workers have their working directories.
    pub(crate) scratch_workers: PathBuf,
    pub(crate) start_timeout: Duration,
    /// How long a cancelled task may go on; `None`: for ever.
    pub(crate) cancellation_timeout: Option<Duration>,
}

/// Returns the directory of all that belongs to a worker's process; it goes with it.
pub(crate) fn worker_directory(scratch_workers: &Path, job: JobId, worker: WorkerId) -> PathBuf {
    scratch_workers.join(format!("{job}-{worker}"))
}

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Deploy(proto::DeployTasks),
    CancelTask(proto::ExecutionAttempt),
    SourceEvent(proto::SourceEventFor),
    TriggerCheckpoint(proto::TriggerCheckpoint),
    CheckpointComplete(proto::CheckpointNotice),
    CheckpointAborted(proto::CheckpointNotice),
    SetLogLevel(proto::SetLogLevel),
    /// End within the time, by force after it.
    Stop(Duration),
}

/// What a worker reports.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// With the job graph as JSON.
    Started {
        data_address: String,
        pid: u32,
        job_graph: Bytes,
    },
    Task(proto::TaskStateChanged),
    SplitRequest(proto::ExecutionAttempt),
    Checkpoint(proto::CheckpointReport),
    Metrics(proto::WorkerMetrics),
}

/// A worker has ended, and is gone with all that it had started.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) job: JobId,
    pub(crate) worker: WorkerId,
    /// Why; `None` where it was told to.
    pub(crate) cause: Option<FailureCause>,
}

/// What workers give out, in order: a worker's reports come before its end.
#[derive(Debug)]
pub(crate) enum News {
    Report(JobId, WorkerId, Report),
    Ended(Ended),
}

/// What came of a wish to start a worker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It starts, now or when the one before it has ended; a report or its end will follow.
    Begun,
    /// This very worker runs already.
    Running { data_address: String, pid: u32 },
}

struct Worker {
    id: WorkerId,
    commands: mpsc::Sender<Command>,
    kill: CancellationToken,
    /// Its data address and process, once it is ready.
    ready: Option<(String, u32)>,
    stopping: bool,
    /// What is to be started when this one has ended.
    next: Option<Box<(WorkerSpec, JobManagerClient<Channel>)>>,
}

type TaggedReport = (JobId, WorkerId, Report);

/// The workers of a TaskManager, by job.
pub(crate) struct Workers {
    packages: Arc<PackageCache>,
    by_job: HashMap<JobId, Worker>,
    tasks: JoinSet<Ended>,
    names: HashMap<Id, (JobId, WorkerId)>,
    reports: mpsc::Receiver<TaggedReport>,
    report: mpsc::Sender<TaggedReport>,
    ended: VecDeque<Ended>,
}

impl Workers {
    pub(crate) fn new(packages: Arc<PackageCache>) -> Self {
        let (report, reports) = mpsc::channel(REPORTS_IN_FLIGHT);
        Self {
            packages,
            by_job: HashMap::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            reports,
            report,
            ended: VecDeque::new(),
        }
    }

    /// Starts a job's worker, unless it is there already. Another worker of the same job is ended
    /// first.
    pub(crate) fn start(&mut self, spec: WorkerSpec, blobs: JobManagerClient<Channel>) -> Start {
        let Some(worker) = self.by_job.get_mut(&spec.job) else {
            self.spawn(spec, blobs);
            return Start::Begun;
        };
        if worker.id == spec.worker && !worker.stopping {
            return match worker.ready.clone() {
                Some((data_address, pid)) => Start::Running { data_address, pid },
                None => Start::Begun,
            };
        }
        if !worker.stopping {
            // It belongs to an earlier try to run the job; the JobManager has given it up.
            info!(job = %spec.job, worker = %worker.id, "ending the worker that another replaces");
            worker.stopping = true;
            worker.kill.cancel();
        }
        worker.next = Some(Box::new((spec, blobs)));
        Start::Begun
    }

    fn spawn(&mut self, spec: WorkerSpec, blobs: JobManagerClient<Channel>) {
        let (job, id) = (spec.job, spec.worker);
        let (commands, receiver) = mpsc::channel(COMMANDS_IN_FLIGHT);
        let kill = CancellationToken::new();
        let life = supervise::run(
            spec,
            Arc::clone(&self.packages),
            blobs,
            receiver,
            self.report.clone(),
            kill.clone(),
        );
        let task = self.tasks.spawn(life);
        self.names.insert(task.id(), (job, id));
        let worker = Worker { id, commands, kill, ready: None, stopping: false, next: None };
        self.by_job.insert(job, worker);
    }

    /// Tells a job's worker something; `worker` says which one is meant, where it matters. Returns
    /// whether there is such a worker.
    pub(crate) fn tell(&mut self, job: JobId, id: Option<WorkerId>, command: Command) -> bool {
        let Some(worker) = self.by_job.get(&job) else { return false };
        if worker.stopping || id.is_some_and(|id| id != worker.id) {
            return false;
        }
        if worker.commands.try_send(command).is_err() {
            // Its supervisor takes everything at once; if it didn't, the worker is beyond help.
            error!(%job, worker = %worker.id, "too many messages wait for the worker; ending it");
            worker.kill.cancel();
        }
        true
    }

    /// Tells all workers to change what they log.
    pub(crate) fn set_log_level(&mut self, directives: &str) {
        let jobs: Vec<JobId> = self.by_job.keys().copied().collect();
        for job in jobs {
            let level = proto::SetLogLevel { directives: directives.to_owned() };
            self.tell(job, None, Command::SetLogLevel(level));
        }
    }

    /// Ends a job's worker within the time, by force after it, and forgets what was to follow it.
    pub(crate) fn stop(&mut self, job: JobId, grace: Duration) {
        let Some(worker) = self.by_job.get_mut(&job) else { return };
        worker.next = None;
        worker.stopping = true;
        if worker.commands.try_send(Command::Stop(grace)).is_err() {
            worker.kill.cancel();
        }
    }

    /// Returns the next news. A call that is dropped loses nothing.
    pub(crate) async fn next(&mut self) -> News {
        loop {
            if let Ok((job, id, report)) = self.reports.try_recv() {
                if let Some(report) = self.take(job, id, report) {
                    return News::Report(job, id, report);
                }
                continue;
            }
            if let Some(ended) = self.ended.pop_front() {
                self.remove(&ended);
                return News::Ended(ended);
            }
            // Whatever comes, what it had reported before is looked at first.
            tokio::select! {
                Some((job, id, report)) = self.reports.recv() => {
                    if let Some(report) = self.take(job, id, report) {
                        return News::Report(job, id, report);
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => self.note_end(ended),
            }
        }
    }

    /// Remembers what the report says, if it is of a worker that counts.
    fn take(&mut self, job: JobId, id: WorkerId, report: Report) -> Option<Report> {
        let worker = self.by_job.get_mut(&job).filter(|worker| worker.id == id)?;
        if let Report::Started { data_address, pid, .. } = &report {
            worker.ready = Some((data_address.clone(), *pid));
        }
        Some(report)
    }

    fn note_end(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let ended = match ended {
            Ok((task, ended)) => {
                self.names.remove(&task);
                ended
            }
            Err(error) => {
                let Some((job, worker)) = self.names.remove(&error.id()) else { return };
                error!(%job, %worker, %error, "a worker's supervisor has ended too early");
                let text = format!("the worker's supervisor has ended too early: {error}");
                let cause = Some(FailureCause::new(Fault::Bug, "SupervisorFailed", text));
                Ended { job, worker, cause }
            }
        };
        self.ended.push_back(ended);
    }

    fn remove(&mut self, ended: &Ended) {
        if self.by_job.get(&ended.job).is_some_and(|worker| worker.id == ended.worker)
            && let Some(worker) = self.by_job.remove(&ended.job)
            && let Some(next) = worker.next
        {
            self.spawn(next.0, next.1);
        }
    }

    /// Tells whether a job has a worker.
    pub(crate) fn has(&self, job: JobId) -> bool {
        self.by_job.contains_key(&job)
    }

    /// Returns jobs and processes of the workers that are ready.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (JobId, u32)> {
        self.by_job.iter().filter_map(|(job, worker)| Some((*job, worker.ready.as_ref()?.1)))
    }

    /// Kills all workers at once and waits until they are gone.
    pub(crate) async fn kill_all(&mut self) {
        for worker in self.by_job.values_mut() {
            worker.next = None;
            worker.kill.cancel();
        }
        self.await_all(KILL_TIMEOUT).await;
    }

    /// Ends all workers within the time, by force after it.
    pub(crate) async fn stop_all(&mut self, grace: Duration) {
        let jobs: Vec<_> = self.by_job.keys().copied().collect();
        for job in jobs {
            self.stop(job, grace);
        }
        self.await_all(grace + KILL_TIMEOUT).await;
    }

    async fn await_all(&mut self, limit: Duration) {
        let all = async {
            while !self.by_job.is_empty() {
                self.next().await;
            }
        };
        if timeout(limit, all).await.is_err() {
            warn!(workers = self.by_job.len(), "workers can't be ended");
        }
    }
}

/// Removes logs of jobs that have ended long ago.
pub(crate) fn remove_old_logs(workers: &Workers, directory: &std::path::Path, prefix: &str) {
    logs::remove_old(directory, prefix, |job| workers.has(job));
}
