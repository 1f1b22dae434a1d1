//! The hash table from keys to slots.
//!
//! Open addressing with linear probing. An entry holds 32 bits of the key's hash and the slot:
//! enough to grow without touching a key, and to tell keys apart nearly always without looking at
//! them. Removal shifts the entries behind back, so that there are no tombstones.

/// The bits of an empty entry. Zeros: a large table's pages cost nothing before they are used.
const EMPTY: u64 = 0;

/// The entries of the smallest table.
const MIN_ENTRIES: usize = 16;

/// A hash's 32 bits and a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry(u64);

impl Entry {
    #[inline]
    fn new(hash: u64, slot: u32) -> Self {
        Self(((hash & 0xffff_ffff) << 32) | (u64::from(slot) + 1))
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == EMPTY
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        (self.0 as u32).wrapping_sub(1)
    }

    /// Returns whether the entry may be that of a key with this hash.
    #[inline]
    pub(crate) fn matches(self, hash: u64) -> bool {
        // An empty entry matches one hash in 2^32; its slot is beyond any table's.
        (self.0 >> 32) as u32 == hash as u32
    }

    #[inline]
    fn home(self, mask: usize) -> usize {
        (self.0 >> 32) as usize & mask
    }
}

/// A map from hashes to the slots of keys that may have them.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Vec<u64>,
    len: usize,
}

impl Directory {
    /// Makes a table with room for `len` entries.
    pub(crate) fn with_capacity(len: usize) -> Self {
        Self { entries: vec![EMPTY; entries_for(len)], len: 0 }
    }

    /// Makes room for `len` entries in all.
    pub(crate) fn reserve(&mut self, len: usize) {
        let entries = entries_for(len);
        if entries > self.entries.len() {
            self.resize(entries);
        }
    }

    /// Returns the first entry that a key with this hash may have.
    #[inline]
    pub(crate) fn home_entry(&self, hash: u64) -> Entry {
        let mask = self.entries.len() - 1;
        Entry(self.entries[hash as usize & mask])
    }

    /// Returns the first entry that matches the hash, or the empty one where the search ended.
    #[inline]
    pub(crate) fn first_match(&self, hash: u64) -> Entry {
        let mask = self.entries.len() - 1;
        let mut position = hash as usize & mask;
        loop {
            let entry = Entry(self.entries[position]);
            if entry.matches(hash) || entry.is_empty() {
                return entry;
            }
            position = (position + 1) & mask;
        }
    }

    /// Returns the slot of the first match that `is_key` accepts.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_key: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut position = hash as usize & mask;
        loop {
            let entry = Entry(self.entries[position]);
            if entry.is_empty() {
                return None;
            }
            if entry.matches(hash) && is_key(entry.slot()) {
                return Some(entry.slot());
            }
            position = (position + 1) & mask;
        }
    }

    /// Adds an entry; the key must not have one.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        // Three quarters full at the most: probes stay short, also of keys that aren't there.
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow();
        }
        place(&mut self.entries, Entry::new(hash, slot));
        self.len += 1;
    }

    /// Removes the entry of `slot`, whose key has this hash.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let mask = self.entries.len() - 1;
        let mut hole = hash as usize & mask;
        while self.entries[hole] != Entry::new(hash, slot).0 {
            if Entry(self.entries[hole]).is_empty() {
                debug_assert!(false, "slot {slot} has no entry");
                return;
            }
            hole = (hole + 1) & mask;
        }
        self.len -= 1;
        let mut next = (hole + 1) & mask;
        loop {
            let entry = Entry(self.entries[next]);
            if entry.is_empty() {
                break;
            }
            // An entry moves into the hole unless that would put it before its home.
            let distance = next.wrapping_sub(entry.home(mask)) & mask;
            if distance >= (next.wrapping_sub(hole) & mask) {
                self.entries[hole] = entry.0;
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.entries[hole] = EMPTY;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.resize(self.entries.len() * 2);
    }

    fn resize(&mut self, entries: usize) {
        let mut entries = vec![EMPTY; entries];
        for entry in self.entries.iter().filter(|entry| **entry != EMPTY) {
            place(&mut entries, Entry(*entry));
        }
        self.entries = entries;
    }
}

/// Returns how large a table is that has room for `len` entries.
fn entries_for(len: usize) -> usize {
    (len + len / 2).next_power_of_two().max(MIN_ENTRIES)
}

#[inline]
fn place(entries: &mut [u64], entry: Entry) {
    let mask = entries.len() - 1;
    let mut position = entry.home(mask);
    while entries[position] != EMPTY {
        position = (position + 1) & mask;
    }
    entries[position] = entry.0;
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn entries_survive_growth_and_the_removal_of_others() {
        let mut directory = Directory::with_capacity(0);
        let mut model: HashMap<u32, u64> = HashMap::new();
        let mut random = 1_u64;
        for slot in 0..20_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            // Few distinct hashes, so that there are long runs of collisions, wrapping round too.
            let hash = (random >> 40) | 0xffff_f000;
            directory.insert(hash, slot);
            model.insert(slot, hash);
            if slot % 3 == 2 {
                let victim = (random >> 33) as u32 % (slot + 1);
                if let Some(hash) = model.remove(&victim) {
                    directory.remove(hash, victim);
                }
            }
        }
        assert_eq!(directory.len, model.len());
        for (slot, hash) in &model {
            assert_eq!(directory.find(*hash, |found| found == *slot), Some(*slot));
        }
        for (slot, hash) in &model {
            directory.remove(*hash, *slot);
        }
        assert!(directory.entries.iter().all(|entry| *entry == EMPTY));
    }
}
