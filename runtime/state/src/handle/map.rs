//! A map a key.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::record::RowCodec;

use super::{Handle, StateAccess, StateHandle};
use crate::backend::KeyedStateBackend;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::ttl::StateTtlConfig;

/// A map a key: Flink's `MapState`. A map without entries is no state.
pub struct MapState<K, V> {
    handle: Handle,
    entry: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for MapState<K, V> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), entry: PhantomData }
    }
}

impl<K, V> fmt::Debug for MapState<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MapState").field(&self.handle.name).finish()
    }
}

impl<K: RowCodec + Ord, V: RowCodec> MapState<K, V> {
    /// Describes a state. The name identifies it within the operator, also in snapshots.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { handle: Handle::new(name), entry: PhantomData }
    }

    /// Lets entries expire, each for itself.
    #[must_use]
    pub fn with_ttl(mut self, ttl: StateTtlConfig) -> Self {
        self.handle.ttl = Some(ttl);
        self
    }

    /// Returns a copy of the value of `key`.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], [`StateError::NoCurrentKey`].
    pub fn get(&self, ctx: &mut impl StateAccess, key: &K) -> Result<Option<V>, StateError> {
        self.with(ctx, key, |value| Some(value?.clone()))
    }

    /// Calls `read` with the value of `key`, without a copy.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn with<R>(
        &self,
        ctx: &mut impl StateAccess,
        key: &K,
        read: impl FnOnce(Option<&V>) -> R,
    ) -> Result<R, StateError> {
        ctx.keyed_state().read_entry::<K, V, R>(self.handle.id()?, key, read)
    }

    /// Returns whether there is a value of `key`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, ctx: &mut impl StateAccess, key: &K) -> Result<bool, StateError> {
        self.with(ctx, key, |value| value.is_some())
    }

    /// Sets the value of `key`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn put(&self, ctx: &mut impl StateAccess, key: K, value: V) -> Result<(), StateError> {
        ctx.keyed_state().put_entry(self.handle.id()?, key, value)
    }

    /// Calls `update` with the value of `key` and stores what it leaves.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn update_with<R>(
        &self,
        ctx: &mut impl StateAccess,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> Result<R, StateError> {
        ctx.keyed_state().update_entry(self.handle.id()?, key, update)
    }

    /// Removes the value of `key` and returns it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn remove(&self, ctx: &mut impl StateAccess, key: &K) -> Result<Option<V>, StateError> {
        ctx.keyed_state().remove_entry(self.handle.id()?, key)
    }

    /// Calls `visit` with every entry, in an order that changes only with the map.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn for_each(
        &self,
        ctx: &mut impl StateAccess,
        visit: impl FnMut(&K, &V),
    ) -> Result<(), StateError> {
        ctx.keyed_state().for_each_entry(self.handle.id()?, visit)
    }

    /// Returns copies of all entries, in the order of [`for_each`](Self::for_each).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn entries(&self, ctx: &mut impl StateAccess) -> Result<Vec<(K, V)>, StateError> {
        let mut entries = Vec::new();
        self.for_each(ctx, |key, value| entries.push((key.clone(), value.clone())))?;
        Ok(entries)
    }

    /// Returns copies of all keys, in the order of [`for_each`](Self::for_each).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn keys(&self, ctx: &mut impl StateAccess) -> Result<Vec<K>, StateError> {
        let mut keys = Vec::new();
        self.for_each(ctx, |key, _| keys.push(key.clone()))?;
        Ok(keys)
    }

    /// Returns copies of all values, in the order of [`for_each`](Self::for_each).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn values(&self, ctx: &mut impl StateAccess) -> Result<Vec<V>, StateError> {
        let mut values = Vec::new();
        self.for_each(ctx, |_, value| values.push(value.clone()))?;
        Ok(values)
    }

    /// Returns whether there is no entry.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self, ctx: &mut impl StateAccess) -> Result<bool, StateError> {
        ctx.keyed_state().is_map_empty::<K, V>(self.handle.id()?)
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn clear(&self, ctx: &mut impl StateAccess) -> Result<(), StateError> {
        ctx.keyed_state().clear(self.handle.id()?)
    }
}

impl<K: RowCodec + Ord, V: RowCodec> StateHandle for MapState<K, V> {
    fn name(&self) -> &str {
        &self.handle.name
    }

    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError> {
        let id = backend.register_map::<K, V>(&self.handle.name, self.handle.ttl)?;
        self.handle.id = Some(id);
        Ok(())
    }
}
