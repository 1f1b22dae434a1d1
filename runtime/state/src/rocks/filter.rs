//! Leaving out, when files are put in order, what nobody will read again.

use std::ffi::CStr;
use std::sync::{Arc, PoisonError, RwLock};

use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use sciurus_core::clock::Clock;
use sciurus_core::time::Timestamp;

use super::layout::{Pane, RowKey, split_stamp};

/// What is alive. Panes are in it before their first row is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Living {
    /// The panes that were not dropped, in ascending order.
    pub(super) panes: Vec<Pane>,
    /// For each state that expires, how many milliseconds its values live.
    pub(super) time_to_live: Vec<Option<i64>>,
}

/// What is alive, as the backend says and compactions ask.
#[derive(Debug, Clone, Default)]
pub(super) struct Census(Arc<RwLock<Arc<Living>>>);

impl Census {
    pub(super) fn publish(&self, living: Living) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(living);
    }

    fn get(&self) -> Arc<Living> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes the filter of each compaction.
pub(super) struct FilterFactory {
    pub(super) census: Census,
    pub(super) clock: Arc<dyn Clock>,
}

const NAME: &CStr = c"sciurus-living";

impl CompactionFilterFactory for FilterFactory {
    type Filter = Filter;

    fn create(&mut self, _: CompactionFilterContext) -> Filter {
        Filter { living: self.census.get(), now: self.clock.now() }
    }

    fn name(&self) -> &CStr {
        NAME
    }
}

/// Leaves out the rows of dropped panes and the values that have expired.
pub(super) struct Filter {
    living: Arc<Living>,
    now: Timestamp,
}

impl Filter {
    fn is_dead(&self, key: &[u8], value: &[u8]) -> bool {
        let Some(row) = RowKey::read(key) else { return false };
        if self.living.panes.binary_search(&row.pane).is_err() {
            return true;
        }
        let millis = self.living.time_to_live.get(usize::from(row.state)).copied().flatten();
        match (millis, split_stamp(value)) {
            (Some(millis), Some((stamp, _))) => stamp.saturating_add(millis) <= self.now,
            _ => false,
        }
    }
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _: u32, key: &[u8], value: &[u8]) -> CompactionDecision {
        if self.is_dead(key, value) { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        NAME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_panes_and_expired_values_are_dead() {
        let living = Living { panes: vec![1, 4], time_to_live: vec![None, Some(10)] };
        let filter = Filter { living: Arc::new(living), now: 100 };
        let dead = |state, pane, stamp: Timestamp| {
            let mut key = Vec::new();
            RowKey { group: 3, state, pane, key: b"nut" }.write(&mut key);
            filter.is_dead(&key, &[&stamp.to_be_bytes()[..], b"value"].concat())
        };
        assert!(!dead(0, 1, 0) && !dead(0, 4, 0) && dead(0, 2, 0));
        assert!(dead(1, 1, 90) && !dead(1, 1, 91));
        assert!(!filter.is_dead(b"short", b""));
    }
}
