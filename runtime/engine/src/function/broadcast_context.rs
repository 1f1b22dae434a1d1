//! What functions over a broadcast stream are given.

use std::ops::{Deref, DerefMut};

use sciurus_state::{KeyedBackend, OperatorBackend, StateAccess};

use super::{Context, KeyedContext, OnTimerContext};

/// The context of a record or timer that may read broadcast state.
pub struct ReadBroadcast<'c, C> {
    context: &'c mut C,
    state: &'c OperatorBackend,
}

/// The context of a record of a stream without keys.
pub type ReadOnlyContext<'c, 'a> = ReadBroadcast<'c, Context<'a>>;

/// The context of a record of a keyed stream.
pub type KeyedReadOnlyContext<'c, 'a, K> = ReadBroadcast<'c, KeyedContext<'a, K>>;

/// The context of a timer.
pub type ReadOnlyOnTimerContext<'c, 'a, K> = ReadBroadcast<'c, OnTimerContext<'a, K>>;

impl<'c, C> ReadBroadcast<'c, C> {
    pub(crate) fn new(context: &'c mut C, state: &'c OperatorBackend) -> Self {
        Self { context, state }
    }

    /// Returns where the broadcast state is, to be read.
    pub fn broadcast_state(&self) -> &'c OperatorBackend {
        self.state
    }
}

impl<C> Deref for ReadBroadcast<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.context
    }
}

impl<C> DerefMut for ReadBroadcast<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        self.context
    }
}

impl<C: StateAccess> StateAccess for ReadBroadcast<'_, C> {
    fn keyed_state(&mut self) -> &mut KeyedBackend {
        self.context.keyed_state()
    }
}

/// The context of a broadcast record, which may change broadcast state.
pub struct BroadcastContext<'c, 'a> {
    context: &'c mut Context<'a>,
    state: &'c mut OperatorBackend,
}

impl<'c, 'a> BroadcastContext<'c, 'a> {
    pub(crate) fn new(context: &'c mut Context<'a>, state: &'c mut OperatorBackend) -> Self {
        Self { context, state }
    }

    /// Returns where the broadcast state is.
    pub fn broadcast_state(&mut self) -> &mut OperatorBackend {
        self.state
    }
}

impl<'a> Deref for BroadcastContext<'_, 'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        self.context
    }
}

impl DerefMut for BroadcastContext<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.context
    }
}
