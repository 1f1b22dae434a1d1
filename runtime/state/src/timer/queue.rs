//! Timers in the order in which they are due.
//!
//! Sorted runs in chunks, and the chunks in a row: like a B-tree of two levels. Registering,
//! deleting and taking the next timer cost a binary search and a short move; the same timer
//! registered twice is met in its place. A snapshot shares the chunks, and taking timers from a
//! shared chunk only counts them off.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use sciurus_core::time::Timestamp;

use super::Timer;
use crate::chunk::Chunk;

/// The most timers in a chunk: moving half of them is as cheap as finding their place.
const CHUNK_TIMERS: usize = 512;

/// A sorted run of timers.
#[derive(Debug)]
struct Run {
    /// The timestamp of the first timer: spares a look into the chunk.
    first: Timestamp,
    /// How many at the front were taken; not 0 in the first run alone.
    taken: usize,
    timers: Chunk<Timer>,
}

impl Run {
    fn new(timers: Vec<Timer>) -> Option<Self> {
        let first = timers.first()?.timestamp;
        Some(Self { first, taken: 0, timers: Chunk::own(timers) })
    }

    fn timers(&self) -> &[Timer] {
        &self.timers.as_slice()[self.taken..]
    }

    /// Returns the timers for writing; the first timestamp must be set behind it.
    fn to_mut(&mut self) -> &mut Vec<Timer> {
        let timers = self.timers.to_mut();
        timers.drain(..std::mem::take(&mut self.taken));
        timers
    }

    fn starts_behind(&self, timer: &Timer) -> bool {
        match self.first.cmp(&timer.timestamp) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => self.timers().first().is_some_and(|first| first > timer),
        }
    }
}

/// Timers in the order in which they are due.
#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    /// None is empty.
    runs: VecDeque<Run>,
    len: usize,
}

impl TimerQueue {
    /// Returns the number of timers.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns when the next timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.runs.front().map(|run| run.first)
    }

    /// Returns the run in which the timer is or would be.
    fn run_of(&self, timer: &Timer) -> usize {
        // Most timers are later than all others.
        if self.runs.back().is_some_and(|run| !run.starts_behind(timer)) {
            return self.runs.len() - 1;
        }
        self.runs.partition_point(|run| !run.starts_behind(timer)).saturating_sub(1)
    }

    /// Adds a timer unless it is there already; returns whether it wasn't.
    pub(crate) fn insert(&mut self, timer: Timer) -> bool {
        let index = self.run_of(&timer);
        let Some(run) = self.runs.get_mut(index) else {
            self.len = 1;
            self.runs.extend(Run::new(vec![timer]));
            return true;
        };
        let Err(place) = run.timers().binary_search(&timer) else { return false };
        self.len += 1;
        let len = run.timers().len();
        if len < CHUNK_TIMERS {
            if place == 0 {
                run.first = timer.timestamp;
            }
            run.to_mut().insert(place, timer);
            return true;
        }
        // Timers that come in order leave full runs behind them, others halves.
        let split = if place == len { len } else { len / 2 };
        let mut tail = run.to_mut().split_off(split);
        if place <= split && place < len {
            run.to_mut().insert(place, timer);
            run.first = run.timers().first().map_or(run.first, |first| first.timestamp);
        } else {
            tail.insert(place - split, timer);
        }
        if let Some(tail) = Run::new(tail) {
            self.runs.insert(index + 1, tail);
        }
        true
    }

    /// Removes a timer; returns whether it was there.
    pub(crate) fn remove(&mut self, timer: &Timer) -> bool {
        let index = self.run_of(timer);
        let Some(run) = self.runs.get_mut(index) else { return false };
        let Ok(place) = run.timers().binary_search(timer) else { return false };
        self.len -= 1;
        let timers = run.to_mut();
        timers.remove(place);
        if let Some(first) = timers.first() {
            run.first = first.timestamp;
            self.merge(index);
        } else {
            self.runs.remove(index);
        }
        true
    }

    /// Joins a run with the next one where both are small, so that deleting timers doesn't leave a
    /// run for each of the rest.
    fn merge(&mut self, index: usize) {
        let len = |run: &Run| run.timers().len();
        let (Some(one), Some(next)) = (self.runs.get(index), self.runs.get(index + 1)) else {
            return;
        };
        if len(one) + len(next) <= CHUNK_TIMERS / 4
            && let Some(mut next) = self.runs.remove(index + 1)
            && let Some(one) = self.runs.get_mut(index)
        {
            one.to_mut().append(next.to_mut());
        }
    }

    /// Takes the first timer if it is due at `time`.
    pub(crate) fn pop_due(&mut self, time: Timestamp) -> Option<Timer> {
        let run = self.runs.front_mut().filter(|run| run.first <= time)?;
        let timer = run.timers().first().cloned()?;
        run.taken += 1;
        self.len -= 1;
        if let Some(first) = run.timers().first() {
            run.first = first.timestamp;
        } else {
            self.runs.pop_front();
        }
        Some(timer)
    }

    /// Adds many timers, in any order.
    pub(crate) fn extend(&mut self, mut timers: Vec<Timer>) {
        if self.len > 0 {
            for timer in timers {
                self.insert(timer);
            }
            return;
        }
        timers.sort_unstable();
        timers.dedup();
        self.len = timers.len();
        while !timers.is_empty() {
            let rest = timers.split_off(timers.len().min(CHUNK_TIMERS));
            self.runs.extend(Run::new(timers));
            timers = rest;
        }
    }

    /// Returns a view of the timers that stays as it is.
    pub(crate) fn snapshot(&mut self) -> TimerQueueSnapshot {
        let runs = self.runs.iter_mut();
        TimerQueueSnapshot { runs: runs.map(|run| (run.timers.share(), run.taken)).collect() }
    }
}

/// An immutable view of a [`TimerQueue`].
#[derive(Debug)]
pub(crate) struct TimerQueueSnapshot {
    runs: Vec<(Arc<Vec<Timer>>, usize)>,
}

impl TimerQueueSnapshot {
    /// Returns the timers in the order in which they are due.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.runs.iter().flat_map(|(timers, taken)| &timers[*taken..])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::namespace::Namespace;

    fn timer(timestamp: Timestamp, key: u16) -> Timer {
        let namespace = Namespace(i64::from(key % 3));
        Timer { timestamp, key: key.to_be_bytes()[..].into(), namespace }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Timestamp, u16),
        Ascending(u16),
        Remove(usize),
        Pop(Timestamp),
        Snapshot,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..500_i64, 0..50_u16).prop_map(|(time, key)| Step::Insert(time, key)),
            2 => (1..800_u16).prop_map(Step::Ascending),
            4 => any::<prop::sample::Index>().prop_map(|index| Step::Remove(index.index(10_000))),
            1 => (0..600_i64).prop_map(Step::Pop),
            1 => Just(Step::Snapshot),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_queue_holds_what_a_sorted_set_does(steps in prop::collection::vec(step(), 1..400)) {
            let mut queue = TimerQueue::default();
            let mut model = BTreeSet::new();
            let mut snapshots = Vec::new();
            for step in steps {
                match step {
                    Step::Insert(time, key) => {
                        prop_assert_eq!(queue.insert(timer(time, key)), model.insert(timer(time, key)));
                    }
                    Step::Ascending(count) => for number in 0..count {
                        let timer = timer(500 + i64::from(number / 3), number);
                        prop_assert_eq!(queue.insert(timer.clone()), model.insert(timer));
                    },
                    Step::Remove(index) => {
                        let victim = model.iter().nth(index % model.len().max(1)).cloned();
                        let victim = victim.unwrap_or_else(|| timer(1, 1));
                        prop_assert_eq!(queue.remove(&victim), model.remove(&victim));
                    }
                    Step::Pop(time) => {
                        while let Some(popped) = queue.pop_due(time) {
                            prop_assert_eq!(Some(popped), model.pop_first());
                        }
                        prop_assert!(model.first().is_none_or(|timer| timer.timestamp > time));
                    }
                    Step::Snapshot => snapshots.push((queue.snapshot(), model.clone())),
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.next(), model.first().map(|timer| timer.timestamp));
            }
            for (snapshot, model) in snapshots {
                prop_assert!(snapshot.iter().eq(model.iter()));
            }
            let mut other = TimerQueue::default();
            other.extend(queue.snapshot().iter().cloned().collect());
            prop_assert!(other.snapshot().iter().eq(model.iter()));
        }
    }
}
