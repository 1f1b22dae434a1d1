//! The embedded cluster: the job's master and all its tasks in this process.

mod master;
mod rates;
mod reporter;
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobId;
use sciurus_core::time::Timestamp;
use sciurus_engine::TaskError;
use sciurus_engine::deployment::TaskSettings;
use sciurus_engine::program::Program;
use sciurus_engine::task::panics;
use sciurus_job_master::failure::{Failure, FailureCause, Fault, JobFailure};
use sciurus_job_master::restart::RestartStrategy;
use sciurus_job_master::{JobMaster, JobMasterOptions, JobStatus};

use crate::error::JobError;
use crate::job_client::JobExecutionResult;
use crate::job_metrics::JobMetrics;
use master::{Master, Message};
use shared::Shared;

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
        job_graph: JobGraph,
        program: Program,
        settings: TaskSettings,
        restart_strategy: Box<dyn RestartStrategy>,
        on_end: Option<Box<dyn FnOnce() + Send>>,
    ) -> Result<Self, JobError> {
        let now = settings.clock.now();
        let shared = Arc::new(Shared::new(&job_graph, now));
        let (messages, inbox) = mpsc::channel();
        let job = Self {
            id: JobId::random(),
            name: job_graph.job_name.clone(),
            started: Instant::now(),
            messages: messages.clone(),
            shared: shared.clone(),
        };
        let options = JobMasterOptions::default();
        let job_master = JobMaster::new(job.id, job_graph, restart_strategy, options, now);
        let started = job.started;
        let master = Master::new(job_master, program, settings, shared.clone(), messages);
        std::thread::Builder::new()
            .name("job-master".to_owned())
            .spawn(move || {
                // A defect must not leave those waiting who wait for the job's end.
                let outcome = panics::catch(|| Ok(master.run(&inbox)));
                let outcome = outcome.unwrap_or_else(|error| {
                    shared.set_status(JobStatus::Failed, SystemClock.now());
                    JobOutcome::of_defect(&error)
                });
                shared.end(outcome, started.elapsed());
                if let Some(on_end) = on_end {
                    on_end();
                }
            })
            .map_err(|error| JobError::System {
                action: "start the job master's thread",
                reason: error.to_string(),
            })?;
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

    pub(crate) fn cancel(&self) {
        // Where the master is gone the job has ended.
        let _ = self.messages.send(Message::Cancel);
    }
}
