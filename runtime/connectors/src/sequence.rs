//! Numbers in sequence.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use sciurus_core::{BoxError, Record};
use sciurus_engine::source::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitEnumerator, SplitShares,
};

use crate::range_split::{RangeQueueState, RangeSplit};

/// Emits the numbers from one to another, both included. Several readers get a contiguous part
/// each.
#[derive(Debug, Clone, Copy)]
pub struct NumberSequenceSource {
    from: i64,
    to: i64,
}

impl NumberSequenceSource {
    /// Makes a source of the numbers `from` to `to`; there are none where `to` is less.
    pub fn new(from: i64, to: i64) -> Self {
        Self { from, to }
    }

    fn count(self) -> u64 {
        let count = i128::from(self.to) - i128::from(self.from) + 1;
        u64::try_from(count.max(0)).unwrap_or(u64::MAX)
    }
}

impl Source for NumberSequenceSource {
    type Item = i64;
    type Split = RangeSplit;
    type EnumeratorState = RangeQueueState;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<RangeQueueState>,
    ) -> Result<Box<dyn SplitEnumerator<RangeSplit, RangeQueueState>>, BoxError> {
        let all = || RangeSplit::divide(self.count(), parallelism);
        Ok(Box::new(SplitShares::restored_or(restored, parallelism, all)))
    }

    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<i64, RangeSplit>>, BoxError> {
        let limits = context.operator.limits;
        Ok(Box::new(SequenceReader {
            from: self.from,
            batch_rows: limits.max_rows.min(limits.max_bytes / size_of::<i64>()).max(1) as u64,
            schema: Arc::new(Schema::new(i64::fields())),
            splits: VecDeque::new(),
        }))
    }
}

struct SequenceReader {
    from: i64,
    batch_rows: u64,
    schema: SchemaRef,
    splits: VecDeque<RangeSplit>,
}

impl SourceReader<i64, RangeSplit> for SequenceReader {
    fn add_splits(&mut self, splits: Vec<RangeSplit>) -> Result<(), BoxError> {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, i64>) -> Result<ReaderStatus, BoxError> {
        let Some(split) = self.splits.front_mut() else { return Ok(ReaderStatus::NeedsSplit) };
        out.select_split(&split.id());
        let rows = self.batch_rows.min(split.end - split.start);
        let first = self.from.wrapping_add_unsigned(split.start);
        let numbers = (0..rows as i64).map(|row| first.wrapping_add(row));
        let numbers = Arc::new(Int64Array::from_iter_values(numbers));
        out.collect_batch(RecordBatch::try_new(self.schema.clone(), vec![numbers])?);
        split.start += rows;
        if split.start == split.end {
            out.release_split(&split.id());
            self.splits.pop_front();
        } else {
            self.splits.rotate_left(1);
        }
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<RangeSplit> {
        self.splits.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read;

    #[test]
    fn both_ends_belong_to_the_sequence() {
        assert_eq!(read(NumberSequenceSource::new(-2, 2), 1).unwrap().all(), [-2, -1, 0, 1, 2]);
        assert_eq!(read(NumberSequenceSource::new(7, 7), 3).unwrap().all(), [7]);
        assert!(read(NumberSequenceSource::new(7, 6), 3).unwrap().all().is_empty());
    }

    #[test]
    fn readers_divide_the_numbers() {
        let read = read(NumberSequenceSource::new(1, 20_000), 3).unwrap();
        assert_eq!(read.all(), (1..=20_000).collect::<Vec<_>>());
        assert!(read.readers.iter().all(|numbers| numbers.len() >= 6666));
    }

    #[test]
    fn the_widest_sequence_does_not_overflow() {
        assert_eq!(NumberSequenceSource::new(i64::MIN, i64::MAX).count(), u64::MAX);
        let end = NumberSequenceSource::new(i64::MAX - 1, i64::MAX);
        assert_eq!(read(end, 1).unwrap().all(), [i64::MAX - 1, i64::MAX]);
    }
}
