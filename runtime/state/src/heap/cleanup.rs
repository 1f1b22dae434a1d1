//! Cleaning up behind keys that never come back: a few entries at a time, round and round.

use super::HeapBackend;
use crate::namespace::Namespace;
use crate::ttl::StateTtlConfig;

/// The most entries looked at after one batch.
const BATCH_ENTRIES: usize = 512;

/// How far the clean-up has come.
#[derive(Debug)]
pub(super) struct Cleanup {
    /// Entries to look at for each access; 0 where no state expires.
    entries: u32,
    namespace: Namespace,
    slot: u32,
}

impl Default for Cleanup {
    fn default() -> Self {
        Self { entries: 0, namespace: Namespace::VOID, slot: 0 }
    }
}

impl Cleanup {
    /// Takes a state's time to live into account.
    pub(super) fn add(&mut self, ttl: Option<&StateTtlConfig>) {
        self.entries = self.entries.max(ttl.map_or(0, StateTtlConfig::cleanup_entries));
    }
}

impl HeapBackend {
    /// Looks at some entries for each of `accesses` and removes what has expired. No slot may be in
    /// use.
    #[inline]
    pub(super) fn clean_up(&mut self, accesses: usize) {
        if self.cleanup.entries > 0 && accesses > 0 {
            let entries = accesses.saturating_mul(self.cleanup.entries as usize);
            self.clean_up_entries(entries.min(BATCH_ENTRIES));
        }
    }

    fn clean_up_entries(&mut self, entries: usize) {
        let now = self.clock.now();
        let mut left = entries;
        let mut index = match self.position(self.cleanup.namespace) {
            Ok(index) => index,
            // It was dropped: on with the one behind it.
            Err(index) => {
                self.cleanup.slot = 0;
                index
            }
        };
        // Each table once at most, and the first one's beginning.
        for _ in 0..=self.tables.len() {
            let Some(table) = self.tables.get_mut(index) else {
                (index, self.cleanup.slot) = (0, 0);
                continue;
            };
            let end = table.keys.slots().min(self.cleanup.slot as usize + left) as u32;
            for slot in self.cleanup.slot..end {
                table.expire(slot, now);
            }
            self.unsettled |= table.keys.len() == 0 && table.namespace != Namespace::VOID;
            left -= end.saturating_sub(self.cleanup.slot) as usize;
            self.cleanup.namespace = table.namespace;
            self.cleanup.slot = end;
            if left == 0 {
                break;
            }
            (index, self.cleanup.slot) = (index + 1, 0);
        }
        self.current.slot = None;
    }
}
