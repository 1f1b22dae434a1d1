//! Sources: an enumerator finds splits and hands them out, readers read them (Flink's `Source`
//! interface).

mod driver;
mod output;
mod split_queue;
mod split_shares;
mod state;

use serde::Serialize;
use serde::de::DeserializeOwned;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::{BoxError, Record};

pub use driver::{
    Enumerator, SourceDriver, SourceEvent, SourceFactory, SourceProgress, TypedSourceFactory,
};
pub use output::SourceOutput;
pub use split_queue::{SplitQueue, SplitQueueState};
pub use split_shares::SplitShares;
pub(crate) use state::{FinishedDriver, reader_state, splits_of};

use crate::notify::Notifier;
use crate::operator::OperatorContext;

/// Whether a source ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundedness {
    /// It ends by itself.
    Bounded,
    /// It goes on until it is cancelled.
    Unbounded,
}

/// A part of a source that one reader reads: a file's range, a partition. Serialised, since
/// enumerator and readers may run in different processes, and snapshots hold splits.
pub trait SourceSplit: Clone + Send + Serialize + DeserializeOwned + 'static {
    /// Returns what tells the split from the others of its source.
    fn id(&self) -> String;
}

/// A source of records.
///
/// What was read lies in checkpoints in two parts: the readers' splits, each with how far it was
/// read, and what the enumerator remembers. Most sources find all their splits at once and hand
/// them out on demand, as [`SplitQueue`] does, or share them out at the start, as [`SplitShares`]
/// does.
pub trait Source: Send + Sync + 'static {
    /// What it reads.
    type Item: Record;
    /// What it reads from.
    type Split: SourceSplit;
    /// What the enumerator remembers in a checkpoint: of splits, those that no reader was given.
    type EnumeratorState: Serialize + DeserializeOwned + Send + 'static;

    /// Returns whether the source ends.
    fn boundedness(&self) -> Boundedness;

    /// Makes the one enumerator of the job, for `parallelism` readers. Where the job is restored
    /// from a checkpoint, the enumerator goes on from what it remembered, maybe for another number
    /// of readers.
    ///
    /// # Errors
    /// Where the source can't be read at all: a missing file, a wrong pattern.
    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<Self::EnumeratorState>,
    ) -> Result<Box<dyn SplitEnumerator<Self::Split, Self::EnumeratorState>>, BoxError>;

    /// Makes the reader of a subtask.
    ///
    /// # Errors
    /// Whatever keeps the reader from starting.
    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<Self::Item, Self::Split>>, BoxError>;
}

/// Finds the splits of a source and hands them out; its methods are called one at a time.
///
/// `S` is a split, `C` what lies in checkpoints.
pub trait SplitEnumerator<S, C>: Send {
    /// Starts, anew or restored; may assign splits to any reader at once.
    ///
    /// # Errors
    /// Fails the job.
    fn start(&mut self, assign: &mut SplitAssignments<S>) -> Result<(), BoxError> {
        let _ = assign;
        Ok(())
    }

    /// Reader `subtask` has nothing left and asks for a split.
    ///
    /// # Errors
    /// Fails the job.
    fn handle_split_request(
        &mut self,
        subtask: u32,
        assign: &mut SplitAssignments<S>,
    ) -> Result<(), BoxError>;

    /// Returns how many bytes the readers will read in all, where that is known: what progress is
    /// measured against, with [`bytes_read`](crate::metrics::OperatorMetrics::bytes_read).
    fn total_bytes(&self) -> Option<u64> {
        None
    }

    /// Takes back splits of a reader that failed: those it was given since the checkpoint that it
    /// is restored from.
    fn add_splits_back(&mut self, splits: Vec<S>, subtask: u32);

    /// Returns what a checkpoint has to hold: what an enumerator needs to go on from here. Splits
    /// that were assigned are not part of it, the readers' state has them.
    ///
    /// # Errors
    /// Makes the checkpoint fail.
    fn snapshot(&self) -> Result<C, BoxError>;

    /// A checkpoint, and with it every earlier one, is complete. Not every checkpoint is heard of.
    ///
    /// # Errors
    /// Fails the job.
    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<(), BoxError> {
        let _ = checkpoint;
        Ok(())
    }
}

/// What an enumerator decides in one call.
#[derive(Debug)]
pub struct SplitAssignments<S> {
    /// Splits and the subtasks that get them.
    pub splits: Vec<(u32, S)>,
    /// Subtasks that get no more.
    pub finished: Vec<u32>,
}

impl<S> Default for SplitAssignments<S> {
    fn default() -> Self {
        Self { splits: Vec::new(), finished: Vec::new() }
    }
}

impl<S> SplitAssignments<S> {
    /// Gives `split` to reader `subtask`.
    pub fn assign(&mut self, subtask: u32, split: S) {
        self.splits.push((subtask, split));
    }

    /// Tells reader `subtask` that no more splits come.
    pub fn no_more_splits(&mut self, subtask: u32) {
        self.finished.push(subtask);
    }
}

/// Where a reader runs and what it may use.
pub struct ReaderContext {
    /// The operator's context: name, subtask, clock, metrics.
    pub operator: OperatorContext,
    /// Wakes the task: a reader that waits for other threads calls it when there is something.
    pub notifier: Notifier,
}

/// What a reader says of its next records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderStatus {
    /// There may be more at once.
    MoreAvailable,
    /// Nothing for now: poll again when notified, or at the latest after this time.
    NothingAvailable {
        /// Until the next poll where no notification comes earlier.
        poll_after: std::time::Duration,
    },
    /// All assigned splits are read and a further one is needed, or the end where none will come.
    NeedsSplit,
}

/// Reads splits, on the task thread.
pub trait SourceReader<T: Record, S>: Send {
    /// Gets splits. From now on each takes part in the reader's watermark, which it holds back until
    /// it has records or is released by
    /// [`release_split`](SourceOutput::release_split): a reader that gets several lets none wait for
    /// the end of another that may have none.
    ///
    /// # Errors
    /// Where a split can't be read: a missing file, a wrong offset.
    fn add_splits(&mut self, splits: Vec<S>) -> Result<(), BoxError>;

    /// Reads some records, about a batch; never waits for long.
    ///
    /// # Errors
    /// Where reading fails or a record is malformed.
    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError>;

    /// Returns the splits in the state from which to go on reading: one that is read in part with
    /// the position behind what was emitted, one that isn't begun as it was given. Splits that were
    /// read to their end are left out.
    fn snapshot(&self) -> Vec<S>;

    /// Lets go of what the reader holds.
    fn close(&mut self) {}
}
