//! Runs a source's reader in its task, and its enumerator wherever the job's master puts it.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::time::Timestamp;
use serde::Serialize;

use super::output::Pace;
use super::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitAssignments, SplitEnumerator,
};
use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::operator::OperatorContext;
use crate::output::Output;
use crate::task::TaskControl;
use crate::watermark::{WatermarkStrategy, WatermarkTracker};

/// A source without its types, as the engine handles it.
pub trait SourceFactory: Send + Sync {
    /// Returns whether the source ends.
    fn boundedness(&self) -> Boundedness;

    /// Makes the enumerator, which goes on from `restored`, what its predecessor's
    /// [`snapshot`](Enumerator::snapshot) returned, where there is something.
    ///
    /// # Errors
    /// Where the source can't be read at all, or what is to be restored can't be.
    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<&[u8]>,
    ) -> TaskResult<Box<dyn Enumerator>>;

    /// Makes the driver of a subtask.
    ///
    /// # Errors
    /// Whatever keeps the reader from starting.
    fn driver(
        &self,
        context: &OperatorContext,
        control: &Arc<TaskControl>,
        watermark_interval: Duration,
    ) -> TaskResult<Box<dyn SourceDriver>>;
}

/// What an enumerator tells a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// A split, in its serialised form.
    AddSplit(Vec<u8>),
    /// No split follows.
    NoMoreSplits,
}

/// An enumerator without its types. What it decides is a list of readers (subtasks) and events.
pub trait Enumerator: Send {
    /// Starts.
    ///
    /// # Errors
    /// Where the enumerator fails.
    fn start(&mut self) -> TaskResult<Vec<(u32, SourceEvent)>>;

    /// Reader `subtask` asks for a split.
    ///
    /// # Errors
    /// Where the enumerator fails.
    fn handle_split_request(&mut self, subtask: u32) -> TaskResult<Vec<(u32, SourceEvent)>>;

    /// Takes back the splits of a reader that starts anew.
    ///
    /// # Errors
    /// Where the splits can't be read.
    fn add_splits_back(&mut self, splits: &[Vec<u8>], subtask: u32) -> TaskResult;

    /// Returns how many bytes the readers will read in all, where that is known.
    fn total_bytes(&self) -> Option<u64>;

    /// Returns what a checkpoint has to hold of it, in its serialised form.
    ///
    /// # Errors
    /// Where it can't be serialised.
    fn snapshot(&self) -> TaskResult<Vec<u8>>;

    /// A checkpoint, and with it every earlier one, is complete.
    ///
    /// # Errors
    /// Where the enumerator fails.
    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult;
}

/// What the source's task does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceProgress {
    /// Poll again at once.
    More,
    /// Wait for a notification or this time.
    Wait(Duration),
    /// Ask the enumerator for a split, then wait for a notification.
    RequestSplit,
    /// The source has ended.
    Ended,
}

/// A reader without its types, in its task.
pub trait SourceDriver: Send {
    /// Takes what the enumerator says.
    ///
    /// # Errors
    /// Where a split can't be read.
    fn on_event(&mut self, event: SourceEvent) -> TaskResult;

    /// Reads some records.
    ///
    /// # Errors
    /// Where reading or a receiver fails.
    fn poll(&mut self, out: &mut Output) -> TaskResult<SourceProgress>;

    /// Returns the splits, in their serialised form, in the state from which to go on reading
    /// behind what was emitted.
    ///
    /// # Errors
    /// Where a split can't be serialised.
    fn snapshot(&self) -> TaskResult<Vec<Vec<u8>>>;

    /// Returns when [`on_processing_time`](Self::on_processing_time) is to be called next.
    fn next_processing_time(&self) -> Option<Timestamp>;

    /// Makes the periodic watermarks.
    ///
    /// # Errors
    /// Where a receiver fails.
    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult;

    /// Lets go of what the reader holds.
    fn close(&mut self);
}

/// A source with its watermark strategy.
pub struct TypedSourceFactory<S: Source> {
    source: S,
    strategy: WatermarkStrategy<S::Item>,
}

impl<S: Source> TypedSourceFactory<S> {
    /// Joins a source and a watermark strategy.
    pub fn new(source: S, strategy: WatermarkStrategy<S::Item>) -> Self {
        Self { source, strategy }
    }
}

impl<S: Source> SourceFactory for TypedSourceFactory<S> {
    fn boundedness(&self) -> Boundedness {
        self.source.boundedness()
    }

    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<&[u8]>,
    ) -> TaskResult<Box<dyn Enumerator>> {
        let restored = restored.map(serde_json::from_slice).transpose();
        let restored = restored.map_err(|error| TaskError::connector(Unreadable(error).into()))?;
        let enumerator =
            self.source.enumerator(parallelism, restored).map_err(TaskError::connector)?;
        Ok(Box::new(TypedEnumerator(enumerator)))
    }

    fn driver(
        &self,
        context: &OperatorContext,
        control: &Arc<TaskControl>,
        watermark_interval: Duration,
    ) -> TaskResult<Box<dyn SourceDriver>> {
        let reader_context =
            ReaderContext { operator: context.clone(), notifier: control.notifier().clone() };
        let reader = self.source.reader(&reader_context).map_err(TaskError::connector)?;
        let strategy = self.strategy.clone();
        Ok(Box::new(TypedDriver::<S> {
            reader,
            emitter: Emitter::new(context.limits),
            tracker: WatermarkTracker::new(strategy, watermark_interval, context),
            split: String::new(),
            requested: false,
            no_more_splits: false,
        }))
    }
}

/// What a checkpoint holds of an enumerator or a reader is of another form than this source's.
#[derive(Debug, thiserror::Error)]
#[error(
    "what the checkpoint holds of the source can't be read: {0}; restore with the source that it \
     was taken with, or give the new one another uid"
)]
struct Unreadable(serde_json::Error);

struct TypedEnumerator<S, C>(Box<dyn SplitEnumerator<S, C>>);

fn to_events<S: SourceSplit>(assign: SplitAssignments<S>) -> TaskResult<Vec<(u32, SourceEvent)>> {
    let mut events = Vec::with_capacity(assign.splits.len() + assign.finished.len());
    for (subtask, split) in assign.splits {
        let bytes = serde_json::to_vec(&split).map_err(|e| TaskError::connector(e.into()))?;
        events.push((subtask, SourceEvent::AddSplit(bytes)));
    }
    let ends = assign.finished.into_iter().map(|subtask| (subtask, SourceEvent::NoMoreSplits));
    events.extend(ends);
    Ok(events)
}

impl<S: SourceSplit, C: Serialize> Enumerator for TypedEnumerator<S, C> {
    fn start(&mut self) -> TaskResult<Vec<(u32, SourceEvent)>> {
        let mut assign = SplitAssignments::default();
        self.0.start(&mut assign).map_err(TaskError::connector)?;
        to_events(assign)
    }

    fn handle_split_request(&mut self, subtask: u32) -> TaskResult<Vec<(u32, SourceEvent)>> {
        let mut assign = SplitAssignments::default();
        self.0.handle_split_request(subtask, &mut assign).map_err(TaskError::connector)?;
        to_events(assign)
    }

    fn add_splits_back(&mut self, splits: &[Vec<u8>], subtask: u32) -> TaskResult {
        let splits: Result<Vec<S>, _> =
            splits.iter().map(|split| serde_json::from_slice(split)).collect();
        self.0.add_splits_back(splits.map_err(|e| TaskError::connector(e.into()))?, subtask);
        Ok(())
    }

    fn total_bytes(&self) -> Option<u64> {
        self.0.total_bytes()
    }

    fn snapshot(&self) -> TaskResult<Vec<u8>> {
        let state = self.0.snapshot().map_err(TaskError::connector)?;
        serde_json::to_vec(&state).map_err(|error| TaskError::connector(error.into()))
    }

    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.0.checkpoint_complete(checkpoint).map_err(TaskError::connector)
    }
}

struct TypedDriver<S: Source> {
    reader: Box<dyn SourceReader<S::Item, S::Split>>,
    emitter: Emitter<S::Item>,
    tracker: WatermarkTracker<S::Item>,
    split: String,
    requested: bool,
    no_more_splits: bool,
}

impl<S: Source> SourceDriver for TypedDriver<S> {
    fn on_event(&mut self, event: SourceEvent) -> TaskResult {
        match event {
            SourceEvent::AddSplit(bytes) => {
                self.requested = false;
                let split: S::Split = serde_json::from_slice(&bytes)
                    .map_err(|error| TaskError::connector(Unreadable(error).into()))?;
                self.tracker.add_split(&split.id());
                self.reader.add_splits(vec![split]).map_err(TaskError::connector)
            }
            SourceEvent::NoMoreSplits => {
                self.no_more_splits = true;
                Ok(())
            }
        }
    }

    fn poll(&mut self, out: &mut Output) -> TaskResult<SourceProgress> {
        let mut output = SourceOutput {
            emitter: &mut self.emitter,
            tracker: &mut self.tracker,
            output: out,
            split: &mut self.split,
            failure: None,
            emitted: false,
            pace: Pace::default(),
        };
        let status = self.reader.poll(&mut output);
        output.flush();
        if let Some(failure) = output.failure {
            return Err(failure);
        }
        Ok(match status.map_err(TaskError::connector)? {
            ReaderStatus::MoreAvailable => SourceProgress::More,
            ReaderStatus::NothingAvailable { poll_after } => SourceProgress::Wait(poll_after),
            ReaderStatus::NeedsSplit if self.no_more_splits => SourceProgress::Ended,
            ReaderStatus::NeedsSplit if self.requested => SourceProgress::Wait(Duration::MAX),
            ReaderStatus::NeedsSplit => {
                self.requested = true;
                SourceProgress::RequestSplit
            }
        })
    }

    fn snapshot(&self) -> TaskResult<Vec<Vec<u8>>> {
        let splits = self.reader.snapshot();
        let bytes = splits.iter().map(serde_json::to_vec).collect::<Result<_, _>>();
        bytes.map_err(|error| TaskError::connector(error.into()))
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.tracker.next_processing_time()
    }

    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        self.tracker.on_processing_time(now, out)
    }

    fn close(&mut self) {
        self.reader.close();
    }
}
