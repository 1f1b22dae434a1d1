//! Records that the program itself holds or makes.

use std::collections::VecDeque;
use std::sync::Arc;

use sciurus_core::{BoxError, Record};
use sciurus_engine::source::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitEnumerator, SplitQueue, SplitShares,
};

use crate::range_split::{RangeQueueState, RangeSplit};

/// Emits given records. With one reader they come in their order; several readers get a
/// contiguous part each.
pub struct CollectionSource<T> {
    elements: Arc<[T]>,
}

impl<T: Record> CollectionSource<T> {
    /// Makes a source of `elements`.
    pub fn new(elements: impl Into<Vec<T>>) -> Self {
        Self { elements: elements.into().into() }
    }
}

impl<T: Record> Source for CollectionSource<T> {
    type Item = T;
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
        let all = || RangeSplit::divide(self.elements.len() as u64, parallelism);
        Ok(Box::new(SplitShares::restored_or(restored, parallelism, all)))
    }

    fn reader(&self, _: &ReaderContext) -> Result<Box<dyn SourceReader<T, RangeSplit>>, BoxError> {
        let elements = self.elements.clone();
        Ok(Box::new(CollectionReader { elements, splits: VecDeque::new() }))
    }
}

struct CollectionReader<T> {
    elements: Arc<[T]>,
    splits: VecDeque<RangeSplit>,
}

impl<T: Record> SourceReader<T, RangeSplit> for CollectionReader<T> {
    fn add_splits(&mut self, splits: Vec<RangeSplit>) -> Result<(), BoxError> {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError> {
        let Some(split) = self.splits.front_mut() else { return Ok(ReaderStatus::NeedsSplit) };
        out.select_split(&split.id());
        let elements = self.elements.get(split.start as usize..split.end as usize);
        for element in elements.ok_or("the job was started with other elements")? {
            if out.is_full() {
                return Ok(ReaderStatus::MoreAvailable);
            }
            out.collect(element.view());
            split.start += 1;
        }
        out.release_split(&split.id());
        self.splits.pop_front();
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<RangeSplit> {
        self.splits.iter().cloned().collect()
    }
}

/// Emits what an iterator yields, as far as there is demand; one reader gets all of it.
pub struct IteratorSource<I> {
    items: I,
    boundedness: Boundedness,
}

impl<I> IteratorSource<I>
where
    I: IntoIterator<Item: Record> + Clone + Send + Sync + 'static,
{
    /// Makes a source of `items`, which are cloned and iterated anew whenever the source starts.
    pub fn new(items: I) -> Self {
        Self { items, boundedness: Boundedness::Bounded }
    }

    /// Declares that the items never end, so that nobody waits for their end.
    #[must_use]
    pub fn unbounded(mut self) -> Self {
        self.boundedness = Boundedness::Unbounded;
        self
    }
}

impl<I> Source for IteratorSource<I>
where
    I: IntoIterator<Item: Record, IntoIter: Send> + Clone + Send + Sync + 'static,
{
    type Item = I::Item;
    type Split = RangeSplit;
    type EnumeratorState = RangeQueueState;

    fn boundedness(&self) -> Boundedness {
        self.boundedness
    }

    fn enumerator(
        &self,
        _: u32,
        restored: Option<RangeQueueState>,
    ) -> Result<Box<dyn SplitEnumerator<RangeSplit, RangeQueueState>>, BoxError> {
        let all =
            || Ok(SplitQueue::new([RangeSplit { index: 0, start: 0, end: u64::MAX, step: 1 }]));
        Ok(Box::new(SplitQueue::restored_or(restored, all)?))
    }

    fn reader(
        &self,
        _: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<I::Item, RangeSplit>>, BoxError> {
        Ok(Box::new(IteratorReader { items: self.items.clone(), current: None }))
    }
}

struct IteratorReader<I: IntoIterator> {
    items: I,
    current: Option<(RangeSplit, I::IntoIter)>,
}

impl<I> SourceReader<I::Item, RangeSplit> for IteratorReader<I>
where
    I: IntoIterator<Item: Record, IntoIter: Send> + Clone + Send,
{
    fn add_splits(&mut self, splits: Vec<RangeSplit>) -> Result<(), BoxError> {
        for split in splits {
            let mut iterator = self.items.clone().into_iter();
            if split.start > 0 {
                iterator.nth((split.start - 1) as usize);
            }
            self.current = Some((split, iterator));
        }
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, I::Item>) -> Result<ReaderStatus, BoxError> {
        let Some((split, iterator)) = &mut self.current else {
            return Ok(ReaderStatus::NeedsSplit);
        };
        out.select_split(&split.id());
        while !out.is_full() {
            let Some(item) = iterator.next() else {
                out.release_split(&split.id());
                self.current = None;
                return Ok(ReaderStatus::MoreAvailable);
            };
            out.collect(item.view());
            split.start += 1;
        }
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<RangeSplit> {
        self.current.iter().map(|(split, _)| split.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{read, read_with_restarts};
    use crate::{DataGeneratorSource, NumberSequenceSource};

    #[test]
    fn one_reader_yields_the_elements_in_order() {
        let words: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
        assert_eq!(read(CollectionSource::new(words.clone()), 1).unwrap().all(), words);
    }

    #[test]
    fn several_readers_yield_contiguous_parts() {
        let numbers: Vec<i64> = (0..10).collect();
        let read = read(CollectionSource::new(numbers), 3).unwrap();
        assert_eq!(read.readers, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8, 9]]);
    }

    #[test]
    fn readers_go_on_where_their_predecessors_stood() {
        let numbers: Vec<i64> = (0..20).collect();
        for polls in 3..9 {
            let elements = CollectionSource::new(numbers.clone());
            assert_eq!(read_with_restarts(elements, polls).unwrap(), numbers);
            let iterator = IteratorSource::new(0..20_i64);
            assert_eq!(read_with_restarts(iterator, polls).unwrap(), numbers);
            let sequence = NumberSequenceSource::new(0, 19);
            assert_eq!(read_with_restarts(sequence, polls).unwrap(), numbers);
            let generated = DataGeneratorSource::new(|number| number as i64).count(20);
            assert_eq!(read_with_restarts(generated, polls).unwrap(), numbers);
        }
    }

    #[test]
    fn an_iterator_is_read_by_one_reader_and_no_further_than_needed() {
        let read = read(IteratorSource::new((0..10_000_i64).filter(|n| n % 2 == 0)), 2).unwrap();
        assert_eq!(read.all(), (0..10_000).step_by(2).collect::<Vec<i64>>());
        assert!(read.readers.iter().any(Vec::is_empty));
        assert!(read.batch_rows.iter().all(|rows| *rows <= 4096));
    }
}
