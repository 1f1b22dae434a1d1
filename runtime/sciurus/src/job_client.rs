//! A handle to a running job.

use std::collections::BTreeMap;
use std::time::Duration;

use sciurus_core::ids::JobId;
use sciurus_core::time::Timestamp;
use sciurus_job_master::JobStatus;

use crate::embedded::EmbeddedJob;
use crate::error::JobError;
use crate::job_metrics::JobMetrics;

/// A handle to a job that was started.
///
/// Dropping it leaves the job alone, which goes on as long as the process does. The threads of an
/// embedded job don't keep the process alive: where `main` returns first the job ends in the midst
/// of what it is at, without closing anything, as if the process were killed. So
/// [`wait`](Self::wait) for the end of a job that matters.
pub struct JobClient {
    job: EmbeddedJob,
}

/// What a job that has finished leaves behind.
#[derive(Debug, Clone)]
pub struct JobExecutionResult {
    /// The job's id.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: String,
    /// From start to end.
    pub net_runtime: Duration,
    /// The accumulators by name, summed over the last attempts of all subtasks: what attempts that
    /// failed have counted doesn't count.
    pub accumulators: BTreeMap<String, i64>,
}

impl JobClient {
    pub(crate) fn new(job: EmbeddedJob) -> Self {
        Self { job }
    }

    /// Returns the job's id.
    pub fn job_id(&self) -> JobId {
        self.job.id()
    }

    /// Returns what the job does at the moment.
    pub fn status(&self) -> JobStatus {
        self.job.status()
    }

    /// Returns the statuses that the job has had, with the times at which it entered them, in
    /// milliseconds since the Unix epoch: the last one is the current one. Of a job that restarts
    /// over and over the oldest are forgotten.
    pub fn status_history(&self) -> Vec<(JobStatus, Timestamp)> {
        self.job.status_history()
    }

    /// Returns what the job's tasks count. Looking costs them nothing.
    pub fn metrics(&self) -> JobMetrics {
        self.job.metrics()
    }

    /// Returns the accumulators by name, summed over all subtasks, as they are now.
    pub fn accumulators(&self) -> BTreeMap<String, i64> {
        self.job.accumulators()
    }

    /// Waits for the job's end.
    ///
    /// # Errors
    /// [`JobError::Failed`] or [`JobError::Cancelled`].
    pub fn wait(&self) -> Result<JobExecutionResult, JobError> {
        loop {
            if let Some(result) = self.job.wait(None) {
                return result;
            }
        }
    }

    /// Waits for the job's end for at most `timeout` and returns `None` where the job goes on.
    pub fn wait_for(&self, timeout: Duration) -> Option<Result<JobExecutionResult, JobError>> {
        self.job.wait(Some(timeout))
    }

    /// Cancels the job; [`wait`](Self::wait) then returns [`JobError::Cancelled`]. A task ends when
    /// the user's function that it is in returns: nothing can interrupt that.
    pub fn cancel(&self) {
        self.job.cancel();
    }
}
