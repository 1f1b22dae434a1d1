//! The backends that there are, as one type.

use std::io::{Read, Seek, Write};
use std::sync::Arc;

use sciurus_core::key::KeyBytes;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::column::ValueColumn;
use crate::descriptor::StateId;
use crate::error::StateError;
use crate::heap::{HeapBackend, HeapSnapshot};
use crate::namespace::Namespace;
#[cfg(feature = "rocksdb")]
use crate::rocks::{RocksBackend, RocksSnapshot};
use crate::slot::Slot;
use crate::snapshot::{SnapshotError, SnapshotFiles, SnapshotReader, SnapshotStats};
use crate::timer::{TimeDomain, Timer};
use crate::ttl::StateTtlConfig;

/// A keyed state backend, one of those there are: a `match` for each call, no `dyn`.
///
/// There are few: that they take more room than needed costs less than a box.
#[derive(Debug)]
#[cfg_attr(feature = "rocksdb", allow(clippy::large_enum_variant))]
pub enum KeyedBackend {
    /// State in memory.
    Heap(HeapBackend),
    /// State in RocksDB.
    #[cfg(feature = "rocksdb")]
    Rocks(Box<RocksBackend>),
}

impl KeyedBackend {
    /// Makes an empty backend in memory.
    pub fn heap(config: BackendConfig) -> Self {
        Self::Heap(HeapBackend::new(config))
    }

    /// Returns what lies in memory whatever the backend: the panes of windows.
    pub(crate) fn panes(&self) -> &HeapBackend {
        match self {
            Self::Heap(heap) => heap,
            #[cfg(feature = "rocksdb")]
            Self::Rocks(rocks) => rocks.panes(),
        }
    }
}

/// A view of a backend's state and timers at one instant.
#[derive(Debug)]
pub enum KeyedSnapshot {
    /// Of state in memory.
    Heap(HeapSnapshot),
    /// Of state in RocksDB.
    #[cfg(feature = "rocksdb")]
    Rocks(RocksSnapshot),
}

impl KeyedSnapshot {
    /// Writes the snapshot; see docs/formats.md for the form. It is whole once this has returned,
    /// and durable once the caller has made it so.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], [`SnapshotError::ForeignKey`].
    pub fn write(&self, out: impl Write) -> Result<SnapshotStats, SnapshotError> {
        match self {
            Self::Heap(heap) => heap.write(out),
            #[cfg(feature = "rocksdb")]
            Self::Rocks(rocks) => rocks.write(out),
        }
    }

    /// Returns the snapshot as files, `None` where the backend has none and it is to be written.
    /// They stay as long as the snapshot is there. May take time: not for the task's thread.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn files(&self) -> Result<Option<SnapshotFiles>, SnapshotError> {
        match self {
            Self::Heap(_) => Ok(None),
            #[cfg(feature = "rocksdb")]
            Self::Rocks(rocks) => rocks.files().map(Some),
        }
    }
}

/// Calls the backend that there is.
macro_rules! dispatch {
    ($self:ident.$call:ident $(::<$($of:ty),+>)? ($($argument:expr),*)) => {
        match $self {
            KeyedBackend::Heap(heap) => heap.$call $(::<$($of),+>)? ($($argument),*),
            #[cfg(feature = "rocksdb")]
            KeyedBackend::Rocks(rocks) => rocks.$call $(::<$($of),+>)? ($($argument),*),
        }
    };
}

impl KeyedStateBackend for KeyedBackend {
    #[inline]
    fn register_value<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        dispatch!(self.register_value::<T>(name, ttl))
    }

    #[inline]
    fn register_list<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        dispatch!(self.register_list::<T>(name, ttl))
    }

    #[inline]
    fn register_map<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError> {
        dispatch!(self.register_map::<K, V>(name, ttl))
    }

    #[inline]
    fn resolve(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError> {
        dispatch!(self.resolve(namespace, keys, hashes, selection, out))
    }

    #[inline]
    fn lookup(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Option<Slot>>,
    ) -> Result<(), StateError> {
        dispatch!(self.lookup(namespace, keys, hashes, selection, out))
    }

    #[inline]
    fn resolve_entries(
        &mut self,
        from: Namespace,
        into: Namespace,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError> {
        dispatch!(self.resolve_entries(from, into, out))
    }

    #[inline]
    fn finish_batch(&mut self) -> Result<(), StateError> {
        dispatch!(self.finish_batch())
    }

    #[inline]
    fn value_column<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
    ) -> Result<ValueColumn<'_, T>, StateError> {
        dispatch!(self.value_column(id, namespace))
    }

    #[inline]
    fn value_column_pair<T: RowCodec>(
        &mut self,
        id: StateId,
        namespaces: (Namespace, Namespace),
    ) -> Result<(ValueColumn<'_, T>, ValueColumn<'_, T>), StateError> {
        dispatch!(self.value_column_pair(id, namespaces))
    }

    #[inline]
    fn for_each_value<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
        visit: impl FnMut(&[u8], u64, &T),
    ) -> Result<(), StateError> {
        dispatch!(self.for_each_value(id, namespace, visit))
    }

    #[inline]
    fn for_each_key(
        &mut self,
        namespace: Namespace,
        visit: impl FnMut(&[u8], u64),
    ) -> Result<(), StateError> {
        dispatch!(self.for_each_key(namespace, visit))
    }

    #[inline]
    fn contains_namespace(&self, namespace: Namespace) -> bool {
        dispatch!(self.contains_namespace(namespace))
    }

    #[inline]
    fn namespaces(&self) -> Vec<Namespace> {
        dispatch!(self.namespaces())
    }

    #[inline]
    fn drop_namespace(&mut self, namespace: Namespace) -> Result<(), StateError> {
        dispatch!(self.drop_namespace(namespace))
    }

    #[inline]
    fn key_count(&self, namespace: Namespace) -> usize {
        dispatch!(self.key_count(namespace))
    }

    #[inline]
    fn set_current_key(&mut self, hash: u64, key: &[u8]) {
        dispatch!(self.set_current_key(hash, key));
    }

    #[inline]
    fn set_current_slot(&mut self, hash: u64, key: &[u8], slot: Slot) {
        dispatch!(self.set_current_slot(hash, key, slot));
    }

    #[inline]
    fn clear_current_key(&mut self) {
        dispatch!(self.clear_current_key());
    }

    #[inline]
    fn current_key(&self) -> Option<(u64, &[u8])> {
        dispatch!(self.current_key())
    }

    #[inline]
    fn set_current_namespace(&mut self, namespace: Namespace) {
        dispatch!(self.set_current_namespace(namespace));
    }

    #[inline]
    fn current_namespace(&self) -> Namespace {
        dispatch!(self.current_namespace())
    }

    #[inline]
    fn read_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(Option<&T>) -> R,
    ) -> Result<R, StateError> {
        dispatch!(self.read_value(id, read))
    }

    #[inline]
    fn update_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        update: impl FnOnce(&mut Option<T>) -> R,
    ) -> Result<R, StateError> {
        dispatch!(self.update_value(id, update))
    }

    #[inline]
    fn read_list<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(&[T]) -> R,
    ) -> Result<R, StateError> {
        dispatch!(self.read_list(id, read))
    }

    #[inline]
    fn add_to_list<T: RowCodec>(
        &mut self,
        id: StateId,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), StateError> {
        dispatch!(self.add_to_list(id, elements))
    }

    #[inline]
    fn set_list<T: RowCodec>(&mut self, id: StateId, elements: Vec<T>) -> Result<(), StateError> {
        dispatch!(self.set_list(id, elements))
    }

    #[inline]
    fn read_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: &K,
        read: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, StateError> {
        dispatch!(self.read_entry(id, key, read))
    }

    #[inline]
    fn update_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, StateError> {
        dispatch!(self.update_entry(id, key, update))
    }

    #[inline]
    fn put_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: K,
        value: V,
    ) -> Result<(), StateError> {
        dispatch!(self.put_entry(id, key, value))
    }

    #[inline]
    fn remove_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: &K,
    ) -> Result<Option<V>, StateError> {
        dispatch!(self.remove_entry(id, key))
    }

    #[inline]
    fn for_each_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        visit: impl FnMut(&K, &V),
    ) -> Result<(), StateError> {
        dispatch!(self.for_each_entry(id, visit))
    }

    #[inline]
    fn is_map_empty<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
    ) -> Result<bool, StateError> {
        dispatch!(self.is_map_empty::<K, V>(id))
    }

    #[inline]
    fn clear(&mut self, id: StateId) -> Result<(), StateError> {
        dispatch!(self.clear(id))
    }

    #[inline]
    fn register_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        dispatch!(self.register_timer(domain, timestamp, namespace))
    }

    #[inline]
    fn delete_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        dispatch!(self.delete_timer(domain, timestamp, namespace))
    }

    #[inline]
    fn pop_due_timer(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
    ) -> Result<Option<Timer>, StateError> {
        dispatch!(self.pop_due_timer(domain, time))
    }

    #[inline]
    fn next_timer(&self, domain: TimeDomain) -> Option<Timestamp> {
        dispatch!(self.next_timer(domain))
    }

    #[inline]
    fn timer_count(&self, domain: TimeDomain) -> usize {
        dispatch!(self.timer_count(domain))
    }

    fn snapshot(&mut self) -> KeyedSnapshot {
        dispatch!(self.snapshot())
    }

    fn restore<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError> {
        dispatch!(self.restore(snapshot))
    }
}
