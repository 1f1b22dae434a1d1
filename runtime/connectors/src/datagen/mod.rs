//! Made-up records: by a function of their number, or by generators of [`fields`], as fast as they
//! can be made or at a rate.

pub mod fields;
mod rate;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sciurus_core::clock::Clock;
use sciurus_core::{BoxError, Record};
use sciurus_engine::source::{
    Boundedness, ReaderContext, ReaderStatus, Source, SourceOutput, SourceReader, SourceSplit,
    SplitEnumerator, SplitShares,
};

use crate::range_split::{RangeQueueState, RangeSplit};
use fields::FieldGenerator;
use rate::RateLimiter;

/// How many records there are where nobody says: as many as Flink makes.
const ENDLESS: u64 = i64::MAX as u64;

/// Makes records, without end unless their number is given.
///
/// Several readers get a contiguous part of the numbers each; where there is no end, they take turns.
///
/// ```
/// use sciurus_connectors::DataGeneratorSource;
/// use sciurus_connectors::datagen::fields::{choice, random, sequence};
///
/// let squares = DataGeneratorSource::new(|n| n * n).count(1000);
/// let readings = DataGeneratorSource::of_fields((
///     sequence(1),
///     choice(["kitchen", "cellar"]),
///     random(-10.0..40.0),
/// ))
/// .rows_per_second(50.0);
/// ```
pub struct DataGeneratorSource<T> {
    generate: Arc<dyn Fn(u64) -> T + Send + Sync>,
    count: Option<u64>,
    rows_per_second: Option<f64>,
}

impl<T: Record> DataGeneratorSource<T> {
    /// Makes record number `n`, counted from 0, by `generate`.
    pub fn new(generate: impl Fn(u64) -> T + Send + Sync + 'static) -> Self {
        Self { generate: Arc::new(generate), count: None, rows_per_second: None }
    }

    /// Makes each record of the values that generators make: a tuple of as many.
    pub fn of_fields<G: FieldGenerator<Value = T>>(generators: G) -> Self {
        Self::of_seeded_fields(generators, 0)
    }

    /// Makes each record of the values that generators make. The same `seed` gives the same
    /// records, at any parallelism.
    pub fn of_seeded_fields<G: FieldGenerator<Value = T>>(generators: G, seed: u64) -> Self {
        Self::new(move |number| generators.generate(number, &mut fields::random_of(seed, number)))
    }

    /// Ends after `count` records.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Makes so many records a second at the most, all readers together.
    ///
    /// # Panics
    /// Where the rate isn't above zero.
    #[must_use]
    pub fn rows_per_second(mut self, rate: f64) -> Self {
        assert!(rate > 0.0 && rate.is_finite(), "{rate} rows a second is no rate");
        self.rows_per_second = Some(rate);
        self
    }
}

impl<T> Clone for DataGeneratorSource<T> {
    fn clone(&self) -> Self {
        Self { generate: self.generate.clone(), ..*self }
    }
}

impl<T> fmt::Debug for DataGeneratorSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataGeneratorSource")
            .field("count", &self.count)
            .field("rows_per_second", &self.rows_per_second)
            .finish_non_exhaustive()
    }
}

impl<T: Record> Source for DataGeneratorSource<T> {
    type Item = T;
    type Split = RangeSplit;
    type EnumeratorState = RangeQueueState;

    fn boundedness(&self) -> Boundedness {
        match self.count {
            Some(_) => Boundedness::Bounded,
            None => Boundedness::Unbounded,
        }
    }

    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<RangeQueueState>,
    ) -> Result<Box<dyn SplitEnumerator<RangeSplit, RangeQueueState>>, BoxError> {
        let all = || match self.count {
            Some(count) => RangeSplit::divide(count, parallelism),
            None => RangeSplit::deal(ENDLESS, parallelism),
        };
        Ok(Box::new(SplitShares::restored_or(restored, parallelism, all)))
    }

    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<T, RangeSplit>>, BoxError> {
        let parallelism = f64::from(context.operator.subtask.parallelism);
        Ok(Box::new(GeneratorReader {
            generate: self.generate.clone(),
            limiter: self.rows_per_second.map(|rate| RateLimiter::new(rate / parallelism)),
            clock: context.operator.clock.clone(),
            splits: VecDeque::new(),
        }))
    }
}

struct GeneratorReader<T> {
    generate: Arc<dyn Fn(u64) -> T + Send + Sync>,
    limiter: Option<RateLimiter>,
    clock: Arc<dyn Clock>,
    splits: VecDeque<RangeSplit>,
}

impl<T: Record> SourceReader<T, RangeSplit> for GeneratorReader<T> {
    fn add_splits(&mut self, splits: Vec<RangeSplit>) -> Result<(), BoxError> {
        self.splits.extend(splits);
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError> {
        let Some(split) = self.splits.front_mut() else { return Ok(ReaderStatus::NeedsSplit) };
        let now = self.clock.now();
        let mut left = match &mut self.limiter {
            None => u64::MAX,
            Some(limiter) => limiter.available(now),
        };
        out.select_split(&split.id());
        while split.start < split.end && left > 0 && !out.is_full() {
            out.collect((self.generate)(split.start).view());
            split.start += split.step;
            left -= 1;
            if let Some(limiter) = &mut self.limiter {
                limiter.take();
            }
        }
        if split.start >= split.end {
            out.release_split(&split.id());
            self.splits.pop_front();
            return Ok(ReaderStatus::MoreAvailable);
        }
        // One that has no end would keep the others waiting.
        self.splits.rotate_left(1);
        if left == 0 {
            let millis = self.limiter.as_ref().map_or(0, |limiter| limiter.wait_millis(now));
            return Ok(ReaderStatus::NothingAvailable {
                poll_after: Duration::from_millis(millis),
            });
        }
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<RangeSplit> {
        self.splits.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::fields::{choice, random, random_text, sequence};
    use super::*;
    use crate::testing::read;

    #[test]
    fn records_are_made_by_number_and_divided_among_readers() {
        let read = read(DataGeneratorSource::new(|n| n * n).count(10_000), 3).unwrap();
        assert_eq!(read.all(), (0..10_000).map(|n| n * n).collect::<Vec<u64>>());
        assert!(read.readers.iter().all(|records| records.len() >= 3333));
    }

    #[test]
    fn generated_fields_are_in_range_and_the_same_at_any_parallelism() {
        let fields = || {
            (sequence(5), random(-3..3_i32), random(0.0..1.0), choice(["a", "b"]), random_text(4))
        };
        let one = read(DataGeneratorSource::of_fields(fields()).count(500), 1).unwrap().all();
        let three = read(DataGeneratorSource::of_fields(fields()).count(500), 3).unwrap().all();
        let other = DataGeneratorSource::of_seeded_fields(fields(), 7).count(500);
        assert_eq!(one, three);
        assert_ne!(one, read(other, 1).unwrap().all());
        for (n, (number, small, fraction, name, text)) in one.into_iter().enumerate() {
            assert_eq!(number, 5 + n as i64);
            assert!((-3..3).contains(&small) && (0.0..1.0).contains(&fraction));
            assert!(name == "a" || name == "b");
            assert_eq!(text.len(), 4);
        }
    }

    #[test]
    fn readers_without_an_end_go_on_side_by_side() {
        let splits = RangeSplit::deal(7, 3);
        let numbers =
            splits.iter().map(|split| (split.start..split.end).step_by(split.step as usize));
        let numbers: Vec<Vec<u64>> = numbers.map(Iterator::collect).collect();
        assert_eq!(numbers, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
        let source = DataGeneratorSource::new(|n| n);
        let mut assigned = sciurus_engine::source::SplitAssignments::default();
        source.enumerator(2, None).unwrap().start(&mut assigned).unwrap();
        let starts: Vec<_> = assigned.splits.iter().map(|(reader, s)| (*reader, s.start)).collect();
        assert_eq!(starts, [(0, 0), (1, 1)]);
    }

    #[test]
    fn a_source_without_a_count_has_no_end() {
        let source = DataGeneratorSource::new(|n| n);
        assert_eq!(source.boundedness(), Boundedness::Unbounded);
        assert_eq!(source.count(1).boundedness(), Boundedness::Bounded);
    }
}
