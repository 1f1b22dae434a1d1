//! State primitives: handles that user code keeps in its function and that describe the state.
//!
//! A handle is made with a name, registered when the function is opened, and then reads and writes
//! the current key's state through whatever gives [`StateAccess`]. Cloning a handle that isn't
//! registered clones the description; functions are cloned once a subtask.

mod aggregating;
mod list;
mod map;
mod reducing;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

pub use aggregating::{AggregateFunction, AggregatingState};
pub use list::ListState;
pub use map::MapState;
pub use reducing::{ReduceFunction, ReducingState};
pub use value::ValueState;

use crate::descriptor::StateId;
use crate::error::StateError;
use crate::keyed::KeyedBackend;
use crate::ttl::StateTtlConfig;

/// Gives access to the keyed state of a subtask: the context of a keyed function.
pub trait StateAccess {
    /// Returns the subtask's keyed state.
    fn keyed_state(&mut self) -> &mut KeyedBackend;

    /// Registers a state under its name, once for each handle, when the function is opened.
    ///
    /// # Errors
    /// [`StateError::DuplicateName`] where another handle has the name;
    /// [`StateError::TypeMismatch`] or [`StateError::Codec`] where what is held under the name is
    /// of another kind or type.
    fn register(&mut self, state: &mut impl StateHandle) -> Result<(), StateError>
    where
        Self: Sized,
    {
        state.register(self.keyed_state())
    }
}

impl StateAccess for KeyedBackend {
    fn keyed_state(&mut self) -> &mut KeyedBackend {
        self
    }
}

/// A state that can be registered.
pub trait StateHandle {
    /// Returns the state's name.
    fn name(&self) -> &str;

    /// Registers the state with `backend` and remembers the number it got.
    ///
    /// # Errors
    /// As [`StateAccess::register`].
    fn register(&mut self, backend: &mut KeyedBackend) -> Result<(), StateError>;
}

/// What handles of all kinds hold.
#[derive(Debug, Clone)]
struct Handle {
    name: Arc<str>,
    ttl: Option<StateTtlConfig>,
    id: Option<StateId>,
}

impl Handle {
    fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ttl: None, id: None }
    }

    #[inline]
    fn id(&self) -> Result<StateId, StateError> {
        match self.id {
            Some(id) => Ok(id),
            None => Err(self.not_registered()),
        }
    }

    #[cold]
    fn not_registered(&self) -> StateError {
        StateError::NotRegistered { state: self.name.clone() }
    }
}
