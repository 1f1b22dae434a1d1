//! Where a job's checkpoints lie: written, found again, deleted. All of it waits for storage, so it
//! happens on other threads, and the job's runner hears what came of it.

mod initial;
mod work;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointPointer, CheckpointStore, Deletion, RetainedCheckpoint,
};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::config::Configuration;
use sciurus_core::ids::JobId;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::task::TaskTracker;

use crate::ha::{EndedJob, HaError, HaStore, StoredCheckpoints};
use crate::inbox::{Inbox, JobEvent};
use crate::packages::blocking;

pub(crate) use initial::CheckpointSetup;
pub use initial::CheckpointSetupError;
pub(crate) use work::Cleanup;
use work::Work;

/// How much may wait to be done. What isn't deleted then is found when the job starts or ends.
const MAX_WORK: usize = 1024;

/// How far clocks may be apart: files that are younger are none of an earlier life's.
const CLOCKS: Duration = Duration::from_secs(60);

/// The checkpoints of one job in storage.
pub(crate) struct JobCheckpoints {
    kept: Arc<Kept>,
    work: mpsc::Sender<Work>,
    tasks: TaskTracker,
    inbox: Inbox,
}

/// Where they are kept.
struct Kept {
    job: JobId,
    store: CheckpointStore,
    /// Where the next JobManager finds which there are.
    ha: Option<HaStore>,
    /// What it finds there.
    stored: Mutex<StoredCheckpoints>,
    /// What was set for the job.
    configuration: Configuration,
    /// What is to be remembered, or is, once the job has ended.
    ended: Mutex<Option<EndedJob>>,
}

impl JobCheckpoints {
    /// Takes over a job's checkpoints. What has to be deleted is by the [`Cleanup`], as long as this
    /// value is there and until all of it is done.
    pub(crate) fn new(
        job: JobId,
        store: CheckpointStore,
        retained: Vec<RetainedCheckpoint>,
        (ha, configuration): (Option<HaStore>, Configuration),
        inbox: Inbox,
        tasks: TaskTracker,
    ) -> (Self, Cleanup) {
        let stored = StoredCheckpoints { retained, ..StoredCheckpoints::default() };
        let kept = Arc::new(Kept {
            job,
            store,
            ha,
            stored: Mutex::new(stored),
            configuration,
            ended: Mutex::default(),
        });
        let (work, to_do) = mpsc::channel(MAX_WORK);
        let cleanup = Cleanup::new(kept.clone(), to_do);
        (Self { kept, work, tasks, inbox }, cleanup)
    }

    /// Returns what remembers that the job has ended.
    pub(crate) fn end_note(&self) -> EndNote {
        EndNote(self.kept.clone())
    }

    /// Hears that the job has ended and which checkpoints outlive it: that is on the disk before
    /// anything is deleted.
    pub(super) fn end(&self, kept: &[Arc<CheckpointMetadata>]) {
        let directory = self.kept.store.layout().directory().to_string();
        let kept = kept.iter().map(|metadata| metadata.exclusive.clone()).collect();
        let configuration = self.kept.configuration.clone();
        let ended = EndedJob { id: self.kept.job, directory, kept, configuration };
        if self.kept.ha.is_some() {
            *self.kept.ended.lock() = Some(ended);
            self.add(Work::End);
        }
    }

    /// Writes a checkpoint's metadata, and then the pointer to it; [`JobEvent::CheckpointWritten`]
    /// says what came of it.
    pub(super) fn write(&self, metadata: Box<CheckpointMetadata>) {
        let (kept, inbox) = (self.kept.clone(), self.inbox.clone());
        self.tasks.spawn(async move {
            let checkpoint = metadata.id;
            let result = blocking(move || kept.write(&metadata)).await;
            inbox.tell(JobEvent::CheckpointWritten { checkpoint, result });
        });
    }

    /// Deletes something when there is time, and first the pointer to a checkpoint.
    pub(super) fn delete(&self, checkpoint: Option<CheckpointId>, deletion: Deletion) {
        self.add(Work::Delete(checkpoint, deletion));
    }

    /// Deletes what earlier lives of the job have left, but for these checkpoints.
    pub(super) fn delete_leftovers(&self, retained: Vec<Arc<CheckpointMetadata>>, is_over: bool) {
        // Tasks write while the job runs.
        let older_than = (!is_over).then(|| SystemTime::now() - CLOCKS);
        self.delete(None, Deletion::Leftovers { retained, older_than });
    }

    /// Keeps the job's configuration for the next JobManager.
    pub(super) fn keep_configuration(&self, configuration: Configuration) {
        if self.kept.ha.is_some() {
            self.add(Work::Configuration(configuration));
        }
    }

    fn add(&self, work: Work) {
        if let Err(TrySendError::Full(work)) = self.work.try_send(work) {
            tracing::warn!("too much waits for the job's storage; left undone: {work:?}");
        }
    }
}

/// Remembers that a job has ended, whoever comes first.
pub(crate) struct EndNote(Arc<Kept>);

impl EndNote {
    /// Remembers it, where there are files to be deleted. Waits for disks.
    ///
    /// # Errors
    /// [`HaError`] where it can't be written.
    pub(crate) fn write(&self) -> Result<(), HaError> {
        self.0.end()
    }
}

impl Kept {
    /// Remembers that the job has ended; forgets, for the next JobManager, all else about it.
    fn end(&self) -> Result<(), HaError> {
        let ended = self.ended.lock();
        match (&self.ha, &*ended) {
            (Some(ha), Some(ended)) => ha.put_ended(ended),
            _ => Ok(()),
        }
    }

    /// Nothing is left of the job but what outlives it.
    fn forget_end(&self) -> Result<(), HaError> {
        let mut ended = self.ended.lock();
        match (&self.ha, ended.take()) {
            (Some(ha), Some(ended)) => ha.forget_ended(ended.id),
            _ => Ok(()),
        }
    }

    fn write(&self, metadata: &CheckpointMetadata) -> Result<CheckpointPointer, String> {
        let pointer = self.store.write(metadata).map_err(|error| error.to_string())?;
        if let Some(ha) = &self.ha
            // A job goes on from a savepoint only if it was to end with it, and didn't.
            && (!metadata.kind.is_savepoint() || metadata.kind.ending().is_some())
        {
            let mut stored = self.stored.lock();
            let mut next = stored.clone();
            next.retained.push(RetainedCheckpoint::new(metadata, &pointer));
            ha.put_checkpoints(self.job, &next).map_err(|error| error.to_string())?;
            *stored = next;
        }
        Ok(pointer)
    }

    /// No longer remembers a checkpoint, as it is about to be deleted.
    fn forget(&self, checkpoint: CheckpointId) -> Result<(), HaError> {
        let Some(ha) = &self.ha else { return Ok(()) };
        if self.ended.lock().is_some() {
            // It is forgotten as a whole.
            return Ok(());
        }
        let mut stored = self.stored.lock();
        let mut next = stored.clone();
        next.retained.retain(|retained| retained.id != checkpoint);
        if next != *stored {
            ha.put_checkpoints(self.job, &next)?;
            *stored = next;
        }
        Ok(())
    }
}
