//! Sources: an enumerator finds splits and hands them out, readers read them (Flink's `Source`
//! interface).

mod driver;
mod output;

use serde::Serialize;
use serde::de::DeserializeOwned;

use sciurus_core::{BoxError, Record};

pub use driver::{
    Enumerator, SourceDriver, SourceEvent, SourceFactory, SourceProgress, TypedSourceFactory,
};
pub use output::SourceOutput;

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
pub trait Source: Send + Sync + 'static {
    /// What it reads.
    type Item: Record;
    /// What it reads from.
    type Split: SourceSplit;

    /// Returns whether the source ends.
    fn boundedness(&self) -> Boundedness;

    /// Makes the one enumerator of the job, for `parallelism` readers.
    ///
    /// # Errors
    /// Where the source can't be read at all: a missing file, a wrong pattern.
    fn enumerator(
        &self,
        parallelism: u32,
    ) -> Result<Box<dyn SplitEnumerator<Self::Split>>, BoxError>;

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
pub trait SplitEnumerator<S>: Send {
    /// Starts; may assign splits to any reader at once.
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

    /// Takes back splits of a reader that failed.
    fn add_splits_back(&mut self, splits: Vec<S>, subtask: u32);
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
    /// Gets splits.
    ///
    /// # Errors
    /// Where a split can't be read: a missing file, a wrong offset.
    fn add_splits(&mut self, splits: Vec<S>) -> Result<(), BoxError>;

    /// Reads some records, about a batch; never waits for long.
    ///
    /// # Errors
    /// Where reading fails or a record is malformed.
    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError>;

    /// Returns the splits in the state from which to go on reading.
    fn snapshot(&self) -> Vec<S>;

    /// Lets go of what the reader holds.
    fn close(&mut self) {}
}
