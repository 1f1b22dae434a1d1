//! Maps of which every subtask has all.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::record::RowCodec;

use super::OperatorBackend;
use crate::error::StateError;

/// A map of which every subtask has all: Flink's broadcast state.
///
/// It is the user's code that keeps the maps of all subtasks the same, by changing them in the same
/// way for records that all subtasks get, and by nothing else. When a job is restored, each subtask
/// gets the map of one, its own where the parallelism is the same.
///
/// ```
/// use sciurus_state::operator::{BroadcastState, OperatorBackend};
///
/// let mut backend = OperatorBackend::new();
/// let mut limits = BroadcastState::<String, i64>::new("limits");
/// backend.register_broadcast(&mut limits)?;
/// limits.put(&mut backend, "amount".to_owned(), 100)?;
/// assert_eq!(limits.get(&backend, &"amount".to_owned())?, Some(&100));
/// # Ok::<(), sciurus_state::StateError>(())
/// ```
pub struct BroadcastState<K, V> {
    pub(super) name: Arc<str>,
    pub(super) index: Option<usize>,
    entry: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for BroadcastState<K, V> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), index: self.index, entry: PhantomData }
    }
}

impl<K, V> fmt::Debug for BroadcastState<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BroadcastState").field(&self.name).finish()
    }
}

impl<K: RowCodec + Ord, V: RowCodec> BroadcastState<K, V> {
    /// Describes a map; its name is unique among the operator state of its operator.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), index: None, entry: PhantomData }
    }

    fn map<'a>(&self, backend: &'a OperatorBackend) -> Result<&'a BTreeMap<K, V>, StateError> {
        backend.items_of(&self.name, self.index)
    }

    fn map_mut<'a>(
        &self,
        backend: &'a mut OperatorBackend,
    ) -> Result<&'a mut BTreeMap<K, V>, StateError> {
        backend.items_of_mut(&self.name, self.index)
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], as all that follows.
    pub fn get<'a>(
        &self,
        backend: &'a OperatorBackend,
        key: &K,
    ) -> Result<Option<&'a V>, StateError> {
        Ok(self.map(backend)?.get(key))
    }

    /// Returns whether a key has a value.
    pub fn contains(&self, backend: &OperatorBackend, key: &K) -> Result<bool, StateError> {
        Ok(self.map(backend)?.contains_key(key))
    }

    /// Returns all keys and values, in the order of the keys.
    pub fn entries<'a>(
        &self,
        backend: &'a OperatorBackend,
    ) -> Result<impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V>, StateError> {
        Ok(self.map(backend)?.iter())
    }

    /// Returns how many keys there are.
    pub fn len(&self, backend: &OperatorBackend) -> Result<usize, StateError> {
        Ok(self.map(backend)?.len())
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self, backend: &OperatorBackend) -> Result<bool, StateError> {
        Ok(self.map(backend)?.is_empty())
    }

    /// Sets the value of a key and returns the one it had.
    pub fn put(
        &self,
        backend: &mut OperatorBackend,
        key: K,
        value: V,
    ) -> Result<Option<V>, StateError> {
        Ok(self.map_mut(backend)?.insert(key, value))
    }

    /// Removes a key and returns the value it had.
    pub fn remove(&self, backend: &mut OperatorBackend, key: &K) -> Result<Option<V>, StateError> {
        Ok(self.map_mut(backend)?.remove(key))
    }

    /// Removes all keys.
    pub fn clear(&self, backend: &mut OperatorBackend) -> Result<(), StateError> {
        self.map_mut(backend).map(BTreeMap::clear)
    }
}
