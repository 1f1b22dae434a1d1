//! One accumulator a key, to which values are added.

use std::sync::Arc;

use sciurus_core::Record;
use sciurus_core::record::RowCodec;

use super::{StateAccess, StateHandle, ValueState};
use crate::column::ValueColumn;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::namespace::Namespace;
use crate::ttl::StateTtlConfig;

/// Flink's `AggregateFunction`: how values are added to an accumulator and what comes of it.
pub trait AggregateFunction: Clone + Send + 'static {
    /// What is added.
    type Input: Record;
    /// What is held.
    type Accumulator: RowCodec;
    /// What comes of it.
    type Output;

    /// Returns the accumulator of nothing.
    fn create_accumulator(&self) -> Self::Accumulator;

    /// Adds a value.
    fn add(&self, value: <Self::Input as Record>::View<'_>, accumulator: &mut Self::Accumulator);

    /// Returns what comes of the values added.
    fn result(&self, accumulator: &Self::Accumulator) -> Self::Output;

    /// Returns the accumulator of the values of both; must be associative.
    fn merge(&self, one: Self::Accumulator, other: Self::Accumulator) -> Self::Accumulator;
}

/// One accumulator a key, to which values are added: Flink's `AggregatingState`.
#[derive(Debug, Clone)]
pub struct AggregatingState<A: AggregateFunction> {
    accumulator: ValueState<A::Accumulator>,
    function: A,
}

impl<A: AggregateFunction> AggregatingState<A> {
    /// Describes a state. The name identifies it within the operator, also in snapshots.
    pub fn new(name: impl Into<Arc<str>>, function: A) -> Self {
        Self { accumulator: ValueState::new(name), function }
    }

    /// Lets accumulators expire.
    #[must_use]
    pub fn with_ttl(mut self, ttl: StateTtlConfig) -> Self {
        self.accumulator = self.accumulator.with_ttl(ttl);
        self
    }

    /// Returns what comes of the values added for the current key; `None` where there are none.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`], [`StateError::NoCurrentKey`].
    pub fn get(&self, ctx: &mut impl StateAccess) -> Result<Option<A::Output>, StateError> {
        self.accumulator.with(ctx, |accumulator| accumulator.map(|a| self.function.result(a)))
    }

    /// Adds a value for the current key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn add(
        &self,
        ctx: &mut impl StateAccess,
        value: <A::Input as Record>::View<'_>,
    ) -> Result<(), StateError> {
        self.accumulator.update_with(ctx, |accumulator| {
            let create = || self.function.create_accumulator();
            self.function.add(value, accumulator.get_or_insert_with(create));
        })
    }

    /// Removes what was added for the current key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn clear(&self, ctx: &mut impl StateAccess) -> Result<(), StateError> {
        self.accumulator.clear(ctx)
    }

    /// Returns the accumulators by slot: batch-wise access.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn column<'a>(
        &self,
        backend: &'a mut KeyedBackend,
        namespace: Namespace,
    ) -> Result<ValueColumn<'a, A::Accumulator>, StateError> {
        self.accumulator.column(backend, namespace)
    }
}

impl<A: AggregateFunction> StateHandle for AggregatingState<A> {
    fn name(&self) -> &str {
        self.accumulator.name()
    }

    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError> {
        self.accumulator.register(backend)
    }
}
