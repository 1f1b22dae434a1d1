//! One value a key, with which every value added is combined.

use std::sync::Arc;

use sciurus_core::record::RowCodec;

use super::{StateAccess, StateHandle, ValueState};
use crate::column::ValueColumn;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::namespace::Namespace;
use crate::ttl::StateTtlConfig;

/// Combines two values into one of the same type; must be associative.
///
/// Implemented for closures and functions `Fn(T, T) -> T`.
pub trait ReduceFunction<T>: Clone + Send + 'static {
    /// Combines what was there before with a later value.
    fn reduce(&self, earlier: T, later: T) -> T;
}

impl<T, F: Fn(T, T) -> T + Clone + Send + 'static> ReduceFunction<T> for F {
    fn reduce(&self, earlier: T, later: T) -> T {
        self(earlier, later)
    }
}

/// One value a key, with which every value added is combined: Flink's `ReducingState`.
///
/// `ReducingState<i64>` takes a function pointer, `ReducingState<i64, F>` any [`ReduceFunction`].
#[derive(Debug, Clone)]
pub struct ReducingState<T, F = fn(T, T) -> T> {
    value: ValueState<T>,
    function: F,
}

impl<T: RowCodec, F: ReduceFunction<T>> ReducingState<T, F> {
    /// Describes a state. The name identifies it within the operator, also in snapshots.
    pub fn new(name: impl Into<Arc<str>>, function: F) -> Self {
        Self { value: ValueState::new(name), function }
    }

    /// Lets values expire.
    #[must_use]
    pub fn with_ttl(mut self, ttl: StateTtlConfig) -> Self {
        self.value = self.value.with_ttl(ttl);
        self
    }

    /// Returns a copy of the current key's value.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], [`StateError::NoCurrentKey`].
    pub fn get(&self, ctx: &mut impl StateAccess) -> Result<Option<T>, StateError> {
        self.value.value(ctx)
    }

    /// Combines the current key's value with `value`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn add(&self, ctx: &mut impl StateAccess, value: T) -> Result<(), StateError> {
        self.value.update_with(ctx, |current| {
            *current = Some(match current.take() {
                Some(earlier) => self.function.reduce(earlier, value),
                None => value,
            });
        })
    }

    /// Removes the current key's value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn clear(&self, ctx: &mut impl StateAccess) -> Result<(), StateError> {
        self.value.clear(ctx)
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
        self.value.column(backend, namespace)
    }
}

impl<T: RowCodec, F: ReduceFunction<T>> StateHandle for ReducingState<T, F> {
    fn name(&self) -> &str {
        self.value.name()
    }

    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError> {
        self.value.register(backend)
    }
}
