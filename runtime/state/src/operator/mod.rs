//! Operator state: lists and maps of a subtask that belong to no key, such as what a source has
//! read.
//!
//! When a job is restored, at the same or at another parallelism, the items of all subtasks are
//! [redistributed](redistribute).

mod backend;
mod broadcast;
mod snapshot;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::record::RowCodec;

pub use backend::OperatorBackend;
pub use broadcast::BroadcastState;
pub use snapshot::{OperatorSnapshot, OperatorStateItems, redistribute};

use crate::error::StateError;

/// Who gets which items of a list when a job is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redistribution {
    /// Every item goes to one subtask: to the same as before where the parallelism is the same,
    /// else in turn.
    Split,
    /// Every subtask gets the items of all.
    Union,
    /// All subtasks have the same items: every subtask gets those of one, its own where the
    /// parallelism is the same.
    Broadcast,
}

/// A list of a subtask: Flink's operator `ListState`, split or union.
///
/// ```
/// use sciurus_state::operator::{OperatorBackend, OperatorListState};
///
/// let mut backend = OperatorBackend::new();
/// let mut offsets = OperatorListState::<i64>::split("offsets");
/// backend.register(&mut offsets)?;
/// offsets.add(&mut backend, 42)?;
/// assert_eq!(offsets.get(&backend)?, [42]);
/// # Ok::<(), sciurus_state::StateError>(())
/// ```
pub struct OperatorListState<T> {
    name: Arc<str>,
    redistribution: Redistribution,
    index: Option<usize>,
    item: PhantomData<fn() -> T>,
}

impl<T> Clone for OperatorListState<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), item: PhantomData, ..*self }
    }
}

impl<T> fmt::Debug for OperatorListState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OperatorListState").field(&self.name).field(&self.redistribution).finish()
    }
}

impl<T: RowCodec> OperatorListState<T> {
    fn new(name: impl Into<Arc<str>>, redistribution: Redistribution) -> Self {
        Self { name: name.into(), redistribution, index: None, item: PhantomData }
    }

    /// Describes a list whose items are shared out among the subtasks.
    pub fn split(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Redistribution::Split)
    }

    /// Describes a list that every subtask gets as a whole.
    pub fn union(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Redistribution::Union)
    }

    /// Returns the items.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn get<'a>(&self, backend: &'a OperatorBackend) -> Result<&'a [T], StateError> {
        backend.items_of::<Vec<T>>(&self.name, self.index).map(Vec::as_slice)
    }

    /// Appends an item.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn add(&self, backend: &mut OperatorBackend, item: T) -> Result<(), StateError> {
        backend.items_of_mut::<Vec<T>>(&self.name, self.index).map(|items| items.push(item))
    }

    /// Sets the items.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn update(&self, backend: &mut OperatorBackend, new: Vec<T>) -> Result<(), StateError> {
        backend.items_of_mut(&self.name, self.index).map(|items| *items = new)
    }

    /// Removes all items.
    ///
    /// # Errors
    /// [`StateError::NotRegistered`].
    pub fn clear(&self, backend: &mut OperatorBackend) -> Result<(), StateError> {
        backend.items_of_mut::<Vec<T>>(&self.name, self.index).map(Vec::clear)
    }
}
