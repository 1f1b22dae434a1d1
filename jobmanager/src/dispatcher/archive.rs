//! Which jobs that have ended can still be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sciurus_core::ids::JobId;
use sciurus_core::time::Timestamp;

/// Jobs by their ids; those that have ended go after a while, or when there are too many.
#[derive(Debug)]
pub(super) struct JobTable<J> {
    jobs: BTreeMap<JobId, J>,
    /// By when they ended.
    ended: BTreeSet<(Timestamp, JobId)>,
    capacity: usize,
    expiration: Duration,
}

impl<J: Clone> JobTable<J> {
    pub(super) fn new(capacity: usize, expiration: Duration) -> Self {
        Self { jobs: BTreeMap::new(), ended: BTreeSet::new(), capacity, expiration }
    }

    /// Adds a job. One that has ended and has the same id gives way.
    pub(super) fn insert(&mut self, id: JobId, job: J) {
        self.ended.retain(|(_, ended)| *ended != id);
        self.jobs.insert(id, job);
    }

    /// Notes that a job has ended.
    pub(super) fn end(&mut self, id: JobId, now: Timestamp) {
        self.ended.insert((now, id));
    }

    /// Forgets the jobs that ended too long ago, and returns them.
    #[must_use]
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<J> {
        let mut expired = Vec::new();
        let expiration = i64::try_from(self.expiration.as_millis()).unwrap_or(i64::MAX);
        while let Some(&(ended, id)) = self.ended.first() {
            if self.ended.len() <= self.capacity && now.saturating_sub(ended) < expiration {
                break;
            }
            self.ended.pop_first();
            expired.extend(self.jobs.remove(&id));
        }
        expired
    }

    pub(super) fn get(&self, id: JobId) -> Option<J> {
        self.jobs.get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<J> {
        self.jobs.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> JobId {
        JobId::from_bytes([number; 16])
    }

    #[test]
    fn the_oldest_that_have_ended_go_and_those_that_run_stay() {
        let mut table = JobTable::new(2, Duration::from_secs(1));
        for number in 1..=5 {
            table.insert(id(number), number);
        }
        for (number, now) in [(3, 100), (1, 200), (2, 300)] {
            table.end(id(number), now);
        }
        assert_eq!(table.expire(300), [3]);
        assert!(table.expire(1199).is_empty());
        assert_eq!(table.all(), [1, 2, 4, 5]);
        assert_eq!(table.expire(1200), [1]);
        assert_eq!(table.all(), [2, 4, 5]);
    }

    #[test]
    fn a_job_that_is_run_again_does_not_go_with_its_earlier_life() {
        let mut table = JobTable::new(10, Duration::from_secs(1));
        table.insert(id(1), "first");
        table.end(id(1), 0);
        table.insert(id(1), "second");
        assert!(table.expire(5000).is_empty());
        assert_eq!(table.get(id(1)), Some("second"));
    }
}
