//! What a job does after a while.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId, WorkerId};
use sciurus_job_master::Timer;
use tokio::time::Instant;

/// Something that is due at some time. It may no longer matter by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The job's master wants to hear of it.
    Master(Timer),
    /// Slots that were asked for should be there by now.
    SlotsGranted,
    /// These attempts should have been cancelled by now.
    Cancelled(Vec<ExecutionAttemptId>),
    /// The worker should have started by now.
    WorkerStarted(TaskManagerId, WorkerId),
    /// The workers of these attempts should have taken them by now.
    Taken(Vec<ExecutionAttemptId>),
    /// The coordinator should have heard by now that readers start: which coordinator, and in which
    /// round.
    ReadersStarted(u64, u64),
    /// The coordinator, which one, was asked for splits a while ago: does it still answer?
    CoordinatorProbed(u64),
}

/// Timers, the next one first.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    place: u64,
    due: Due,
}

impl Timers {
    /// Adds one; a time too far to be told is never.
    pub(super) fn add(&mut self, delay: Duration, due: Due) {
        if let Some(at) = Instant::now().checked_add(delay) {
            self.count += 1;
            self.heap.push(Reverse(Entry { at, place: self.count, due }));
        }
    }

    /// Waits until one is due; for ever where there is none.
    pub(super) async fn next(&self) {
        match self.heap.peek() {
            Some(Reverse(next)) => tokio::time::sleep_until(next.at).await,
            None => std::future::pending().await,
        }
    }

    /// Takes one that is due.
    pub(super) fn take_due(&mut self) -> Option<Due> {
        let next = self.heap.peek()?;
        if next.0.at > Instant::now() {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.due)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;
    use sciurus_job_master::TimerId;

    #[tokio::test]
    async fn timers_come_in_order_and_never_is_never() {
        let mut timers = Timers::default();
        let due = |number| Due::Master(Timer::Restart(TimerId(number)));
        timers.add(Duration::MAX, due(9));
        timers.add(Duration::from_millis(5), due(2));
        timers.add(Duration::ZERO, due(1));
        timers.add(Duration::from_secs(3600), due(3));
        timers.next().await;
        assert_eq!(timers.take_due(), Some(due(1)));
        assert_eq!(timers.take_due(), None);
        timers.next().await;
        assert_eq!(timers.take_due(), Some(due(2)));
        assert_eq!(timers.heap.len(), 1);
    }
}
