//! Which splits readers were given, and before which checkpoint.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::ExecutionVertexId;

/// Splits in their serialised form, by reader.
type Splits = HashMap<ExecutionVertexId, Vec<Vec<u8>>>;

/// Remembers the splits that readers were given, so that a reader that starts anew gets them again,
/// as far as they aren't in the state that it is restored from (Flink's `SplitAssignmentTracker`).
#[derive(Debug, Default)]
pub(super) struct Assignments {
    /// Those before each snapshot of which nobody knows yet whether it becomes part of a complete
    /// checkpoint, each after the one before it.
    before: BTreeMap<CheckpointId, Splits>,
    /// Those since the last snapshot.
    since: Splits,
}

impl Assignments {
    /// Notes that a reader was given a split.
    pub(super) fn add(&mut self, reader: ExecutionVertexId, split: Vec<u8>) {
        self.since.entry(reader).or_default().push(split);
    }

    /// Notes that a snapshot is taken: what was given until now is in the readers' part of it.
    pub(super) fn snapshot(&mut self, checkpoint: CheckpointId) {
        if self.since.is_empty() {
            return;
        }
        let before = self.before.entry(checkpoint).or_default();
        for (reader, splits) in mem::take(&mut self.since) {
            before.entry(reader).or_default().extend(splits);
        }
    }

    /// Notes that a checkpoint is complete: nobody starts from an earlier one any more.
    pub(super) fn complete(&mut self, checkpoint: CheckpointId) {
        self.before = self.before.split_off(&checkpoint.next());
    }

    /// Takes back what a reader was given since a checkpoint, or all where it isn't restored.
    pub(super) fn take_back(
        &mut self,
        reader: ExecutionVertexId,
        since: Option<CheckpointId>,
    ) -> Vec<Vec<u8>> {
        let first = since.map_or(CheckpointId(0), CheckpointId::next);
        let later = self.before.range_mut(first..);
        let mut splits: Vec<_> = later.filter_map(|(_, splits)| splits.remove(&reader)).collect();
        splits.extend(self.since.remove(&reader));
        splits.concat()
    }

    /// Forgets what a reader was given.
    pub(super) fn forget(&mut self, reader: ExecutionVertexId) {
        self.take_back(reader, None);
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::{JobVertexId, SubtaskIndex};

    use super::*;

    fn reader(subtask: u32) -> ExecutionVertexId {
        let vertex = JobVertexId::from_bytes([1; 16]);
        ExecutionVertexId { vertex, subtask: SubtaskIndex(subtask) }
    }

    /// Splits 1 and 2 before checkpoint 1, 3 before checkpoint 3, 4 since then.
    fn assigned() -> Assignments {
        let mut assignments = Assignments::default();
        assignments.add(reader(0), vec![1]);
        assignments.add(reader(0), vec![2]);
        assignments.add(reader(1), vec![9]);
        assignments.snapshot(CheckpointId(1));
        assignments.snapshot(CheckpointId(2));
        assignments.add(reader(0), vec![3]);
        assignments.snapshot(CheckpointId(3));
        assignments.add(reader(0), vec![4]);
        assignments
    }

    fn taken_back(since: Option<u64>) -> Vec<u8> {
        let since = since.map(CheckpointId);
        assigned().take_back(reader(0), since).into_iter().flatten().collect()
    }

    #[test]
    fn a_reader_gets_again_what_the_checkpoint_does_not_hold() {
        assert_eq!(taken_back(None), [1, 2, 3, 4]);
        assert_eq!(taken_back(Some(1)), [3, 4]);
        assert_eq!(taken_back(Some(2)), [3, 4]);
        assert_eq!(taken_back(Some(3)), [4]);
        assert_eq!(taken_back(Some(9)), [4]);
    }

    #[test]
    fn what_was_taken_back_is_no_longer_the_readers() {
        let mut assignments = assigned();
        assignments.take_back(reader(0), Some(CheckpointId(1)));
        assert!(assignments.take_back(reader(0), Some(CheckpointId(1))).is_empty());
        assert_eq!(assignments.take_back(reader(1), None), [[9]]);
    }

    #[test]
    fn a_complete_checkpoint_settles_all_before_it() {
        let mut assignments = assigned();
        // Nobody heard of checkpoint 1 again: it failed.
        assignments.complete(CheckpointId(2));
        assert_eq!(assignments.before.keys().copied().collect::<Vec<_>>(), [CheckpointId(3)]);
        assert_eq!(assignments.take_back(reader(0), Some(CheckpointId(2))).concat(), [3, 4]);
        assignments.complete(CheckpointId(3));
        assert!(assignments.before.is_empty());
    }
}
