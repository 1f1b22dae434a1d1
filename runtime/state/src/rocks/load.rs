//! Reading what is in use from the database.

use sciurus_core::key::{KeyGroup, hash_key, key_group};

use super::layout::{RowKey, rows_of};
use super::{RocksBackend, decode, unstamped};
use crate::descriptor::{StateDescriptor, StateId};
use crate::error::StateError;
use crate::heap::store::TypedStore;
use crate::namespace::Namespace;
use crate::slot::Slot;

/// The index of the table of ordinary state.
const ORDINARY: usize = 0;

impl RocksBackend {
    fn group(&self, hash: u64) -> KeyGroup {
        key_group(hash, self.max_parallelism)
    }

    /// Returns whether there may be ordinary state in the database.
    pub(super) fn has_rows(&self) -> bool {
        self.panes.contains_key(&Namespace::VOID)
    }

    /// Notes that slots of ordinary state are in use until the end of the batch.
    pub(super) fn use_slots(&mut self, slots: impl Iterator<Item = u32>) {
        let Some(marks) = &mut self.heap.tables[ORDINARY].marks else { return };
        let start = self.batch.len();
        self.batch.extend(slots);
        for slot in &self.batch[start..] {
            marks.touch(*slot);
        }
    }

    /// Reads what the slots of this batch have of a state, as far as it isn't in memory.
    pub(super) fn load_batch<S: TypedStore>(&mut self, id: StateId) -> Result<(), StateError> {
        let Some(pane) = self.panes.get(&Namespace::VOID).copied() else { return Ok(()) };
        let Some(number) = self.numbers.get(id.index()).copied() else { return Ok(()) };
        let table = &mut self.heap.tables[ORDINARY];
        let Some(marks) = &mut table.marks else { return Ok(()) };
        let marks = marks.state(id.index());
        let mut missing = Vec::new();
        for slot in &self.batch {
            if !marks.is_known(*slot) {
                marks.set_known(*slot);
                missing.push(*slot);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut keys = Vec::with_capacity(missing.len());
        for slot in &missing {
            let Some(key) = table.keys.get(*slot) else { continue };
            let group = key_group(key.hash(), self.max_parallelism);
            let row = RowKey { group, state: number, pane, key: key.as_slice() };
            let mut bytes = Vec::with_capacity(8 + key.as_slice().len());
            row.write(&mut bytes);
            keys.push((bytes, *slot));
        }
        keys.sort_unstable();
        let database = self.database.clone();
        let found = database.get_many(keys.iter().map(|(key, _)| &key[..]))?;
        for ((key, slot), value) in keys.iter().zip(found) {
            if let Some(value) = value? {
                self.put_loaded::<S>(id, *slot, key.len(), &value)?;
            }
        }
        Ok(())
    }

    /// Puts a row that was read into its slot.
    fn put_loaded<S: TypedStore>(
        &mut self,
        id: StateId,
        slot: u32,
        key_bytes: usize,
        row: &[u8],
    ) -> Result<(), StateError> {
        let info = &self.states[usize::from(self.numbers[id.index()])];
        let stamped = info.header.stamped;
        let value = if stamped { unstamped(&self.database, row)? } else { row };
        let descriptor = self.descriptor(id);
        let room = self.heap.tables[ORDINARY].keys.slots();
        let (store, _) = self.heap.store::<S>(ORDINARY, id)?;
        store.grow(room);
        decode(store, slot as usize, stamped, value, &descriptor)?;
        if self.cache.grows(id.index()) {
            self.cache.set_charge(slot, key_bytes + value.len());
        }
        Ok(())
    }

    fn descriptor(&self, id: StateId) -> StateDescriptor {
        self.heap.descriptor(id)
    }

    /// Makes the current key's slot hold what it has of a state.
    pub(super) fn load_current<S: TypedStore>(&mut self, id: StateId) -> Result<u32, StateError> {
        if !self.heap.is_in_batch() {
            self.settle_if_done()?;
            self.make_room()?;
        }
        let (table, slot) = self.heap.current_or_insert(id)?;
        if table != ORDINARY {
            return Ok(slot.0);
        }
        self.load_slot::<S>(id, slot)?;
        Ok(slot.0)
    }

    fn load_slot<S: TypedStore>(&mut self, id: StateId, slot: Slot) -> Result<(), StateError> {
        let pane = self.panes.get(&Namespace::VOID).copied();
        let table = &mut self.heap.tables[ORDINARY];
        let Some(marks) = &mut table.marks else { return Ok(()) };
        marks.touch(slot.0);
        let marks = marks.state(id.index());
        if marks.is_known(slot.0) {
            return Ok(());
        }
        marks.set_known(slot.0);
        let (Some(pane), Some(key)) = (pane, table.keys.get(slot.0)) else { return Ok(()) };
        let group = key_group(key.hash(), self.max_parallelism);
        let state = self.numbers[id.index()];
        let mut bytes = Vec::new();
        RowKey { group, state, pane, key: key.as_slice() }.write(&mut bytes);
        let database = self.database.clone();
        if let Some(value) = database.get(&bytes)? {
            self.put_loaded::<S>(id, slot.0, bytes.len(), &value)?;
        }
        Ok(())
    }

    /// Returns whether ordinary state has a row of a key that isn't in memory.
    pub(super) fn is_stored(&self, hash: u64, key: &[u8]) -> Result<bool, StateError> {
        let Some(pane) = self.panes.get(&Namespace::VOID).copied() else { return Ok(false) };
        let group = self.group(hash);
        for state in 0..self.states.len() as u16 {
            let mut bytes = Vec::new();
            RowKey { group, state, pane, key }.write(&mut bytes);
            if self.database.get(&bytes)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Calls `visit` with every row of a registered state of ordinary keys that is not overruled by
    /// what is in memory, key group by key group. `false` ends it.
    pub(super) fn for_each_stored(
        &self,
        state: usize,
        mut visit: impl FnMut(&[u8], u64, Option<Slot>, &[u8]) -> Result<bool, StateError>,
    ) -> Result<(), StateError> {
        let Some(pane) = self.panes.get(&Namespace::VOID).copied() else { return Ok(()) };
        let table = &self.heap.tables[ORDINARY];
        for group in self.range.groups().into_iter().flatten() {
            let mut rows = self.database.rows(rows_of(group, self.numbers[state], pane));
            while let Some((row, value)) = rows.next()? {
                let hash = hash_key(row.key);
                let slot = table.find(hash, row.key);
                let known = slot.is_some_and(|slot| {
                    table.marks.as_ref().is_some_and(|marks| marks.is_known(state, slot.0))
                });
                if !known && !visit(row.key, hash, slot, value)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Brings the keys of all ordinary state into memory, and notes that they are in use.
    pub(super) fn load_keys(&mut self) -> Result<(), StateError> {
        let mut keys = Vec::new();
        for state in 0..self.numbers.len() {
            self.for_each_stored(state, |key, _, slot, _| {
                if slot.is_none() {
                    keys.push(key.to_vec());
                }
                Ok(true)
            })?;
        }
        let table = &mut self.heap.tables[ORDINARY];
        for key in keys {
            table.find_or_insert(hash_key(&key), &key)?;
        }
        let mut slots = Vec::with_capacity(table.keys.len());
        table.keys.for_each(|slot, _| slots.push(slot));
        self.use_slots(slots.into_iter());
        Ok(())
    }
}
