//! What is done in the storage of a job's checkpoints when there is time.

use std::sync::Arc;
use std::time::Duration;

use sciurus_checkpoint::Deletion;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::config::Configuration;
use tokio::sync::mpsc;

use super::Kept;
use crate::packages::blocking;

/// How often something is tried that fails, and the pause in between. Storage itself tries calls
/// again that may pass.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

/// Something to do.
#[derive(Debug)]
pub(super) enum Work {
    /// Remember that the job has ended, before anything is deleted that it could start from.
    End,
    /// Delete something, and first the pointer to a checkpoint.
    Delete(Option<CheckpointId>, Deletion),
    /// Keep the job's configuration for the next JobManager.
    Configuration(Configuration),
}

/// Does what there is to do, until nobody has anything more.
pub(crate) struct Cleanup {
    kept: Arc<Kept>,
    work: mpsc::Receiver<Work>,
}

impl Cleanup {
    pub(super) fn new(kept: Arc<Kept>, work: mpsc::Receiver<Work>) -> Self {
        Self { kept, work }
    }

    /// Runs until the job's [`JobCheckpoints`](super::JobCheckpoints) are dropped and all is done.
    pub(crate) async fn run(mut self) {
        while let Some(work) = self.work.recv().await {
            let work = Arc::new(work);
            let is_end = matches!(*work, Work::End);
            for tries_left in (0..TRIES).rev() {
                let (kept, work) = (self.kept.clone(), work.clone());
                let Err(error) = blocking(move || kept.carry_out(&work)).await else { break };
                if tries_left > 0 {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                tracing::warn!("given up: {error}");
                if is_end {
                    // Another JobManager may run the job again.
                    tracing::warn!("the job's checkpoints stay");
                    return;
                }
            }
        }
        let kept = self.kept;
        if kept.ended.lock().is_some()
            && let Err(error) = blocking(move || kept.forget_end()).await
        {
            tracing::warn!("{error}");
        }
    }
}

impl Kept {
    fn carry_out(&self, work: &Work) -> Result<(), String> {
        match work {
            Work::End => self.end().map_err(|error| error.to_string()),
            Work::Delete(checkpoint, deletion) => {
                // What nobody remembers any more isn't looked for.
                if let Some(checkpoint) = checkpoint {
                    self.forget(*checkpoint).map_err(|error| error.to_string())?;
                }
                deletion.carry_out(&self.store).map_err(|error| error.to_string())
            }
            Work::Configuration(configuration) => match &self.ha {
                Some(ha) => {
                    ha.set_configuration(self.job, configuration).map_err(|error| error.to_string())
                }
                None => Ok(()),
            },
        }
    }
}
