//! A list of elements a key.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::record::RowCodec;

use super::{Handle, StateAccess, StateHandle};
use crate::backend::KeyedStateBackend;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::ttl::StateTtlConfig;

/// A list of elements a key: Flink's `ListState`. A list without elements is no state.
pub struct ListState<T> {
    handle: Handle,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for ListState<T> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), element: PhantomData }
    }
}

impl<T> fmt::Debug for ListState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ListState").field(&self.handle.name).finish()
    }
}

impl<T: RowCodec> ListState<T> {
    /// Describes a state. The name identifies it within the operator, also in snapshots.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { handle: Handle::new(name), element: PhantomData }
    }

    /// Lets elements expire, each for itself.
    #[must_use]
    pub fn with_ttl(mut self, ttl: StateTtlConfig) -> Self {
        self.handle.ttl = Some(ttl);
        self
    }

    /// Returns a copy of the current key's elements.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], [`StateError::NoCurrentKey`].
    pub fn get(&self, ctx: &mut impl StateAccess) -> Result<Vec<T>, StateError> {
        self.with(ctx, <[T]>::to_vec)
    }

    /// Calls `read` with the current key's elements, without a copy.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn with<R>(
        &self,
        ctx: &mut impl StateAccess,
        read: impl FnOnce(&[T]) -> R,
    ) -> Result<R, StateError> {
        ctx.keyed_state().read_list(self.handle.id()?, read)
    }

    /// Appends an element.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn add(&self, ctx: &mut impl StateAccess, element: T) -> Result<(), StateError> {
        self.add_all(ctx, [element])
    }

    /// Appends elements.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn add_all(
        &self,
        ctx: &mut impl StateAccess,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<(), StateError> {
        ctx.keyed_state().add_to_list(self.handle.id()?, elements)
    }

    /// Sets the current key's elements.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn update(&self, ctx: &mut impl StateAccess, elements: Vec<T>) -> Result<(), StateError> {
        ctx.keyed_state().set_list(self.handle.id()?, elements)
    }

    /// Removes the current key's elements.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn clear(&self, ctx: &mut impl StateAccess) -> Result<(), StateError> {
        ctx.keyed_state().clear(self.handle.id()?)
    }
}

impl<T: RowCodec> StateHandle for ListState<T> {
    fn name(&self) -> &str {
        &self.handle.name
    }

    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError> {
        let id = backend.register_list::<T>(&self.handle.name, self.handle.ttl)?;
        self.handle.id = Some(id);
        Ok(())
    }
}
