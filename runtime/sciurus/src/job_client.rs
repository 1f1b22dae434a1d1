//! A handle to a running job.

use std::collections::BTreeMap;
use std::time::Duration;

use sciurus_core::ids::{JobId, JobVertexId};
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_job_master::JobStatus;

use crate::embedded::EmbeddedJob;
use crate::error::JobError;

/// A handle to a job that was started. Dropping it leaves the job alone.
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
    /// The accumulators by name, summed over all subtasks.
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

    /// Returns the metrics of each vertex's subtasks.
    pub fn metrics(&self) -> BTreeMap<(JobVertexId, u32), SubtaskMetrics> {
        self.job.metrics()
    }

    /// Returns how many bytes the sources read in all, `None` as long as one of them can't tell.
    /// What they have read so far is the sum of their
    /// [`bytes_read`](sciurus_engine::metrics::OperatorMetrics::bytes_read).
    pub fn input_bytes(&self) -> Option<u64> {
        self.job.input_bytes()
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

    /// Cancels the job; [`wait`](Self::wait) then returns [`JobError::Cancelled`].
    pub fn cancel(&self) {
        self.job.cancel();
    }
}
