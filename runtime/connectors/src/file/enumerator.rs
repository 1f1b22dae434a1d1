//! Hands the splits of files to whichever reader asks.

use std::collections::VecDeque;

use sciurus_core::BoxError;
use sciurus_engine::source::{SplitAssignments, SplitEnumerator};

use super::split::FileSplit;

/// Gives each reader that asks the next split, in the order of the files.
pub struct FileSplitEnumerator {
    splits: VecDeque<FileSplit>,
    total_bytes: Option<u64>,
}

impl FileSplitEnumerator {
    /// Makes an enumerator of `splits`.
    pub fn new(splits: Vec<FileSplit>) -> Self {
        let sizes = splits.iter().map(|split| Some(split.end? - split.start));
        let total_bytes = sizes.sum();
        Self { splits: splits.into(), total_bytes }
    }
}

impl SplitEnumerator<FileSplit> for FileSplitEnumerator {
    fn handle_split_request(
        &mut self,
        subtask: u32,
        assign: &mut SplitAssignments<FileSplit>,
    ) -> Result<(), BoxError> {
        match self.splits.pop_front() {
            Some(split) => assign.assign(subtask, split),
            None => assign.no_more_splits(subtask),
        }
        Ok(())
    }

    fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    fn add_splits_back(&mut self, splits: Vec<FileSplit>, _: u32) {
        for split in splits.into_iter().rev() {
            self.splits.push_front(split);
        }
    }
}
