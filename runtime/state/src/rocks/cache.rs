//! How many values stay in memory, and which.

use std::mem::needs_drop;

use super::RocksBackend;
use crate::error::StateError;

/// What a key takes besides its values: its cell, its places in the hash table, and marks.
const KEY_BYTES: u64 = 48;

/// The longest key that its cell holds.
const INLINE_KEY_BYTES: usize = 12;

/// Slots that are looked at for each one to be freed, at the most.
const SWEEPS: usize = 2;

/// What a value of a state takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueSize {
    bytes: usize,
    /// Whether there is more of it elsewhere.
    grows: bool,
}

impl ValueSize {
    pub(super) fn of<T>() -> Self {
        Self { bytes: size_of::<Option<T>>(), grows: needs_drop::<T>() }
    }
}

/// What the values of ordinary state take in memory.
#[derive(Debug, Default)]
pub(super) struct Cache {
    sizes: Vec<ValueSize>,
    /// What each slot takes besides what all slots do.
    charges: Vec<u32>,
    charged: u64,
    /// How many of each state's dirty slots are charged.
    counted: Vec<usize>,
    /// Where the next sweep begins.
    hand: u32,
}

impl Cache {
    pub(super) fn add_state(&mut self, size: ValueSize) {
        self.sizes.push(size);
        self.counted.push(0);
    }

    pub(super) fn grows(&self, state: usize) -> bool {
        self.sizes.get(state).is_some_and(|size| size.grows)
    }

    /// Charges a slot with more bytes.
    fn charge(&mut self, slot: u32, bytes: usize) {
        let index = slot as usize;
        if self.charges.len() <= index {
            self.charges.resize(index + 1, 0);
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let before = self.charges[index];
        self.charges[index] = before.saturating_add(bytes);
        self.charged += u64::from(self.charges[index] - before);
    }

    /// Charges a slot with so many bytes.
    pub(super) fn set_charge(&mut self, slot: u32, bytes: usize) {
        self.discharge(slot);
        self.charge(slot, bytes);
    }

    fn discharge(&mut self, slot: u32) {
        if let Some(charge) = self.charges.get_mut(slot as usize) {
            self.charged -= u64::from(std::mem::take(charge));
        }
    }

    pub(super) fn clear(&mut self) {
        self.charges.clear();
        self.charged = 0;
        self.counted.fill(0);
    }

    /// None of the dirty slots is charged: they are clean now.
    pub(super) fn start_over(&mut self) {
        self.counted.fill(0);
    }

    fn bytes(&self, keys: usize) -> u64 {
        let values: usize = self.sizes.iter().map(|size| size.bytes + 2).sum();
        keys as u64 * (KEY_BYTES + values as u64) + self.charged
    }
}

impl RocksBackend {
    fn cached_bytes(&self) -> u64 {
        self.cache.bytes(self.heap.tables[0].keys.len())
    }

    /// Charges what was written since the last time and isn't of a fixed size.
    pub(super) fn charge_written(&mut self) {
        let table = &mut self.heap.tables[0];
        let Some(marks) = &mut table.marks else { return };
        let mut bytes = Vec::new();
        for (state, marks) in marks.states_mut() {
            let dirty = marks.dirty();
            let counted = std::mem::replace(&mut self.cache.counted[state], dirty.len());
            for slot in dirty.get(counted..).unwrap_or(dirty) {
                bytes.clear();
                if let Some(key) = table.keys.get(*slot) {
                    let length = key.as_slice().len();
                    if length > INLINE_KEY_BYTES {
                        bytes.resize(length, 0);
                    }
                }
                if self.cache.grows(state)
                    && let Some(Some(column)) = table.columns.get(state)
                {
                    column.encode(*slot as usize, &mut bytes);
                }
                if !bytes.is_empty() {
                    self.cache.set_charge(*slot, bytes.len());
                }
            }
        }
    }

    /// Frees memory where there is more in it than this backend may have: what wasn't in use for
    /// long first. No slot may be in use.
    pub(super) fn make_room(&mut self) -> Result<(), StateError> {
        let limit = self.database.shared.row_cache_bytes();
        if self.cached_bytes() <= limit {
            return Ok(());
        }
        self.charge_written();
        // A snapshot may be under way, which has to tell the database first: a little more memory
        // costs less than waiting for it.
        let busy = self.unsettled.as_ref().is_some_and(|unsettled| !unsettled.links.is_done());
        if busy && self.cached_bytes() <= limit + limit / 2 {
            return Ok(());
        }
        self.write_back()?;
        let least = limit - limit / 4;
        let slots = self.heap.tables[0].keys.slots();
        for _ in 0..slots * SWEEPS {
            if self.cached_bytes() <= least {
                break;
            }
            let slot = self.cache.hand;
            self.cache.hand = if slot as usize + 1 < slots { slot + 1 } else { 0 };
            let table = &mut self.heap.tables[0];
            if table.keys.get(slot).is_none() {
                continue;
            }
            let recent = table.marks.as_mut().is_some_and(|marks| marks.take_recent(slot));
            if !recent {
                table.evict(slot);
                self.cache.discharge(slot);
            }
        }
        self.heap.forget_current_slot();
        Ok(())
    }
}
