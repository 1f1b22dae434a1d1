//! The contract of a backend, fulfilled by what is in memory once it was read.

use std::collections::HashSet;
use std::io::{Read, Seek};
use std::sync::Arc;

use sciurus_core::key::KeyBytes;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

use super::cache::ValueSize;
use super::{RocksBackend, decode, unstamped};
use crate::backend::KeyedStateBackend;
use crate::column::ValueColumn;
use crate::descriptor::{StateDescriptor, StateId, StateKind};
use crate::error::StateError;
use crate::heap::store::{ListStore, MapStore, TypedStore, ValueStore};
use crate::keyed::KeyedSnapshot;
use crate::namespace::Namespace;
use crate::slot::Slot;
use crate::snapshot::{SnapshotError, SnapshotReader};
use crate::timer::{TimeDomain, Timer};
use crate::ttl::{StateTtlConfig, Ttl};

impl RocksBackend {
    /// Reads the current key's state in memory, where it was brought. Reading may renew it or find
    /// that it has expired.
    fn read<S: TypedStore, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(&mut Self) -> Result<R, StateError>,
    ) -> Result<R, StateError> {
        let slot = self.load_current::<S>(id)?;
        let before = self.is_vacant(id, slot);
        let result = read(self)?;
        let renewed = self
            .numbers
            .get(id.index())
            .is_some_and(|number| self.states[usize::from(*number)].renewed_by_reading);
        if !before && (renewed || self.is_vacant(id, slot)) {
            self.set_dirty(id, slot);
        }
        Ok(result)
    }

    /// Writes the current key's state in memory, where it was brought.
    fn write<S: TypedStore, R>(
        &mut self,
        id: StateId,
        write: impl FnOnce(&mut Self) -> Result<R, StateError>,
    ) -> Result<R, StateError> {
        let slot = self.load_current::<S>(id)?;
        let before = self.is_vacant(id, slot);
        let result = write(self)?;
        // The slot may be the current key's no more where it is vacant.
        if !(before && self.is_vacant(id, slot)) {
            self.set_dirty(id, slot);
        }
        Ok(result)
    }

    fn current_table(&self) -> Option<usize> {
        self.heap.position(self.heap.current_namespace()).ok()
    }

    fn is_vacant(&self, id: StateId, slot: u32) -> bool {
        let Some(table) = self.current_table() else { return true };
        let column = self.heap.tables[table].columns.get(id.index()).and_then(Option::as_ref);
        column.is_none_or(|column| column.is_vacant(slot as usize))
    }

    fn set_dirty(&mut self, id: StateId, slot: u32) {
        if let Some(table) = self.current_table()
            && let Some(marks) = &mut self.heap.tables[table].marks
        {
            marks.state(id.index()).set_dirty(slot);
        }
    }

    /// Returns whether any key in memory has state in a namespace.
    fn is_any_cached(&self, namespace: Namespace) -> bool {
        let Ok(index) = self.heap.position(namespace) else { return false };
        let table = &self.heap.tables[index];
        (0..table.keys.slots() as u32).any(|slot| table.is_occupied(slot))
    }

    /// Calls `visit` with the ordinary keys that aren't in memory, each once. `false` ends it.
    fn for_each_stored_key(
        &self,
        mut visit: impl FnMut(&[u8], u64) -> bool,
    ) -> Result<(), StateError> {
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        let several = self.numbers.len() > 1;
        for state in 0..self.numbers.len() {
            let mut go_on = true;
            self.for_each_stored(state, |key, hash, slot, _| {
                // What has state in memory is met there.
                let cached = slot.is_some_and(|slot| self.heap.tables[0].is_occupied(slot.0));
                if !cached && (!several || seen.insert(key.to_vec())) {
                    go_on = visit(key, hash);
                }
                Ok(go_on)
            })?;
            if !go_on {
                break;
            }
        }
        Ok(())
    }
}

impl KeyedStateBackend for RocksBackend {
    fn register_value<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        let descriptor = StateDescriptor::of::<T>(name, StateKind::Value);
        self.register::<ValueStore<T>>(&descriptor, ttl, ValueSize::of::<T>())
    }

    fn register_list<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        let descriptor = StateDescriptor::of::<T>(name, StateKind::List);
        self.register::<ListStore<T>>(&descriptor, ttl, ValueSize::of::<Vec<T>>())
    }

    fn register_map<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        let descriptor = StateDescriptor::of::<(K, V)>(name, StateKind::Map);
        self.register::<MapStore<K, V>>(&descriptor, ttl, ValueSize::of::<Vec<(K, V)>>())
    }

    fn resolve(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError> {
        self.heap.resolve(namespace, keys, hashes, selection, out)?;
        if namespace == Namespace::VOID {
            self.use_slots(out.iter().map(|slot| slot.0));
        }
        Ok(())
    }

    fn lookup(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Option<Slot>>,
    ) -> Result<(), StateError> {
        self.heap.lookup(namespace, keys, hashes, selection, out)?;
        if namespace != Namespace::VOID {
            return Ok(());
        }
        for (index, slot) in out.iter_mut().enumerate() {
            let row = selection.map_or(index, |selection| selection[index] as usize);
            if slot.is_none() && self.is_stored(hashes[row], keys.get(row))? {
                *slot = Some(self.heap.tables[0].find_or_insert(hashes[row], keys.get(row))?);
            }
        }
        self.use_slots(out.iter().flatten().map(|slot| slot.0));
        Ok(())
    }

    fn resolve_entries(
        &mut self,
        from: Namespace,
        into: Namespace,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError> {
        if from == Namespace::VOID {
            self.load_keys()?;
        }
        self.heap.resolve_entries(from, into, out)?;
        if into == Namespace::VOID {
            self.use_slots(out.iter().map(|(_, slot)| slot.0));
        }
        Ok(())
    }

    fn finish_batch(&mut self) -> Result<(), StateError> {
        self.batch.clear();
        self.heap.finish_batch()?;
        self.settle_if_done()?;
        self.charge_written();
        self.make_room()
    }

    fn value_column<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
    ) -> Result<ValueColumn<'_, T>, StateError> {
        if namespace == Namespace::VOID {
            self.load_batch::<ValueStore<T>>(id)?;
        }
        self.heap.value_column(id, namespace)
    }

    fn value_column_pair<T: RowCodec>(
        &mut self,
        id: StateId,
        namespaces: (Namespace, Namespace),
    ) -> Result<(ValueColumn<'_, T>, ValueColumn<'_, T>), StateError> {
        if namespaces.0 == Namespace::VOID || namespaces.1 == Namespace::VOID {
            self.load_batch::<ValueStore<T>>(id)?;
        }
        self.heap.value_column_pair(id, namespaces)
    }

    fn for_each_value<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
        mut visit: impl FnMut(&[u8], u64, &T),
    ) -> Result<(), StateError> {
        self.heap.for_each_value(id, namespace, &mut visit)?;
        if namespace != Namespace::VOID || !self.has_rows() {
            return Ok(());
        }
        let info = &self.states[usize::from(self.numbers[id.index()])];
        let stamped = info.header.stamped;
        let ttl = self.heap.ttl(id);
        let descriptor = self.heap.descriptor(id);
        let mut store = ValueStore::<T>::new(Ttl::new(ttl.as_ref(), &self.clock));
        store.grow(1);
        let now = store.now();
        self.for_each_stored(id.index(), |key, hash, _, row| {
            let value = if stamped { unstamped(&self.database, row)? } else { row };
            decode(&mut store, 0, stamped, value, &descriptor)?;
            if let Some(value) = store.peek(0, now) {
                visit(key, hash, value);
            }
            Ok(true)
        })
    }

    fn for_each_key(
        &mut self,
        namespace: Namespace,
        mut visit: impl FnMut(&[u8], u64),
    ) -> Result<(), StateError> {
        let Ok(index) = self.heap.position(namespace) else { return Ok(()) };
        let table = &self.heap.tables[index];
        table.keys.for_each(|slot, key| {
            if table.is_occupied(slot) {
                visit(key.as_slice(), key.hash());
            }
        });
        if namespace != Namespace::VOID {
            return Ok(());
        }
        self.for_each_stored_key(|key, hash| {
            visit(key, hash);
            true
        })
    }

    fn contains_namespace(&self, namespace: Namespace) -> bool {
        if self.is_any_cached(namespace) {
            return true;
        }
        if namespace != Namespace::VOID {
            return false;
        }
        let mut found = false;
        let read = self.for_each_stored_key(|_, _| {
            found = true;
            false
        });
        // Whoever looks for it then gets the error.
        found || read.is_err()
    }

    fn namespaces(&self) -> Vec<Namespace> {
        let all = self.heap.tables.iter().map(|table| table.namespace);
        all.filter(|namespace| self.contains_namespace(*namespace)).collect()
    }

    fn drop_namespace(&mut self, namespace: Namespace) -> Result<(), StateError> {
        self.heap.drop_namespace(namespace)?;
        if namespace == Namespace::VOID {
            self.batch.clear();
            self.cache.clear();
        }
        if self.panes.remove(&namespace).is_some() && self.unsettled.is_none() {
            // Else a snapshot may be about to link what a compaction would leave out.
            self.publish();
        }
        Ok(())
    }

    fn key_count(&self, namespace: Namespace) -> usize {
        let Ok(index) = self.heap.position(namespace) else { return 0 };
        let table = &self.heap.tables[index];
        let slots = 0..table.keys.slots() as u32;
        let mut count = slots.filter(|slot| table.is_occupied(*slot)).count();
        if namespace == Namespace::VOID {
            // What can't be read is met by whoever looks for it.
            let _ = self.for_each_stored_key(|_, _| {
                count += 1;
                true
            });
        }
        count
    }

    #[inline]
    fn set_current_key(&mut self, hash: u64, key: &[u8]) {
        self.heap.set_current_key(hash, key);
    }

    #[inline]
    fn set_current_slot(&mut self, hash: u64, key: &[u8], slot: Slot) {
        self.heap.set_current_slot(hash, key, slot);
    }

    fn clear_current_key(&mut self) {
        self.heap.clear_current_key();
    }

    fn current_key(&self) -> Option<(u64, &[u8])> {
        self.heap.current_key()
    }

    #[inline]
    fn set_current_namespace(&mut self, namespace: Namespace) {
        self.heap.set_current_namespace(namespace);
    }

    fn current_namespace(&self) -> Namespace {
        self.heap.current_namespace()
    }

    fn read_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(Option<&T>) -> R,
    ) -> Result<R, StateError> {
        self.read::<ValueStore<T>, R>(id, |this| this.heap.read_value(id, read))
    }

    fn update_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        update: impl FnOnce(&mut Option<T>) -> R,
    ) -> Result<R, StateError> {
        self.write::<ValueStore<T>, R>(id, |this| this.heap.update_value(id, update))
    }

    fn read_list<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(&[T]) -> R,
    ) -> Result<R, StateError> {
        self.read::<ListStore<T>, R>(id, |this| this.heap.read_list(id, read))
    }

    fn add_to_list<T: RowCodec>(
        &mut self,
        id: StateId,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), StateError> {
        self.write::<ListStore<T>, ()>(id, |this| this.heap.add_to_list(id, elements))
    }

    fn set_list<T: RowCodec>(&mut self, id: StateId, elements: Vec<T>) -> Result<(), StateError> {
        self.write::<ListStore<T>, ()>(id, |this| this.heap.set_list(id, elements))
    }

    fn read_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: &K,
        read: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, StateError> {
        self.read::<MapStore<K, V>, R>(id, |this| this.heap.read_entry(id, key, read))
    }

    fn update_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, StateError> {
        self.write::<MapStore<K, V>, R>(id, |this| this.heap.update_entry(id, key, update))
    }

    fn put_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: K,
        value: V,
    ) -> Result<(), StateError> {
        self.write::<MapStore<K, V>, ()>(id, |this| this.heap.put_entry(id, key, value))
    }

    fn remove_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: &K,
    ) -> Result<Option<V>, StateError> {
        self.write::<MapStore<K, V>, Option<V>>(id, |this| this.heap.remove_entry(id, key))
    }

    fn for_each_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        visit: impl FnMut(&K, &V),
    ) -> Result<(), StateError> {
        self.read::<MapStore<K, V>, ()>(id, |this| this.heap.for_each_entry(id, visit))
    }

    fn is_map_empty<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
    ) -> Result<bool, StateError> {
        self.read::<MapStore<K, V>, bool>(id, |this| this.heap.is_map_empty::<K, V>(id))
    }

    fn clear(&mut self, id: StateId) -> Result<(), StateError> {
        let (_, slot) = self.heap.current_or_insert(id)?;
        self.heap.clear(id)?;
        if self.panes.contains_key(&self.heap.current_namespace()) {
            self.set_dirty(id, slot.0);
        }
        Ok(())
    }

    fn register_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.heap.register_timer(domain, timestamp, namespace)
    }

    fn delete_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.heap.delete_timer(domain, timestamp, namespace)
    }

    fn pop_due_timer(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
    ) -> Result<Option<Timer>, StateError> {
        self.heap.pop_due_timer(domain, time)
    }

    fn next_timer(&self, domain: TimeDomain) -> Option<Timestamp> {
        self.heap.next_timer(domain)
    }

    fn timer_count(&self, domain: TimeDomain) -> usize {
        self.heap.timer_count(domain)
    }

    fn snapshot(&mut self) -> KeyedSnapshot {
        KeyedSnapshot::Rocks(self.take_snapshot())
    }

    fn restore<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError> {
        self.restore_snapshot(snapshot)
    }
}
