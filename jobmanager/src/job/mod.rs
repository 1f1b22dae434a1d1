//! One job: what is known of it ([`Job`]), and the task that runs it ([`runner`](self)).

mod checkpoints;
mod deployments;
mod messages;
mod runner;
mod timers;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::config::Configuration;
use sciurus_core::graph::JobType;
use sciurus_core::ids::{ExecutionAttemptId, JobId, JobVertexId, TaskManagerId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::{RequestFailure, RequestOutcome};
use sciurus_job_master::failure::JobFailure;
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_job_master::{JobMaster, JobStatus, SlotShortage};
use sciurus_metrics::task::TaskMetricsView;
use tokio::sync::{oneshot, watch};

use crate::inbox::{Inbox, JobEvent, JobPort};
use crate::metrics::MetricsBook;
use crate::resource_manager::ResourceManager;

pub use checkpoints::CheckpointSetupError;
pub(crate) use checkpoints::{CheckpointSetup, JobCheckpoints};
pub(crate) use runner::{JobServices, Runner, WorkerPackage, coordinator_log};

/// How a job was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The name of its package.
    pub package: String,
    /// The job of the package that was asked for.
    pub entry: Option<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// When, milliseconds since the epoch.
    pub at: Timestamp,
}

/// A job that runs or has ended.
///
/// What is asked often and can be large is behind locks of its own; nobody holds one for longer
/// than it takes to read.
pub struct Job {
    id: JobId,
    name: String,
    job_type: JobType,
    submitted: Submitted,
    configuration: Configuration,
    log: PathBuf,
    master: Mutex<JobMaster>,
    metrics: Arc<MetricsBook>,
    status: Arc<watch::Sender<JobStatus>>,
    input_bytes: Mutex<Option<u64>>,
    inbox: Inbox,
    resources: Arc<ResourceManager>,
}

impl Job {
    pub(crate) fn new(
        master: JobMaster,
        submitted: Submitted,
        configuration: Configuration,
        log: PathBuf,
        inbox: Inbox,
        resources: Arc<ResourceManager>,
    ) -> Self {
        let graph = master.graph();
        let parallelism: HashMap<_, _> =
            graph.vertices.iter().map(|vertex| (vertex.id, vertex.parallelism)).collect();
        Self {
            id: master.job_id(),
            name: graph.job_name.clone(),
            job_type: graph.job_type,
            submitted,
            configuration,
            log,
            metrics: Arc::new(MetricsBook::new(master.execution_graph().id(), parallelism)),
            status: Arc::new(watch::Sender::new(master.status())),
            input_bytes: Mutex::new(None),
            master: Mutex::new(master),
            inbox,
            resources,
        }
    }

    /// Takes the place of what was shown of the job before it could be run: whoever waits for the
    /// end of that hears of this job's.
    pub(crate) fn in_place_of(mut self, earlier: &Self) -> Self {
        let status = *self.status.borrow();
        self.status = earlier.status.clone();
        self.status.send_replace(status);
        self
    }

    /// Shows the status of what takes this one's place.
    pub(crate) fn follow(&self, later: &Self) {
        self.status.send_replace(later.status());
    }

    /// Returns the job's id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Returns what the job is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it runs as a stream or as a batch.
    pub fn job_type(&self) -> JobType {
        self.job_type
    }

    /// Returns how it was submitted.
    pub fn submitted(&self) -> &Submitted {
        &self.submitted
    }

    /// Returns its whole configuration: the cluster's, what was submitted with it, and what its
    /// program set.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Returns the log of its coordinator.
    pub fn coordinator_log(&self) -> &Path {
        &self.log
    }

    /// Looks at the job's master: its graph, its status and their times, its tasks and their
    /// attempts, its failures. The job stands still meanwhile, and all else that is asked of
    /// it waits: take out what is needed and go.
    pub fn with_master<R>(&self, look: impl FnOnce(&JobMaster) -> R) -> R {
        let available = self.resources.counts().available;
        let mut master = self.master.lock();
        master.note_available_slots(available);
        look(&master)
    }

    /// Returns the job's status.
    pub fn status(&self) -> JobStatus {
        *self.status.borrow()
    }

    /// Returns a receiver that hears of each change of the status, unless it is followed at once by
    /// another.
    pub fn status_changes(&self) -> watch::Receiver<JobStatus> {
        self.status.subscribe()
    }

    /// Waits until the job has ended, and returns how.
    pub async fn ended(&self) -> JobStatus {
        let mut changes = self.status.subscribe();
        match changes.wait_for(|status| status.is_terminal()).await {
            Ok(status) => *status,
            // The sender is this job's own.
            Err(_) => self.status(),
        }
    }

    /// Returns what the job waits for, if it lacks slots.
    pub fn slot_shortage(&self) -> Option<SlotShortage> {
        self.with_master(JobMaster::slot_shortage)
    }

    /// Returns why the job is failing or has failed.
    pub fn failure(&self) -> Option<JobFailure> {
        self.master.lock().failure().cloned()
    }

    /// Returns when the job was accepted, milliseconds since the epoch.
    pub fn start_time(&self) -> Timestamp {
        let master = self.master.lock();
        master.lifecycle().entered(JobStatus::Initializing).unwrap_or(self.submitted.at)
    }

    /// Returns when the job ended, milliseconds since the epoch.
    pub fn end_time(&self) -> Option<Timestamp> {
        let master = self.master.lock();
        let status = master.status();
        if status.is_terminal() { master.lifecycle().entered(status) } else { None }
    }

    /// Returns what an attempt counts, as far as it has been reported and is remembered.
    pub fn task_metrics(&self, attempt: ExecutionAttemptId) -> Option<TaskMetricsView> {
        self.metrics.view(attempt)
    }

    /// Returns the accumulators of all subtasks' last attempts, summed.
    pub fn accumulators(&self) -> BTreeMap<String, i64> {
        self.metrics.accumulators()
    }

    /// Returns the accumulators of one attempt.
    pub fn accumulators_of(&self, attempt: ExecutionAttemptId) -> BTreeMap<String, i64> {
        self.metrics.accumulators_of(attempt)
    }

    /// Returns the gauges of the job's workers, by TaskManager.
    pub fn worker_gauges(&self) -> BTreeMap<TaskManagerId, BTreeMap<String, f64>> {
        self.metrics.workers()
    }

    /// Returns how many bytes all sources will have read in the end, where all of them know.
    pub fn input_bytes(&self) -> Option<u64> {
        *self.input_bytes.lock()
    }

    /// Asks the job to stop; its status tells when it has.
    pub(crate) fn cancel(&self) {
        self.inbox.tell(JobEvent::CancelRequested);
    }

    /// Takes a checkpoint or a savepoint, and returns its number and the URL of its folder once it is
    /// durable; where it is to end the job, once the job has finished.
    ///
    /// `target` is the URL of the folder in which a savepoint gets one of its own; without it the
    /// job's configuration says where.
    ///
    /// # Errors
    /// [`RequestFailure`] in Flink's words: the job doesn't run, the checkpoint failed or took too
    /// long, nobody has said where savepoints go.
    pub async fn trigger_snapshot(
        &self,
        kind: SnapshotKind,
        target: Option<String>,
    ) -> Result<(CheckpointId, String), RequestFailure> {
        let (answer, answered) = oneshot::channel();
        self.inbox.report(JobEvent::SnapshotRequested { kind, target, answer }).await;
        match answered.await {
            Ok(Ok(RequestOutcome::Snapshot { checkpoint, path })) => Ok((checkpoint, path)),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(RequestOutcome::Requirements)) | Err(_) => Err(self.not_running()),
        }
    }

    /// Lets the job run with other parallelism; returns once that is accepted, the job changes
    /// behind it.
    ///
    /// # Errors
    /// [`RequestFailure`] in Flink's words: a bound makes no sense, or the job doesn't run.
    pub async fn rescale(
        &self,
        parallelism: BTreeMap<JobVertexId, ParallelismBounds>,
    ) -> Result<(), RequestFailure> {
        let (answer, answered) = oneshot::channel();
        self.inbox.report(JobEvent::RescaleRequested { parallelism, answer }).await;
        match answered.await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(self.not_running()),
        }
    }

    /// Says that nobody runs the job who could answer.
    fn not_running(&self) -> RequestFailure {
        let (id, status) = (self.id, self.status());
        RequestFailure::new(
            "org.apache.flink.runtime.checkpoint.CheckpointException",
            format!("job {id} doesn't run: it is {status}"),
        )
    }

    /// Gives the job up without an end.
    pub(crate) fn suspend(&self) {
        self.inbox.tell(JobEvent::Suspend);
    }

    /// Tells all that wait for it that the job has ended, or that it was given up.
    pub(crate) fn tell_end(&self) {
        let status = self.master.lock().status();
        let status = if status.is_terminal() { status } else { JobStatus::Suspended };
        self.status.send_replace(status);
    }

    pub(crate) fn port(&self) -> JobPort {
        JobPort { inbox: self.inbox.clone(), metrics: self.metrics.clone() }
    }
}
