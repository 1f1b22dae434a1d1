//! Counters that a job's result carries.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

/// The accumulators of one attempt of a subtask; those of a job are their sum.
#[derive(Debug, Clone, Default)]
pub struct Accumulators(Arc<Mutex<Sums>>);

#[derive(Debug, Default)]
struct Sums {
    added: BTreeMap<String, i64>,
    counters: Vec<(String, Arc<AtomicI64>)>,
}

impl Accumulators {
    /// Adds `value` to the accumulator `name`.
    pub fn add(&self, name: &str, value: i64) {
        let added = &mut self.0.lock().added;
        match added.get_mut(name) {
            Some(sum) => *sum += value,
            None => {
                added.insert(name.to_owned(), value);
            }
        }
    }

    /// Adds what `counter` counts, now and later, to the accumulator `name`.
    pub fn register(&self, name: &str, counter: &LongCounter) {
        self.0.lock().counters.push((name.to_owned(), counter.value.clone()));
    }

    /// Returns all accumulators by name.
    pub fn snapshot(&self) -> BTreeMap<String, i64> {
        let sums = self.0.lock();
        let mut all = sums.added.clone();
        for (name, value) in &sums.counters {
            *all.entry(name.clone()).or_default() += value.load(Ordering::Relaxed);
        }
        all
    }
}

/// A counter of one subtask, kept in a user function; Flink's `LongCounter`.
///
/// It counts for the job's result once it is added to the accumulators, in `open`. Counting takes
/// neither a lock nor an atomic operation: only the task's thread writes. A clone starts at zero
/// and belongs to nothing.
#[derive(Debug, Default)]
pub struct LongCounter {
    value: Arc<AtomicI64>,
}

impl LongCounter {
    /// Makes a counter that stands at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&mut self, n: i64) {
        // `&mut self` and `Clone` see to it that there is only one writer.
        self.value.store(self.local_value() + n, Ordering::Relaxed);
    }

    /// Returns what this subtask counted.
    #[inline]
    pub fn local_value(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl Clone for LongCounter {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_one_name_are_summed_and_clones_count_for_nobody() {
        let accumulators = Accumulators::default();
        let mut first = LongCounter::new();
        let mut second = LongCounter::new();
        accumulators.register("lines", &first);
        accumulators.register("lines", &second);
        first.add(2);
        second.add(3);
        first.clone().add(100);
        accumulators.add("words", 7);
        let expected = [("lines".to_owned(), 5), ("words".to_owned(), 7)];
        assert_eq!(accumulators.snapshot(), BTreeMap::from(expected));
    }
}
