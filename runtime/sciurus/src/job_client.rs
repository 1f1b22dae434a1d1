//! A handle to a running job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::embedded::EmbeddedJob;
use crate::error::JobError;

/// A handle to a job that was started.
pub struct JobClient {
    job: Arc<EmbeddedJob>,
}

/// What a job that has finished leaves behind.
#[derive(Debug, Clone)]
pub struct JobExecutionResult {
    /// The job's name.
    pub job_name: String,
    /// From start to end.
    pub net_runtime: Duration,
    /// The accumulators by name, summed over all subtasks.
    pub accumulators: BTreeMap<String, i64>,
}

impl JobClient {
    pub(crate) fn new(job: Arc<EmbeddedJob>) -> Self {
        Self { job }
    }

    /// Waits for the job's end.
    ///
    /// # Errors
    /// [`JobError::Failed`] or [`JobError::Cancelled`].
    pub fn wait(self) -> Result<JobExecutionResult, JobError> {
        self.job.wait()
    }

    /// Cancels the job; [`wait`](Self::wait) then returns [`JobError::Cancelled`].
    pub fn cancel(&self) {
        self.job.cancel();
    }
}
