//! A handle to a running job.

use std::collections::BTreeMap;
use std::time::Duration;

use sciurus_core::checkpoint::{Ending, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{JobId, JobVertexId};
use sciurus_core::time::Timestamp;
use sciurus_job_master::JobStatus;
use sciurus_job_master::rescale::ParallelismBounds;

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

    /// Takes a savepoint and waits until it is durable; the job goes on. Returns the URL of its
    /// folder, which is a new one in `directory`, or in the job's
    /// `execution.checkpointing.savepoint-dir` where none is given.
    ///
    /// # Errors
    /// [`JobError::Refused`]: the job doesn't run, the savepoint failed, or nobody has said where it
    /// goes.
    pub fn trigger_savepoint(
        &self,
        directory: Option<&str>,
        format: SavepointFormat,
    ) -> Result<String, JobError> {
        let kind = SnapshotKind::Savepoint { format, ending: None };
        self.job.snapshot(kind, directory.map(str::to_owned))
    }

    /// Takes a savepoint and ends the job with it. Returns the URL of its folder once the job has
    /// finished.
    ///
    /// Where `advance_to_end_of_event_time` is set the job ends for good: windows and timers fire
    /// first. Else they stay in the savepoint, from which the job can be resumed.
    ///
    /// # Errors
    /// [`JobError::Refused`]: the job doesn't run, the savepoint failed, or nobody has said where it
    /// goes. The job goes on then, or restarts.
    pub fn stop_with_savepoint(
        &self,
        advance_to_end_of_event_time: bool,
        directory: Option<&str>,
        format: SavepointFormat,
    ) -> Result<String, JobError> {
        let ending = if advance_to_end_of_event_time { Ending::Drain } else { Ending::Suspend };
        let kind = SnapshotKind::Savepoint { format, ending: Some(ending) };
        self.job.snapshot(kind, directory.map(str::to_owned))
    }

    /// Takes a checkpoint now and waits until it is durable. Returns the URL of its folder.
    ///
    /// # Errors
    /// [`JobError::Refused`]: the job doesn't run, or the checkpoint failed.
    pub fn trigger_checkpoint(&self) -> Result<String, JobError> {
        self.job.snapshot(SnapshotKind::Checkpoint, None)
    }

    /// Lets vertices of the running job have other numbers of subtasks, and returns when that is
    /// accepted. The job goes on from a checkpoint that it takes for that.
    ///
    /// # Errors
    /// [`JobError::Refused`]: the job doesn't run, has no such vertex, or the vertex can't have that
    /// many subtasks.
    pub fn rescale(&self, parallelism: &BTreeMap<JobVertexId, u32>) -> Result<(), JobError> {
        let bounds = parallelism.iter().map(|(vertex, parallelism)| {
            (*vertex, ParallelismBounds { lower: 1, upper: *parallelism })
        });
        self.job.rescale(bounds.collect())
    }

    /// Cancels the job; [`wait`](Self::wait) then returns [`JobError::Cancelled`]. A task ends when
    /// the user's function that it is in returns: nothing can interrupt that.
    pub fn cancel(&self) {
        self.job.cancel();
    }
}
