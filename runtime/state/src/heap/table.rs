//! One namespace: a directory from keys to slots, and a column for every state.

use sciurus_core::time::Timestamp;

use super::directory::Directory;
use super::keys::{KeyCell, KeyStore};
use super::marks::Marks;
use super::rows::{Rows, TableRows};
use super::store::Store;
use crate::error::StateError;
use crate::namespace::Namespace;
use crate::slot::Slot;

/// Rows that are looked for together: enough for the processor to wait for the memory of many at
/// once, few enough to stay in its first-level cache.
const BLOCK_ROWS: usize = 256;

/// No slot: beyond [`Slot::LIMIT`].
const NO_SLOT: u32 = u32::MAX;

/// One namespace of the heap backend.
pub(crate) struct Table {
    pub(crate) namespace: Namespace,
    pub(crate) keys: KeyStore,
    pub(crate) columns: Vec<Option<Box<dyn Store>>>,
    directory: Directory,
    /// Slots whose key is new in this batch or that lost a value: to free where all is empty.
    pub(crate) unsettled: Vec<u32>,
    /// Where the table stands in front of a database.
    pub(crate) marks: Option<Box<Marks>>,
}

impl Table {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self::with_capacity(namespace, 0)
    }

    /// Makes a table that finds room for `keys` keys without growing.
    pub(crate) fn with_capacity(namespace: Namespace, keys: usize) -> Self {
        Self {
            namespace,
            keys: KeyStore::new(),
            columns: Vec::new(),
            directory: Directory::with_capacity(keys),
            unsettled: Vec::new(),
            marks: None,
        }
    }

    /// Makes room for `keys` keys in all.
    pub(crate) fn reserve(&mut self, keys: usize) {
        self.directory.reserve(keys);
    }

    /// Returns the slot of `key`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        let wanted = KeyCell::of(key, 0, key.len());
        self.find_cell(hash, wanted, key)
    }

    #[inline]
    fn find_cell(&self, hash: u64, wanted: KeyCell, key: &[u8]) -> Option<Slot> {
        self.directory.find(hash, |slot| self.keys.is_key(slot, wanted, key)).map(Slot)
    }

    /// Returns the slot of `key`, a new one where it has none.
    pub(crate) fn find_or_insert(&mut self, hash: u64, key: &[u8]) -> Result<Slot, StateError> {
        self.find_or_insert_cell(hash, KeyCell::of(key, 0, key.len()), key)
    }

    fn find_or_insert_cell(
        &mut self,
        hash: u64,
        wanted: KeyCell,
        key: &[u8],
    ) -> Result<Slot, StateError> {
        if let Some(slot) = self.find_cell(hash, wanted, key) {
            return Ok(slot);
        }
        let slot = self.keys.insert(wanted, key).ok_or(StateError::Limit {
            what: "the number of keys of one subtask and namespace",
            limit: u64::from(Slot::LIMIT),
        })?;
        self.directory.insert(hash, slot.0);
        self.unsettled.push(slot.0);
        Ok(slot)
    }

    /// Appends the slot of every row's key to `out`, new ones where there is none.
    pub(crate) fn resolve(
        &mut self,
        rows: &impl Rows,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError> {
        let mut block = Block::new();
        out.reserve(rows.len());
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let len = BLOCK_ROWS.min(rows.len() - start);
            let misses = block.locate(self, rows, start, len);
            let base = out.len();
            out.extend(block.slots[..len].iter().map(|slot| Slot(*slot)));
            // New keys, and the few whose hash is another's: one after the other, in row order.
            for miss in &block.misses[..misses] {
                let row = start + usize::from(*miss);
                out[base + usize::from(*miss)] = self.find_or_insert_cell(
                    rows.hash(row),
                    rows.cell(row),
                    rows.key(row).as_slice(),
                )?;
            }
        }
        Ok(())
    }

    /// Appends the slot of every row's key to `out`, `None` where there is none.
    pub(crate) fn lookup(&self, rows: &impl Rows, out: &mut Vec<Option<Slot>>) {
        let mut block = Block::new();
        out.reserve(rows.len());
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let len = BLOCK_ROWS.min(rows.len() - start);
            let misses = block.locate(self, rows, start, len);
            let base = out.len();
            out.extend(block.slots[..len].iter().map(|slot| Some(Slot(*slot))));
            for miss in &block.misses[..misses] {
                let row = start + usize::from(*miss);
                out[base + usize::from(*miss)] =
                    self.find_cell(rows.hash(row), rows.cell(row), rows.key(row).as_slice());
            }
        }
    }

    /// Appends the slots of every key of `from`: there, and here; in the order of the former.
    pub(crate) fn resolve_entries(
        &mut self,
        from: &Table,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError> {
        let rows = TableRows::new(&from.keys);
        let mut here = Vec::new();
        self.resolve(&rows, &mut here)?;
        out.extend(here.into_iter().enumerate().map(|(row, slot)| (Slot(rows.slot(row)), slot)));
        Ok(())
    }

    /// Frees the slots whose key was new or lost a value, where all states are empty.
    pub(crate) fn settle(&mut self) {
        while let Some(slot) = self.unsettled.pop() {
            self.remove_if_vacant(slot);
        }
    }

    /// Removes what has expired of the states that expire, then the key if nothing is left.
    pub(crate) fn expire(&mut self, slot: u32, now: Timestamp) {
        for store in self.columns.iter_mut().flatten() {
            store.expire(slot as usize, now);
        }
        self.remove_if_vacant(slot);
    }

    fn remove_if_vacant(&mut self, slot: u32) {
        if self.marks.as_ref().is_some_and(|marks| marks.is_held(slot)) {
            return;
        }
        if self.columns.iter().flatten().all(|store| store.is_vacant(slot as usize)) {
            self.remove(slot);
        }
    }

    /// Frees `slot` whatever it holds.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn evict(&mut self, slot: u32) {
        for store in self.columns.iter_mut().flatten() {
            store.clear(slot as usize);
        }
        self.remove(slot);
    }

    /// Returns whether anything is stored for `slot`.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn is_occupied(&self, slot: u32) -> bool {
        self.columns.iter().flatten().any(|store| !store.is_vacant(slot as usize))
    }

    /// Frees `slot` if it holds a key.
    fn remove(&mut self, slot: u32) {
        if let Some(marks) = &mut self.marks {
            marks.forget(slot);
        }
        if let Some(key) = self.keys.get(slot) {
            self.directory.remove(key.hash(), slot);
            self.keys.remove(slot);
        }
    }
}

/// What a block of rows is looked for with.
struct Block {
    slots: [u32; BLOCK_ROWS],
    misses: [u16; BLOCK_ROWS],
}

impl Block {
    fn new() -> Self {
        Self { slots: [NO_SLOT; BLOCK_ROWS], misses: [0; BLOCK_ROWS] }
    }

    /// Looks for `len` rows from `start` on: fills `slots`, and `misses` with the rows whose slot
    /// is not known, and returns how many these are.
    ///
    /// Every stage is a loop whose turns don't depend on one another, so that the processor has the
    /// memory accesses of many rows in flight instead of waiting for each.
    #[inline]
    fn locate(&mut self, table: &Table, rows: &impl Rows, start: usize, len: usize) -> usize {
        let mut displaced = 0;
        for row in 0..len {
            let hash = rows.hash(start + row);
            let entry = table.directory.home_entry(hash);
            self.slots[row] = entry.slot();
            self.misses[displaced] = row as u16;
            displaced += usize::from(!entry.matches(hash));
        }
        for row in &self.misses[..displaced] {
            let row = usize::from(*row);
            self.slots[row] = table.directory.first_match(rows.hash(start + row)).slot();
        }
        let mut misses = 0;
        for row in 0..len {
            let wanted = rows.cell(start + row);
            let hit = if wanted.is_long() {
                table.keys.is_key(self.slots[row], wanted, rows.key(start + row).as_slice())
            } else {
                table.keys.is_key(self.slots[row], wanted, &[])
            };
            self.misses[misses] = row as u16;
            misses += usize::from(!hit);
        }
        misses
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use sciurus_core::key::{KeyBytes, hash_key};

    use super::super::rows::{WithRows, with_rows};
    use super::*;

    struct Resolve<'a>(&'a mut Table, &'a mut Vec<Slot>);

    impl WithRows for Resolve<'_> {
        type Output = ();
        fn run(self, rows: &impl Rows) {
            self.0.resolve(rows, self.1).unwrap();
        }
    }

    struct Lookup<'a>(&'a Table, &'a mut Vec<Option<Slot>>);

    impl WithRows for Lookup<'_> {
        type Output = ();
        fn run(self, rows: &impl Rows) {
            self.0.lookup(rows, self.1);
        }
    }

    fn variable(keys: &[Vec<u8>]) -> KeyBytes {
        let mut offsets = vec![0_i32];
        let mut data = Vec::new();
        for key in keys {
            data.extend_from_slice(key);
            offsets.push(data.len() as i32);
        }
        KeyBytes::variable(offsets.into(), data.into())
    }

    #[test]
    fn equal_keys_share_a_slot_and_others_never_do() {
        let keys: Vec<Vec<u8>> = (0..5000_u32)
            .map(|row| {
                let number = row.wrapping_mul(2_654_435_761) >> 21;
                "key"
                    .repeat(number as usize % 8)
                    .into_bytes()
                    .into_iter()
                    .chain(number.to_string().into_bytes())
                    .collect()
            })
            .collect();
        let bytes = variable(&keys);
        let hashes = bytes.hashes();
        let mut table = Table::new(Namespace::VOID);
        let mut model: HashMap<Vec<u8>, Slot> = HashMap::new();
        let odd: Vec<u32> = (0..5000).filter(|row| row % 2 == 1).collect();
        for selection in [Some(&odd[..]), None] {
            let mut slots = Vec::new();
            with_rows(&bytes, &hashes, selection, Resolve(&mut table, &mut slots));
            let rows: Vec<usize> = match selection {
                Some(rows) => rows.iter().map(|row| *row as usize).collect(),
                None => (0..5000).collect(),
            };
            assert_eq!(slots.len(), rows.len());
            for (row, slot) in rows.into_iter().zip(slots) {
                let next = Slot(model.len() as u32);
                assert_eq!(*model.entry(keys[row].clone()).or_insert(next), slot);
            }
        }
        for (key, slot) in &model {
            assert_eq!(table.find(hash_key(key), key), Some(*slot));
        }
        assert_eq!(table.keys.len(), model.len());
        let asked = variable(&[keys[7].clone(), b"nobody's".to_vec()]);
        let mut found = Vec::new();
        with_rows(&asked, &asked.hashes(), None, Lookup(&table, &mut found));
        assert_eq!(found, [Some(model[&keys[7]]), None]);
    }

    #[test]
    fn keys_of_equal_hash_are_told_apart() {
        let long = |end: &str| format!("the same beginning, {end}").into_bytes();
        let keys = [long("one"), long("two"), b"a".to_vec(), b"b".to_vec(), long("one")];
        let mut table = Table::new(Namespace::VOID);
        let mut slots = Vec::new();
        for _ in 0..2 {
            slots.clear();
            with_rows(&variable(&keys), &[7; 5], None, Resolve(&mut table, &mut slots));
            assert_eq!(slots, [Slot(0), Slot(1), Slot(2), Slot(3), Slot(0)]);
        }
    }

    #[test]
    fn keys_without_any_value_are_gone_after_settling() {
        let mut table = Table::new(Namespace::VOID);
        let bytes = KeyBytes::fixed(8, (0..100_u64).collect::<Vec<_>>().into());
        let hashes = bytes.hashes();
        let mut slots = Vec::new();
        with_rows(&bytes, &hashes, None, Resolve(&mut table, &mut slots));
        assert_eq!(table.keys.len(), 100);
        table.settle();
        assert_eq!(table.keys.len(), 0);
        assert_eq!(table.find(hashes[5], bytes.get(5)), None);
    }
}
