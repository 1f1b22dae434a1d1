//! Splits that are all known from the start.

use std::collections::VecDeque;

use sciurus_core::BoxError;
use serde::{Deserialize, Serialize};

use super::{SourceSplit, SplitAssignments, SplitEnumerator};

/// Gives each reader that asks the next split, in their order.
#[derive(Debug)]
pub struct SplitQueue<S> {
    waiting: VecDeque<S>,
    total_bytes: Option<u64>,
}

/// What a checkpoint holds of a [`SplitQueue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitQueueState<S> {
    /// The splits that no reader was given.
    pub waiting: Vec<S>,
    /// How many bytes all splits have, those that were given away too, where that is known.
    pub total_bytes: Option<u64>,
}

impl<S> SplitQueue<S> {
    /// Makes an enumerator of `splits`.
    pub fn new(splits: impl IntoIterator<Item = S>) -> Self {
        Self { waiting: splits.into_iter().collect(), total_bytes: None }
    }

    /// Makes an enumerator that goes on from a checkpoint, or of the splits that `find` finds where
    /// there is none. So a restored source looks for nothing anew: what has come since, in a folder
    /// for example, belongs to the next run of the job.
    ///
    /// # Errors
    /// What `find` reports.
    pub fn restored_or(
        restored: Option<SplitQueueState<S>>,
        find: impl FnOnce() -> Result<Self, BoxError>,
    ) -> Result<Self, BoxError> {
        match restored {
            None => find(),
            Some(SplitQueueState { waiting, total_bytes }) => {
                Ok(Self { waiting: waiting.into(), total_bytes })
            }
        }
    }

    /// Sets how many bytes the readers will read in all.
    #[must_use]
    pub fn with_total_bytes(mut self, bytes: Option<u64>) -> Self {
        self.total_bytes = bytes;
        self
    }
}

impl<S: SourceSplit> SplitEnumerator<S, SplitQueueState<S>> for SplitQueue<S> {
    fn handle_split_request(
        &mut self,
        subtask: u32,
        assign: &mut SplitAssignments<S>,
    ) -> Result<(), BoxError> {
        match self.waiting.pop_front() {
            Some(split) => assign.assign(subtask, split),
            None => assign.no_more_splits(subtask),
        }
        Ok(())
    }

    fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    fn add_splits_back(&mut self, splits: Vec<S>, _: u32) {
        for split in splits.into_iter().rev() {
            self.waiting.push_front(split);
        }
    }

    fn snapshot(&self) -> Result<SplitQueueState<S>, BoxError> {
        let waiting = self.waiting.iter().cloned().collect();
        Ok(SplitQueueState { waiting, total_bytes: self.total_bytes })
    }
}
