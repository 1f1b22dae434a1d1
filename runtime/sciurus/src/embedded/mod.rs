//! The embedded cluster: the job's master and all its tasks in this process.

mod checkpointing;
mod deploying;
mod master;
mod rates;
mod reporter;
mod shared;
mod storage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use sciurus_core::checkpoint::SnapshotKind;
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::ids::{JobId, JobVertexId};
use sciurus_core::time::Timestamp;
use sciurus_engine::TaskError;
use sciurus_engine::task::panics;
use sciurus_job_master::checkpoint_coordinator::{RequestFailure, RequestOutcome};
use sciurus_job_master::failure::{Failure, FailureCause, Fault, JobFailure};
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_job_master::restart::RestartStrategy;
use sciurus_job_master::{JobMaster, JobMasterOptions, JobStatus};

use crate::error::JobError;
use crate::job_client::JobExecutionResult;
use crate::job_metrics::JobMetrics;
use crate::process::DescribedJob;
use checkpointing::Checkpointing;
use master::{Answer, Master, Message};
use shared::Shared;
use storage::StorageThreads;

/// A job in this process.
pub(crate) struct EmbeddedJob {
    id: JobId,
    name: String,
    started: Instant,
    messages: Sender<Message>,
    shared: Arc<Shared>,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(crate) enum JobOutcome {
    Finished,
    Canceled,
    Failed(Box<JobFailure>),
}

impl JobOutcome {
    fn of(status: JobStatus, failure: Option<JobFailure>) -> Self {
        match (status, failure) {
            (_, Some(failure)) => Self::Failed(Box::new(failure)),
            (JobStatus::Finished, None) => Self::Finished,
            (_, None) => Self::Canceled,
        }
    }

    /// The end of a job whose master itself failed.
    fn of_defect(error: &TaskError) -> Self {
        let cause = FailureCause::new(Fault::Bug, "Defect", format!("the job master {error}"));
        let failure = Failure { cause, timestamp: SystemClock.now(), task: None };
        let refusal = "nobody is left to restart it".to_owned();
        Self::Failed(Box::new(JobFailure { failure, refusal, restarts: 0 }))
    }
}

impl EmbeddedJob {
    /// Starts the tasks of a job.
    pub(crate) fn start(
        job: DescribedJob,
        restart_strategy: Box<dyn RestartStrategy>,
        on_end: Option<Box<dyn FnOnce() + Send>>,
    ) -> Result<Self, JobError> {
        let DescribedJob { graph: job_graph, program, mut settings, configuration } = job;
        let id = JobId::random();
        let Checkpointing { options: checkpointing, initial, store, services, scratch } =
            Checkpointing::prepare(&configuration, id)?;
        settings.checkpoints = Some(services);
        let now = settings.clock.now();
        let shared = Arc::new(Shared::new(&job_graph, now));
        let (messages, inbox) = mpsc::channel();
        let job = Self {
            id,
            name: job_graph.job_name.clone(),
            started: Instant::now(),
            messages: messages.clone(),
            shared: shared.clone(),
        };
        let options = JobMasterOptions { checkpointing, initial, ..JobMasterOptions::default() };
        let job_master = JobMaster::new(job.id, job_graph, restart_strategy, options, now);
        let started = job.started;
        let no_thread = |action| {
            move |error: std::io::Error| JobError::System { action, reason: error.to_string() }
        };
        let storage = StorageThreads::start(store, messages.clone())
            .map_err(no_thread("start the threads that write checkpoints"))?;
        let master = Master::new(job_master, program, settings, shared.clone(), messages, storage);
        std::thread::Builder::new()
            .name("job-master".to_owned())
            .spawn(move || {
                // A defect must not leave those waiting who wait for the job's end.
                let outcome = panics::catch(|| Ok(master.run(&inbox)));
                let outcome = outcome.unwrap_or_else(|error| {
                    shared.set_status(JobStatus::Failed, SystemClock.now());
                    JobOutcome::of_defect(&error)
                });
                drop(scratch);
                shared.end(outcome, started.elapsed());
                if let Some(on_end) = on_end {
                    on_end();
                }
            })
            .map_err(no_thread("start the job master's thread"))?;
        Ok(job)
    }

    pub(crate) fn id(&self) -> JobId {
        self.id
    }

    pub(crate) fn status(&self) -> JobStatus {
        self.shared.status()
    }

    pub(crate) fn status_history(&self) -> Vec<(JobStatus, Timestamp)> {
        self.shared.status_history()
    }

    pub(crate) fn metrics(&self) -> JobMetrics {
        self.shared.metrics()
    }

    pub(crate) fn accumulators(&self) -> BTreeMap<String, i64> {
        self.shared.accumulators()
    }

    /// Waits for the job's end, at most for `timeout` where there is one.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
    ) -> Option<Result<JobExecutionResult, JobError>> {
        let (outcome, net_runtime) = self.shared.wait(timeout)?;
        Some(match outcome {
            JobOutcome::Finished => Ok(JobExecutionResult {
                job_id: self.id,
                job_name: self.name.clone(),
                net_runtime,
                accumulators: self.accumulators(),
            }),
            JobOutcome::Canceled => Err(JobError::Cancelled { job: self.name.clone() }),
            JobOutcome::Failed(failure) => {
                Err(JobError::Failed { job: self.name.clone(), failure })
            }
        })
    }

    /// Takes a checkpoint or savepoint and waits for it; returns the URL of its folder.
    pub(crate) fn snapshot(
        &self,
        kind: SnapshotKind,
        target: Option<String>,
    ) -> Result<String, JobError> {
        match self.ask(|answer| Message::Snapshot(kind, target, answer))? {
            RequestOutcome::Snapshot { path, .. } => Ok(path),
            RequestOutcome::Requirements => Err(self.has_ended()),
        }
    }

    /// Lets the job run with other parallelism.
    pub(crate) fn rescale(
        &self,
        parallelism: BTreeMap<JobVertexId, ParallelismBounds>,
    ) -> Result<(), JobError> {
        self.ask(|answer| Message::Rescale(parallelism, answer)).map(drop)
    }

    fn ask(&self, message: impl FnOnce(Answer) -> Message) -> Result<RequestOutcome, JobError> {
        let (answer, answered) = mpsc::sync_channel(1);
        if self.messages.send(message(answer)).is_err() {
            return Err(self.has_ended());
        }
        match answered.recv() {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(failure)) => Err(JobError::Refused { job: self.name.clone(), failure }),
            Err(_) => Err(self.has_ended()),
        }
    }

    fn has_ended(&self) -> JobError {
        let text = format!("the job has ended: it is {}", self.status());
        let failure =
            RequestFailure::new("org.apache.flink.runtime.checkpoint.CheckpointException", text);
        JobError::Refused { job: self.name.clone(), failure }
    }

    pub(crate) fn cancel(&self) {
        // Where the master is gone the job has ended.
        let _ = self.messages.send(Message::Cancel);
    }
}
