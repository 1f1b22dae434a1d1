//! The contract of a backend, fulfilled in memory.

use std::io::{Read, Seek};
use std::sync::Arc;

use sciurus_core::key::KeyBytes;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

use super::rows::{Rows, WithRows, with_rows};
use super::store::{ListStore, MapStore, Store, TypedStore, ValueStore};
use super::table::Table;
use super::{HeapBackend, column_in};
use crate::backend::KeyedStateBackend;
use crate::column::ValueColumn;
use crate::descriptor::{StateDescriptor, StateId, StateKind};
use crate::error::StateError;
use crate::keyed::KeyedSnapshot;
use crate::namespace::Namespace;
use crate::slot::Slot;
use crate::snapshot::{SnapshotError, SnapshotReader};
use crate::timer::{TimeDomain, Timer};
use crate::ttl::StateTtlConfig;

struct Resolve<'a>(&'a mut Table, &'a mut Vec<Slot>);

impl WithRows for Resolve<'_> {
    type Output = Result<(), StateError>;

    fn run(self, rows: &impl Rows) -> Self::Output {
        self.0.resolve(rows, self.1)
    }
}

struct Lookup<'a>(&'a Table, &'a mut Vec<Option<Slot>>);

impl WithRows for Lookup<'_> {
    type Output = ();

    fn run(self, rows: &impl Rows) {
        self.0.lookup(rows, self.1);
    }
}

impl KeyedStateBackend for HeapBackend {
    fn register_value<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        self.register::<ValueStore<T>>(StateDescriptor::of::<T>(name, StateKind::Value), ttl)
    }

    fn register_list<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        self.register::<ListStore<T>>(StateDescriptor::of::<T>(name, StateKind::List), ttl)
    }

    fn register_map<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        self.register::<MapStore<K, V>>(StateDescriptor::of::<(K, V)>(name, StateKind::Map), ttl)
    }

    fn resolve(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError> {
        out.clear();
        self.in_batch = true;
        self.batch_rows += selection.map_or(hashes.len(), <[u32]>::len);
        let table = self.table_index(namespace);
        with_rows(keys, hashes, selection, Resolve(&mut self.tables[table], out))
    }

    fn lookup(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Option<Slot>>,
    ) -> Result<(), StateError> {
        out.clear();
        self.in_batch = true;
        match self.table(namespace) {
            Some(table) => with_rows(keys, hashes, selection, Lookup(table, out)),
            None => out.resize(selection.map_or(hashes.len(), <[u32]>::len), None),
        }
        Ok(())
    }

    fn resolve_entries(
        &mut self,
        from: Namespace,
        into: Namespace,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError> {
        assert_ne!(from, into, "a namespace is not merged with itself");
        out.clear();
        self.in_batch = true;
        if self.table(from).is_none() {
            return Ok(());
        }
        let into = self.table_index(into);
        // The table may have been inserted before the other.
        let Ok(from) = self.position(from) else { return Ok(()) };
        match self.tables.get_disjoint_mut([from, into]) {
            Ok([from, into]) => into.resolve_entries(from, out),
            Err(_) => Ok(()),
        }
    }

    fn finish_batch(&mut self) -> Result<(), StateError> {
        self.end_of_batch();
        Ok(())
    }

    fn value_column<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
    ) -> Result<ValueColumn<'_, T>, StateError> {
        let table = self.table_index(namespace);
        column_in(&self.states, &self.clock, &mut self.tables[table], id)
    }

    fn value_column_pair<T: RowCodec>(
        &mut self,
        id: StateId,
        (first, second): (Namespace, Namespace),
    ) -> Result<(ValueColumn<'_, T>, ValueColumn<'_, T>), StateError> {
        assert_ne!(first, second, "one namespace has one column");
        // Inserting the second table may move the first.
        self.table_index(first);
        let second = self.table_index(second);
        let first = self.table_index(first);
        let (low, high) = self.tables.split_at_mut(first.max(second));
        let (low, high) = (&mut low[first.min(second)], &mut high[0]);
        let low = column_in(&self.states, &self.clock, low, id)?;
        let high = column_in(&self.states, &self.clock, high, id)?;
        Ok(if first < second { (low, high) } else { (high, low) })
    }

    fn for_each_value<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
        mut visit: impl FnMut(&[u8], u64, &T),
    ) -> Result<(), StateError> {
        let Ok(index) = self.position(namespace) else { return Ok(()) };
        self.store::<ValueStore<T>>(index, id)?;
        let table = &self.tables[index];
        let Some(Some(column)) = table.columns.get(id.index()) else { return Ok(()) };
        let any: &dyn std::any::Any = column.as_ref();
        if let Some(store) = any.downcast_ref::<ValueStore<T>>() {
            store.for_each(store.now(), |slot, value| {
                if let Some(key) = table.keys.get(slot as u32) {
                    visit(key.as_slice(), key.hash(), value);
                }
            });
        }
        Ok(())
    }

    fn for_each_key(
        &mut self,
        namespace: Namespace,
        mut visit: impl FnMut(&[u8], u64),
    ) -> Result<(), StateError> {
        if let Some(table) = self.table(namespace) {
            table.keys.for_each(|_, key| visit(key.as_slice(), key.hash()));
        }
        Ok(())
    }

    fn contains_namespace(&self, namespace: Namespace) -> bool {
        self.key_count(namespace) > 0
    }

    fn namespaces(&self) -> Vec<Namespace> {
        let occupied = self.tables.iter().filter(|table| table.keys.len() > 0);
        occupied.map(|table| table.namespace).collect()
    }

    fn drop_namespace(&mut self, namespace: Namespace) -> Result<(), StateError> {
        if let Ok(index) = self.position(namespace) {
            if namespace == Namespace::VOID {
                self.tables[index] = self.new_table(namespace, 0);
            } else {
                self.pane_keys = self.tables.remove(index).keys.len();
            }
            if namespace == self.namespace {
                self.current.slot = None;
            }
        }
        Ok(())
    }

    fn key_count(&self, namespace: Namespace) -> usize {
        self.table(namespace).map_or(0, |table| table.keys.len())
    }

    #[inline]
    fn set_current_key(&mut self, hash: u64, key: &[u8]) {
        if !self.in_batch {
            if self.unsettled {
                self.settle();
            }
            self.clean_up(1);
        }
        self.current.set = true;
        self.current.hash = hash;
        self.current.key.clear();
        self.current.key.extend_from_slice(key);
        self.current.slot = None;
    }

    #[inline]
    fn set_current_slot(&mut self, hash: u64, key: &[u8], slot: Slot) {
        self.set_current_key(hash, key);
        self.current.slot = Some(slot);
    }

    fn clear_current_key(&mut self) {
        self.set_current_key(0, &[]);
        self.current.set = false;
    }

    fn current_key(&self) -> Option<(u64, &[u8])> {
        self.current.set.then_some((self.current.hash, &self.current.key[..]))
    }

    #[inline]
    fn set_current_namespace(&mut self, namespace: Namespace) {
        if self.namespace != namespace {
            self.namespace = namespace;
            self.current.slot = None;
        }
    }

    fn current_namespace(&self) -> Namespace {
        self.namespace
    }

    fn read_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(Option<&T>) -> R,
    ) -> Result<R, StateError> {
        self.with_current(id, |found: Option<(&mut ValueStore<T>, usize)>| match found {
            None => (read(None), false),
            Some((store, slot)) => {
                let (value, removed) = store.read(slot);
                (read(value), removed)
            }
        })
    }

    fn update_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        update: impl FnOnce(&mut Option<T>) -> R,
    ) -> Result<R, StateError> {
        let Some((table, slot)) = self.find_current(id)? else {
            let mut value = None;
            let result = update(&mut value);
            if value.is_some() {
                let (store, slot, slots) = self.current_store::<ValueStore<T>>(id)?;
                store.grow(slots);
                *store.write(slot, store.now()) = value;
            }
            return Ok(result);
        };
        let slots = self.tables[table].keys.slots();
        let (store, unsettled) = self.store::<ValueStore<T>>(table, id)?;
        store.grow(slots);
        let value = store.write(slot.index(), store.now());
        let result = update(value);
        if value.is_none() {
            unsettled.push(slot.0);
            self.unsettled = true;
        }
        Ok(result)
    }

    fn read_list<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(&[T]) -> R,
    ) -> Result<R, StateError> {
        self.with_current(id, |found: Option<(&mut ListStore<T>, usize)>| match found {
            None => (read(&[]), false),
            Some((store, slot)) => {
                let (list, removed) = store.read(slot);
                (read(list), removed)
            }
        })
    }

    fn add_to_list<T: RowCodec>(
        &mut self,
        id: StateId,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), StateError> {
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_some() {
            let (store, slot, slots) = self.current_store::<ListStore<T>>(id)?;
            store.grow(slots);
            store.add(slot, elements);
        }
        Ok(())
    }

    fn set_list<T: RowCodec>(&mut self, id: StateId, elements: Vec<T>) -> Result<(), StateError> {
        if elements.is_empty() {
            return self.clear(id);
        }
        let (store, slot, slots) = self.current_store::<ListStore<T>>(id)?;
        store.grow(slots);
        store.set(slot, elements);
        Ok(())
    }

    fn read_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: &K,
        read: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, StateError> {
        self.with_current(id, |found: Option<(&mut MapStore<K, V>, usize)>| match found {
            None => (read(None), false),
            Some((store, slot)) => (read(store.get(slot, key)), false),
        })
    }

    fn update_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, StateError> {
        let (store, slot, slots) = self.current_store::<MapStore<K, V>>(id)?;
        store.grow(slots);
        let result = store.update(slot, key, update);
        self.with_current(id, |found: Option<(&mut MapStore<K, V>, usize)>| match found {
            None => ((), false),
            Some((store, slot)) => ((), store.is_vacant(slot)),
        })?;
        Ok(result)
    }

    fn put_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: K,
        value: V,
    ) -> Result<(), StateError> {
        let (store, slot, slots) = self.current_store::<MapStore<K, V>>(id)?;
        store.grow(slots);
        store.put(slot, key, value);
        Ok(())
    }

    fn remove_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: &K,
    ) -> Result<Option<V>, StateError> {
        self.with_current(id, |found: Option<(&mut MapStore<K, V>, usize)>| match found {
            None => (None, false),
            Some((store, slot)) => {
                let removed = store.remove(slot, key);
                (removed, store.is_vacant(slot))
            }
        })
    }

    fn for_each_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        visit: impl FnMut(&K, &V),
    ) -> Result<(), StateError> {
        self.with_current(id, |found: Option<(&mut MapStore<K, V>, usize)>| match found {
            None => ((), false),
            Some((store, slot)) => ((), store.for_each(slot, visit)),
        })
    }

    fn is_map_empty<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
    ) -> Result<bool, StateError> {
        self.with_current(id, |found: Option<(&mut MapStore<K, V>, usize)>| match found {
            None => (true, false),
            Some((store, slot)) => (store.is_empty(slot), false),
        })
    }

    fn clear(&mut self, id: StateId) -> Result<(), StateError> {
        if let Some((table, slot)) = self.find_current(id)? {
            let table = &mut self.tables[table];
            if let Some(Some(store)) = table.columns.get_mut(id.index()) {
                store.clear(slot.index());
                table.unsettled.push(slot.0);
                self.unsettled = true;
            }
        }
        Ok(())
    }

    fn register_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        let timer = self.current_timer(timestamp, namespace)?;
        self.timers_mut(domain).insert(timer);
        Ok(())
    }

    fn delete_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        let timer = self.current_timer(timestamp, namespace)?;
        self.timers_mut(domain).remove(&timer);
        Ok(())
    }

    fn pop_due_timer(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
    ) -> Result<Option<Timer>, StateError> {
        Ok(self.timers_mut(domain).pop_due(time))
    }

    fn next_timer(&self, domain: TimeDomain) -> Option<Timestamp> {
        self.timers(domain).next()
    }

    fn timer_count(&self, domain: TimeDomain) -> usize {
        self.timers(domain).len()
    }

    fn snapshot(&mut self) -> KeyedSnapshot {
        KeyedSnapshot::Heap(self.take_snapshot())
    }

    fn restore<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError> {
        self.restore_from(snapshot)
    }
}
