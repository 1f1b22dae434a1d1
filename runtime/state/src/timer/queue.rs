//! Timers in the order in which they are due.
//!
//! Short sorted runs in a tree: registering and deleting cost a search and a short move, the same
//! timer registered twice is met in its place, and the run that is due first stands apart, so that
//! taking the next timer searches nothing. A snapshot shares the runs, and taking timers from a
//! shared run only counts them off.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use sciurus_core::time::Timestamp;

use super::Timer;
use crate::chunk::Chunk;

/// The most timers in a run: moving half of them costs less than the search for their place.
const RUN_TIMERS: usize = 64;

/// A sorted run of timers.
#[derive(Debug)]
struct Run {
    /// How many at the front were taken; not 0 in the first run alone.
    taken: usize,
    timers: Chunk<Timer>,
}

impl Run {
    fn new(timers: Vec<Timer>) -> Self {
        Self { taken: 0, timers: Chunk::own(timers) }
    }

    fn timers(&self) -> &[Timer] {
        &self.timers.as_slice()[self.taken..]
    }

    fn to_mut(&mut self) -> &mut Vec<Timer> {
        let timers = self.timers.to_mut();
        timers.drain(..std::mem::take(&mut self.taken));
        timers
    }

    /// Adds a timer. Returns whether it wasn't there, and the upper part of a run that is full.
    fn insert(&mut self, timer: Timer) -> (bool, Option<Run>) {
        let Err(place) = self.timers().binary_search(&timer) else { return (false, None) };
        let len = self.timers().len();
        let timers = self.to_mut();
        if len < RUN_TIMERS {
            timers.insert(place, timer);
            return (true, None);
        }
        // Timers that come in order leave full runs behind them, others halves.
        let split = if place == len { len } else { len / 2 };
        let mut upper = Vec::with_capacity(RUN_TIMERS);
        upper.extend(timers.drain(split..));
        if place < split {
            timers.insert(place, timer);
        } else {
            upper.insert(place - split, timer);
        }
        (true, Some(Self::new(upper)))
    }

    /// Removes a timer; returns whether it was there.
    fn remove(&mut self, timer: &Timer) -> bool {
        let found = self.timers().binary_search(timer);
        if let Ok(place) = found {
            self.to_mut().remove(place);
        }
        found.is_ok()
    }
}

/// Timers in the order in which they are due.
#[derive(Debug)]
pub(crate) struct TimerQueue {
    /// Those that are due first; empty only if there are none at all.
    first: Run,
    /// The others, by a timer that is behind all of the run before and not behind any of the run.
    rest: BTreeMap<Timer, Run>,
    len: usize,
}

impl Default for TimerQueue {
    fn default() -> Self {
        Self { first: Run::new(Vec::new()), rest: BTreeMap::new(), len: 0 }
    }
}

impl TimerQueue {
    /// Returns the number of timers.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns when the next timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.first.timers().first().map(|timer| timer.timestamp)
    }

    /// Adds a timer unless it is there already; returns whether it wasn't.
    pub(crate) fn insert(&mut self, timer: Timer) -> bool {
        let run = self.rest.range_mut(..=&timer).next_back().map(|(_, run)| run);
        let (new, upper) = run.unwrap_or(&mut self.first).insert(timer);
        self.len += usize::from(new);
        if let Some(upper) = upper
            && let Some(lowest) = upper.timers().first()
        {
            self.rest.insert(lowest.clone(), upper);
        }
        new
    }

    /// Removes a timer; returns whether it was there.
    pub(crate) fn remove(&mut self, timer: &Timer) -> bool {
        let Some((lowest, run)) = self.rest.range_mut(..=timer).next_back() else {
            let removed = self.first.remove(timer);
            self.len -= usize::from(removed);
            self.refill();
            return removed;
        };
        if !run.remove(timer) {
            return false;
        }
        self.len -= 1;
        let len = run.timers().len();
        if len < RUN_TIMERS / 8 {
            let lowest = lowest.clone();
            self.shrink(&lowest, len);
        }
        true
    }

    /// Drops a run that is empty, and joins one that is small with the next where that is small,
    /// so that deleting timers doesn't leave a run for each of the others.
    fn shrink(&mut self, lowest: &Timer, len: usize) {
        if len == 0 {
            self.rest.remove(lowest);
            return;
        }
        let behind = (Bound::Excluded(lowest), Bound::Unbounded);
        let next = self.rest.range(behind).next();
        let small = next.filter(|(_, next)| next.timers().len() < RUN_TIMERS / 4);
        if let Some(next) = small.map(|(lowest, _)| lowest.clone())
            && let Some(mut next) = self.rest.remove(&next)
            && let Some(run) = self.rest.get_mut(lowest)
        {
            run.to_mut().append(next.to_mut());
        }
    }

    /// Puts the next run first once that is empty.
    fn refill(&mut self) {
        if self.first.timers().is_empty()
            && let Some((_, next)) = self.rest.pop_first()
        {
            self.first = next;
        }
    }

    /// Takes the first timer if it is due at `time`.
    pub(crate) fn pop_due(&mut self, time: Timestamp) -> Option<Timer> {
        let timer = self.first.timers().first().filter(|timer| timer.timestamp <= time)?.clone();
        self.first.taken += 1;
        self.len -= 1;
        self.refill();
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
        let mut runs = timers.chunks(RUN_TIMERS);
        self.first = Run::new(runs.next().unwrap_or_default().to_vec());
        self.rest = runs.map(|run| (run[0].clone(), Run::new(run.to_vec()))).collect();
    }

    /// Returns a view of the timers that stays as it is.
    pub(crate) fn snapshot(&mut self) -> TimerQueueSnapshot {
        let runs = std::iter::once(&mut self.first).chain(self.rest.values_mut());
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
