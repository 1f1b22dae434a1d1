//! One value a key.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::record::RowCodec;

use super::{Handle, StateAccess, StateHandle};
use crate::backend::KeyedStateBackend;
use crate::column::ValueColumn;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::namespace::Namespace;
use crate::ttl::StateTtlConfig;

/// One value a key: Flink's `ValueState`.
///
/// ```
/// use sciurus_core::key::{KeyGroupRange, hash_key};
/// use sciurus_state::{BackendConfig, KeyedBackend, KeyedStateBackend, StateAccess, ValueState};
///
/// let range = KeyGroupRange::of_subtask(0, 1, 128);
/// let mut ctx = KeyedBackend::heap(BackendConfig::new(128, range));
/// let mut count = ValueState::<i64>::new("count");
/// ctx.register(&mut count)?;
///
/// ctx.set_current_key(hash_key(b"nut"), b"nut");
/// assert_eq!(count.value(&mut ctx)?, None);
/// count.update(&mut ctx, 1)?;
/// count.update_with(&mut ctx, |count| *count = count.map(|n| n + 1))?;
/// assert_eq!(count.value(&mut ctx)?, Some(2));
/// # Ok::<(), sciurus_state::StateError>(())
/// ```
pub struct ValueState<T> {
    handle: Handle,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for ValueState<T> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for ValueState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueState").field(&self.handle.name).finish()
    }
}

impl<T: RowCodec> ValueState<T> {
    /// Describes a state. The name identifies it within the operator, also in snapshots.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { handle: Handle::new(name), value: PhantomData }
    }

    /// Lets values expire.
    #[must_use]
    pub fn with_ttl(mut self, ttl: StateTtlConfig) -> Self {
        self.handle.ttl = Some(ttl);
        self
    }

    /// Returns a copy of the current key's value.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], [`StateError::NoCurrentKey`].
    pub fn value(&self, ctx: &mut impl StateAccess) -> Result<Option<T>, StateError> {
        self.with(ctx, |value| Some(value?.clone()))
    }

    /// Calls `read` with the current key's value, without a copy.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    #[inline]
    pub fn with<R>(
        &self,
        ctx: &mut impl StateAccess,
        read: impl FnOnce(Option<&T>) -> R,
    ) -> Result<R, StateError> {
        ctx.keyed_state().read_value(self.handle.id()?, read)
    }

    /// Sets the current key's value.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    #[inline]
    pub fn update(&self, ctx: &mut impl StateAccess, value: T) -> Result<(), StateError> {
        self.update_with(ctx, |current| *current = Some(value))
    }

    /// Calls `update` with the current key's value and stores what it leaves.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    #[inline]
    pub fn update_with<R>(
        &self,
        ctx: &mut impl StateAccess,
        update: impl FnOnce(&mut Option<T>) -> R,
    ) -> Result<R, StateError> {
        ctx.keyed_state().update_value(self.handle.id()?, update)
    }

    /// Removes the current key's value.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn clear(&self, ctx: &mut impl StateAccess) -> Result<(), StateError> {
        ctx.keyed_state().clear(self.handle.id()?)
    }

    /// Returns the values by slot: batch-wise access.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn column<'a>(
        &self,
        backend: &'a mut KeyedBackend,
        namespace: Namespace,
    ) -> Result<ValueColumn<'a, T>, StateError> {
        backend.value_column(self.handle.id()?, namespace)
    }

    /// Returns the values of two namespaces by slot.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    ///
    /// # Panics
    /// Where both are the same.
    pub fn column_pair<'a>(
        &self,
        backend: &'a mut KeyedBackend,
        namespaces: (Namespace, Namespace),
    ) -> Result<(ValueColumn<'a, T>, ValueColumn<'a, T>), StateError> {
        backend.value_column_pair(self.handle.id()?, namespaces)
    }

    /// Calls `visit` with key, hash and value of every key in `namespace` that has one, in a fixed
    /// order: how a window fires.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn for_each_entry(
        &self,
        backend: &mut KeyedBackend,
        namespace: Namespace,
        visit: impl FnMut(&[u8], u64, &T),
    ) -> Result<(), StateError> {
        backend.for_each_value(self.handle.id()?, namespace, visit)
    }
}

impl<T: RowCodec> StateHandle for ValueState<T> {
    fn name(&self) -> &str {
        &self.handle.name
    }

    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError> {
        let id = backend.register_value::<T>(&self.handle.name, self.handle.ttl)?;
        self.handle.id = Some(id);
        Ok(())
    }
}
