//! Operations that the `JobManager` does in the background: triggered once, asked for until done.

use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::ids::JobId;

use crate::Error;
use crate::rest::Client;
use crate::rest::answers::{Operation, OperationResult, Triggered};

/// Shortest and longest time between two questions.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// Knows where an operation's result is.
pub trait Waiting {
    /// Returns the path of the operation with this id.
    fn path(&self, request_id: &str) -> String;

    /// Waits for the result; `what` tells what failed if it does.
    ///
    /// # Errors
    /// [`Error::Operation`] with the JobManager's reason, [`Error::OperationTimeout`] if there is
    /// no result in time.
    fn wait(
        &self,
        client: &Client,
        trigger: &Triggered,
        what: String,
    ) -> Result<OperationResult, Error> {
        let deadline = Instant::now() + client.timeout();
        let path = self.path(&trigger.request_id);
        let mut pause = PAUSES[0];
        loop {
            let answer: Operation = client.get(&path)?;
            if answer.status.is_completed() {
                let result = answer.operation.unwrap_or_default();
                return match result.failure_cause {
                    Some(cause) => Err(Error::Operation { what, reason: cause.message() }),
                    None => Ok(result),
                };
            }
            if Instant::now() >= deadline {
                return Err(Error::OperationTimeout { what, seconds: client.timeout().as_secs() });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSES[1]);
        }
    }
}

/// Savepoints of a job, also those that stop it.
pub struct Savepoints {
    pub job: JobId,
}

impl Waiting for Savepoints {
    fn path(&self, request_id: &str) -> String {
        format!("/jobs/{}/savepoints/{request_id}", self.job)
    }
}

/// Checkpoints of a job.
pub struct Checkpoints {
    pub job: JobId,
}

impl Waiting for Checkpoints {
    fn path(&self, request_id: &str) -> String {
        format!("/jobs/{}/checkpoints/{request_id}", self.job)
    }
}

/// Deletions of savepoints.
pub struct Disposals;

impl Waiting for Disposals {
    fn path(&self, request_id: &str) -> String {
        format!("/savepoint-disposal/{request_id}")
    }
}

/// Changes of a job's parallelism.
pub struct Rescales {
    pub job: JobId,
}

impl Waiting for Rescales {
    fn path(&self, request_id: &str) -> String {
        format!("/jobs/{}/rescale/{request_id}", self.job)
    }
}
