//! Splits that belong to a reader each.

use std::collections::BTreeMap;

use sciurus_core::BoxError;

use super::{SourceSplit, SplitAssignments, SplitEnumerator, SplitQueueState};

/// Gives each reader its share of the splits when the source starts.
///
/// No split waits while others are read, as in a [`SplitQueue`](super::SplitQueue). So what the
/// source yields keeps its order in event time, however few readers it is restored with: each
/// split takes part in its reader's watermark from the start.
#[derive(Debug)]
pub struct SplitShares<S> {
    /// By reader, those that it wasn't given or that it gave back.
    waiting: BTreeMap<u32, Vec<S>>,
}

impl<S> SplitShares<S> {
    /// Makes an enumerator that goes on from a checkpoint, or of the splits that `find` finds where
    /// there is none, for `parallelism` readers.
    pub fn restored_or<I: IntoIterator<Item = S>>(
        restored: Option<SplitQueueState<S>>,
        parallelism: u32,
        find: impl FnOnce() -> I,
    ) -> Self {
        let splits = match restored {
            Some(state) => state.waiting,
            None => find().into_iter().collect(),
        };
        let mut waiting = BTreeMap::<_, Vec<_>>::new();
        for (reader, split) in (0..parallelism.max(1)).cycle().zip(splits) {
            waiting.entry(reader).or_default().push(split);
        }
        Self { waiting }
    }
}

impl<S: SourceSplit> SplitEnumerator<S, SplitQueueState<S>> for SplitShares<S> {
    fn start(&mut self, assign: &mut SplitAssignments<S>) -> Result<(), BoxError> {
        for (reader, splits) in std::mem::take(&mut self.waiting) {
            for split in splits {
                assign.assign(reader, split);
            }
        }
        Ok(())
    }

    fn handle_split_request(
        &mut self,
        subtask: u32,
        assign: &mut SplitAssignments<S>,
    ) -> Result<(), BoxError> {
        match self.waiting.remove(&subtask) {
            Some(splits) => {
                for split in splits {
                    assign.assign(subtask, split);
                }
            }
            None => assign.no_more_splits(subtask),
        }
        Ok(())
    }

    fn add_splits_back(&mut self, splits: Vec<S>, subtask: u32) {
        if !splits.is_empty() {
            self.waiting.entry(subtask).or_default().extend(splits);
        }
    }

    fn snapshot(&self) -> Result<SplitQueueState<S>, BoxError> {
        let waiting = self.waiting.values().flatten().cloned().collect();
        Ok(SplitQueueState { waiting, total_bytes: None })
    }
}
