//! What a keyed state backend does, and the backends there are.

use std::io::{Read, Seek};
use std::sync::Arc;

use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::key::{KeyBytes, KeyGroupRange};
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

use crate::column::ValueColumn;
use crate::descriptor::StateId;
use crate::error::StateError;
use crate::keyed::KeyedSnapshot;
use crate::namespace::Namespace;
use crate::slot::Slot;
use crate::snapshot::{SnapshotError, SnapshotReader};
use crate::timer::{TimeDomain, Timer};
use crate::ttl::StateTtlConfig;

/// What a backend is made with.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// The number of key groups of the job.
    pub max_parallelism: u32,
    /// The key groups whose keys the backend holds.
    pub range: KeyGroupRange,
    /// The clock that time to live goes by.
    pub clock: Arc<dyn Clock>,
}

impl BackendConfig {
    /// Makes the configuration of a backend for `range`, with the machine's clock.
    pub fn new(max_parallelism: u32, range: KeyGroupRange) -> Self {
        Self { max_parallelism, range, clock: Arc::new(SystemClock) }
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// Keyed state of one subtask, used by one thread.
///
/// # States, keys and namespaces
/// A state is registered once, by name; what it holds is told apart by key and by [`Namespace`].
/// Keys are the bytes of [`Record::encode_key`](sciurus_core::Record::encode_key), and come with
/// their [`hash_key`](sciurus_core::key::hash_key); any other hash breaks the backend.
///
/// # Batch-wise access
/// [`resolve`](Self::resolve) gives every row of a batch the [`Slot`] of its key; the columns of
/// the states are then read and written by slot. Slots are valid until
/// [`finish_batch`](Self::finish_batch), which must follow, once for all that was resolved since
/// the last one: a backend that isn't in memory writes then what was changed, and keys without any
/// value are forgotten. An error leaves the batch half done; the subtask must fail.
///
/// # Row-wise access
/// [`set_current_key`](Self::set_current_key) chooses the key; the functions named after values,
/// lists and maps then read and write what it has in the current namespace. They may be mixed with
/// batch-wise access: each sees what the other wrote.
///
/// # Durability
/// None: what is stored survives a failure only as part of a snapshot.
pub trait KeyedStateBackend {
    /// Registers a value state.
    ///
    /// # Errors
    /// [`StateError::DuplicateName`], [`StateError::TypeMismatch`] where the name is taken or, by a
    /// snapshot restored from, of another kind; [`StateError::Codec`] where the restored values
    /// are of another type.
    fn register_value<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError>;

    /// Registers a list state.
    ///
    /// # Errors
    /// As [`register_value`](Self::register_value).
    fn register_list<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError>;

    /// Registers a map state.
    ///
    /// # Errors
    /// As [`register_value`](Self::register_value).
    fn register_map<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        name: &Arc<str>,
        ttl: Option<StateTtlConfig>,
    ) -> Result<StateId, StateError>;

    /// Writes the slots of the selected rows' keys to `out`, one a selected row, in order. A key
    /// that isn't known gets a slot; it is forgotten at the end of the batch unless a value is
    /// written.
    ///
    /// `hashes` has one hash for each of `keys`; `selection` names rows in any order.
    ///
    /// # Errors
    /// [`StateError::Limit`] where there are too many keys.
    ///
    /// # Panics
    /// Where there isn't one hash a key, or `selection` names a row that isn't there.
    fn resolve(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError>;

    /// Writes the slots of the selected rows' keys to `out`, `None` where a key isn't known.
    ///
    /// # Errors
    /// None in memory; a failed read elsewhere.
    ///
    /// # Panics
    /// As [`resolve`](Self::resolve).
    fn lookup(
        &mut self,
        namespace: Namespace,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Option<Slot>>,
    ) -> Result<(), StateError>;

    /// Writes the slots of all keys of `from` to `out`, each with the slot that the same key has in
    /// `into` (a new one where it had none), in a fixed order: what merging two panes starts with.
    ///
    /// # Errors
    /// [`StateError::Limit`] where there are too many keys.
    ///
    /// # Panics
    /// Where both are the same.
    fn resolve_entries(
        &mut self,
        from: Namespace,
        into: Namespace,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError>;

    /// Ends a batch: all slots become invalid.
    ///
    /// # Errors
    /// None in memory; a failed write elsewhere.
    fn finish_batch(&mut self) -> Result<(), StateError>;

    /// Returns the values of a value state, by slot.
    ///
    /// # Errors
    /// [`StateError::TypeMismatch`] where the state isn't a value state of `T`.
    fn value_column<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
    ) -> Result<ValueColumn<'_, T>, StateError>;

    /// Returns the values of a value state in two namespaces, by slot.
    ///
    /// # Errors
    /// As [`value_column`](Self::value_column).
    ///
    /// # Panics
    /// Where both are the same.
    fn value_column_pair<T: RowCodec>(
        &mut self,
        id: StateId,
        namespaces: (Namespace, Namespace),
    ) -> Result<(ValueColumn<'_, T>, ValueColumn<'_, T>), StateError>;

    /// Calls `visit` with key, hash and value of every key in `namespace` that has one, in a fixed
    /// order (in memory that of the slots). Values are not renewed.
    ///
    /// # Errors
    /// As [`value_column`](Self::value_column).
    fn for_each_value<T: RowCodec>(
        &mut self,
        id: StateId,
        namespace: Namespace,
        visit: impl FnMut(&[u8], u64, &T),
    ) -> Result<(), StateError>;

    /// Calls `visit` with every key of `namespace` and its hash, in the order of
    /// [`for_each_value`](Self::for_each_value).
    ///
    /// # Errors
    /// None in memory; a failed read elsewhere.
    fn for_each_key(
        &mut self,
        namespace: Namespace,
        visit: impl FnMut(&[u8], u64),
    ) -> Result<(), StateError>;

    /// Returns whether any key has state in `namespace`.
    fn contains_namespace(&self, namespace: Namespace) -> bool;

    /// Returns the namespaces in which any key has state, in ascending order.
    fn namespaces(&self) -> Vec<Namespace>;

    /// Forgets all state in `namespace`. In memory the cost doesn't depend on what it held, but for
    /// giving memory back.
    ///
    /// # Errors
    /// None in memory; a failed write elsewhere.
    fn drop_namespace(&mut self, namespace: Namespace) -> Result<(), StateError>;

    /// Returns how many keys have state in `namespace`, approximately where that would take
    /// counting.
    fn key_count(&self, namespace: Namespace) -> usize;

    /// Chooses the key that row-wise access is about.
    fn set_current_key(&mut self, hash: u64, key: &[u8]);

    /// Chooses the key, whose slot in the current namespace was resolved in this batch.
    fn set_current_slot(&mut self, hash: u64, key: &[u8], slot: Slot);

    /// Leaves no key chosen.
    fn clear_current_key(&mut self);

    /// Returns hash and bytes of the current key.
    fn current_key(&self) -> Option<(u64, &[u8])>;

    /// Chooses the namespace that row-wise access is about; at first it is [`Namespace::VOID`].
    fn set_current_namespace(&mut self, namespace: Namespace);

    /// Returns the current namespace.
    fn current_namespace(&self) -> Namespace;

    /// Calls `read` with the current key's value.
    ///
    /// # Errors
    /// [`StateError::NoCurrentKey`], [`StateError::TypeMismatch`].
    fn read_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(Option<&T>) -> R,
    ) -> Result<R, StateError>;

    /// Calls `update` with the current key's value and stores what it leaves.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn update_value<T: RowCodec, R>(
        &mut self,
        id: StateId,
        update: impl FnOnce(&mut Option<T>) -> R,
    ) -> Result<R, StateError>;

    /// Calls `read` with the current key's list, which is empty where there is none.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn read_list<T: RowCodec, R>(
        &mut self,
        id: StateId,
        read: impl FnOnce(&[T]) -> R,
    ) -> Result<R, StateError>;

    /// Appends to the current key's list.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn add_to_list<T: RowCodec>(
        &mut self,
        id: StateId,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), StateError>;

    /// Sets the current key's list.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn set_list<T: RowCodec>(&mut self, id: StateId, elements: Vec<T>) -> Result<(), StateError>;

    /// Calls `read` with an entry of the current key's map.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn read_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: &K,
        read: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, StateError>;

    /// Calls `update` with an entry of the current key's map and stores what it leaves.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn update_entry<K: RowCodec + Ord, V: RowCodec, R>(
        &mut self,
        id: StateId,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, StateError>;

    /// Sets an entry of the current key's map.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn put_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: K,
        value: V,
    ) -> Result<(), StateError>;

    /// Removes an entry of the current key's map and returns its value.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn remove_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        key: &K,
    ) -> Result<Option<V>, StateError>;

    /// Calls `visit` with every entry of the current key's map, in an order that changes only with
    /// the map.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn for_each_entry<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
        visit: impl FnMut(&K, &V),
    ) -> Result<(), StateError>;

    /// Returns whether the current key's map has no entry.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn is_map_empty<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        id: StateId,
    ) -> Result<bool, StateError>;

    /// Removes what the current key has of a state of any kind.
    ///
    /// # Errors
    /// As [`read_value`](Self::read_value).
    fn clear(&mut self, id: StateId) -> Result<(), StateError>;

    /// Registers a timer of the current key. The same timer registered twice is one.
    ///
    /// # Errors
    /// [`StateError::NoCurrentKeyForTimer`].
    fn register_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError>;

    /// Deletes a timer of the current key, if there is such a one.
    ///
    /// # Errors
    /// As [`register_timer`](Self::register_timer).
    fn delete_timer(
        &mut self,
        domain: TimeDomain,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError>;

    /// Takes the next timer out that is due at `time` (or before it), in the order of [`Timer`]:
    /// by time, then by key bytes, then by namespace. The current key stays.
    ///
    /// # Errors
    /// None in memory; a failed read elsewhere.
    fn pop_due_timer(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
    ) -> Result<Option<Timer>, StateError>;

    /// Returns when the next timer is due.
    fn next_timer(&self, domain: TimeDomain) -> Option<Timestamp>;

    /// Returns how many timers are registered.
    fn timer_count(&self, domain: TimeDomain) -> usize;

    /// Returns a view of all state and timers as they are now.
    ///
    /// Called between batches. Another thread may write the view while this one goes on: neither
    /// sees what the other does. The cost grows with the number of chunks in memory, or of files
    /// elsewhere, not with the state.
    fn snapshot(&mut self) -> KeyedSnapshot;

    /// Takes over what a snapshot holds of this backend's key groups, reading no others. Called
    /// before any state is registered; once for each snapshot where several subtasks wrote them.
    /// States that are never registered stay and go on into the next snapshot.
    ///
    /// # Errors
    /// What is wrong with the snapshot; then the backend is not to be used. Whether values are of
    /// the right type shows when their state is registered.
    fn restore<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError>;

    /// Registers an event-time timer of the current key.
    ///
    /// # Errors
    /// As [`register_timer`](Self::register_timer).
    fn register_event_timer(
        &mut self,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.register_timer(TimeDomain::Event, timestamp, namespace)
    }

    /// Deletes an event-time timer of the current key.
    ///
    /// # Errors
    /// As [`register_timer`](Self::register_timer).
    fn delete_event_timer(
        &mut self,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.delete_timer(TimeDomain::Event, timestamp, namespace)
    }

    /// Takes the next event-time timer out that is due at `watermark`.
    ///
    /// # Errors
    /// As [`pop_due_timer`](Self::pop_due_timer).
    fn pop_due_event_timer(&mut self, watermark: Timestamp) -> Result<Option<Timer>, StateError> {
        self.pop_due_timer(TimeDomain::Event, watermark)
    }

    /// Registers a processing-time timer of the current key.
    ///
    /// # Errors
    /// As [`register_timer`](Self::register_timer).
    fn register_processing_timer(
        &mut self,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.register_timer(TimeDomain::Processing, timestamp, namespace)
    }

    /// Deletes a processing-time timer of the current key.
    ///
    /// # Errors
    /// As [`register_timer`](Self::register_timer).
    fn delete_processing_timer(
        &mut self,
        timestamp: Timestamp,
        namespace: Namespace,
    ) -> Result<(), StateError> {
        self.delete_timer(TimeDomain::Processing, timestamp, namespace)
    }

    /// Takes the next processing-time timer out that is due at `now`.
    ///
    /// # Errors
    /// As [`pop_due_timer`](Self::pop_due_timer).
    fn pop_due_processing_timer(&mut self, now: Timestamp) -> Result<Option<Timer>, StateError> {
        self.pop_due_timer(TimeDomain::Processing, now)
    }

    /// Returns when the next processing-time timer is due: how long the task may sleep.
    fn next_processing_timer(&self) -> Option<Timestamp> {
        self.next_timer(TimeDomain::Processing)
    }
}
