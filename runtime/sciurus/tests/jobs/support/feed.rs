//! A source whose records a test feeds in while the job runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus::prelude::*;
use sciurus_engine::notify::Notifier;
use sciurus_engine::source::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitAssignments, SplitEnumerator,
};
use serde::{Deserialize, Serialize};

/// One split of a [`FeedSource`], fed by a test.
pub struct Feed<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    waiting: VecDeque<T>,
    is_closed: bool,
    reader: Option<Notifier>,
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone() }
    }
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), is_closed: false, reader: None };
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl<T> Feed<T> {
    /// Hands a record to the job.
    pub fn push(&self, record: T) {
        self.change(|state| state.waiting.push_back(record));
    }

    /// Ends the split.
    pub fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    /// Returns whether the job has taken all that was pushed.
    pub fn is_taken(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    fn change(&self, change: impl FnOnce(&mut State<T>)) {
        let mut state = self.state.lock();
        change(&mut state);
        if let Some(reader) = &state.reader {
            reader.notify();
        }
    }
}

/// Reads feeds, each a split: split `i` goes to subtask `i` modulo the parallelism. Each poll emits
/// one record.
pub struct FeedSource<T> {
    feeds: Vec<Feed<T>>,
}

impl<T> FeedSource<T> {
    pub fn new(feeds: &[Feed<T>]) -> Self {
        Self { feeds: feeds.to_vec() }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FeedSplit(usize);

impl SourceSplit for FeedSplit {
    fn id(&self) -> String {
        self.0.to_string()
    }
}

impl<T: Record> Source for FeedSource<T> {
    type Item = T;
    type Split = FeedSplit;
    type EnumeratorState = usize;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Unbounded
    }

    fn enumerator(
        &self,
        parallelism: u32,
        assigned: Option<usize>,
    ) -> Result<Box<dyn SplitEnumerator<FeedSplit, usize>>, BoxError> {
        let assigned = assigned.unwrap_or(0);
        Ok(Box::new(AssignAtOnce { splits: self.feeds.len(), assigned, parallelism }))
    }

    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<T, FeedSplit>>, BoxError> {
        Ok(Box::new(FeedReader {
            feeds: self.feeds.clone(),
            notifier: context.notifier.clone(),
            splits: VecDeque::new(),
        }))
    }
}

struct AssignAtOnce {
    splits: usize,
    assigned: usize,
    parallelism: u32,
}

impl SplitEnumerator<FeedSplit, usize> for AssignAtOnce {
    fn start(&mut self, assign: &mut SplitAssignments<FeedSplit>) -> Result<(), BoxError> {
        for split in self.assigned..self.splits {
            assign.assign(split as u32 % self.parallelism, FeedSplit(split));
        }
        self.assigned = self.splits;
        Ok(())
    }

    fn handle_split_request(
        &mut self,
        subtask: u32,
        assign: &mut SplitAssignments<FeedSplit>,
    ) -> Result<(), BoxError> {
        // A reader without a split stays: it is one that may get some later.
        if (subtask as usize) < self.splits {
            assign.no_more_splits(subtask);
        }
        Ok(())
    }

    fn add_splits_back(&mut self, _: Vec<FeedSplit>, _: u32) {}

    fn snapshot(&self) -> Result<usize, BoxError> {
        Ok(self.assigned)
    }
}

struct FeedReader<T> {
    feeds: Vec<Feed<T>>,
    notifier: Notifier,
    splits: VecDeque<usize>,
}

impl<T: Record> SourceReader<T, FeedSplit> for FeedReader<T> {
    fn add_splits(&mut self, splits: Vec<FeedSplit>) -> Result<(), BoxError> {
        for FeedSplit(split) in splits {
            self.feeds[split].state.lock().reader = Some(self.notifier.clone());
            self.splits.push_back(split);
        }
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError> {
        if self.splits.is_empty() {
            return Ok(ReaderStatus::NeedsSplit);
        }
        for _ in 0..self.splits.len() {
            let Some(split) = self.splits.pop_front() else { break };
            let mut state = self.feeds[split].state.lock();
            let (record, is_closed) = (state.waiting.pop_front(), state.is_closed);
            drop(state);
            out.select_split(&split.to_string());
            match record {
                Some(record) => {
                    out.collect(record.view());
                    self.splits.push_back(split);
                    return Ok(ReaderStatus::MoreAvailable);
                }
                None if is_closed => out.release_split(&split.to_string()),
                None => self.splits.push_back(split),
            }
        }
        if self.splits.is_empty() {
            return Ok(ReaderStatus::NeedsSplit);
        }
        Ok(ReaderStatus::NothingAvailable { poll_after: Duration::MAX })
    }

    fn snapshot(&self) -> Vec<FeedSplit> {
        self.splits.iter().copied().map(FeedSplit).collect()
    }
}
