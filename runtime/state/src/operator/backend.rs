//! The operator state of one subtask.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use sciurus_core::record::{DecodeError, RowCodec};

use super::{OperatorListState, OperatorSnapshot, OperatorStateItems, Redistribution};
use crate::descriptor::{StateId, StateKind};
use crate::error::StateError;

/// The operator state of one subtask. It is small: a snapshot copies it.
#[derive(Debug, Default)]
pub struct OperatorBackend {
    states: Vec<State>,
    /// What was restored of states that aren't registered yet; they go on into the next snapshot.
    unclaimed: OperatorSnapshot,
}

struct State {
    name: Arc<str>,
    redistribution: Redistribution,
    items: Box<dyn Items>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.redistribution)
    }
}

/// Items whatever their type.
trait Items: Any + Send {
    fn encode(&self) -> Vec<Vec<u8>>;
}

impl<T: RowCodec> Items for Vec<T> {
    fn encode(&self) -> Vec<Vec<u8>> {
        self.iter()
            .map(|item| {
                let mut bytes = Vec::new();
                item.encode_row(&mut bytes);
                bytes
            })
            .collect()
    }
}

fn decode<T: RowCodec>(mut bytes: &[u8]) -> Result<T, DecodeError> {
    let item = T::decode_row(&mut bytes)?;
    if bytes.is_empty() { Ok(item) } else { Err(DecodeError::Trailing { bytes: bytes.len() }) }
}

impl OperatorBackend {
    /// Makes an empty backend.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a backend with the part of a snapshot that [`redistribute`](super::redistribute) gave
    /// this subtask.
    pub fn restored(snapshot: OperatorSnapshot) -> Self {
        Self { states: Vec::new(), unclaimed: snapshot }
    }

    /// Registers a list, with the items restored of it if there are any.
    ///
    /// # Errors
    /// [`StateError::DuplicateName`]; [`StateError::TypeMismatch`] where what was restored is to be
    /// redistributed in another way; [`StateError::Codec`] where it is of another type.
    pub fn register<T: RowCodec>(
        &mut self,
        state: &mut OperatorListState<T>,
    ) -> Result<(), StateError> {
        if self.states.iter().any(|other| other.name == state.name) {
            return Err(StateError::DuplicateName { state: state.name.clone() });
        }
        if self.states.len() == StateId::LIMIT {
            return Err(StateError::Limit {
                what: "the number of states of one operator",
                limit: StateId::LIMIT as u64,
            });
        }
        let mut items = Vec::<T>::new();
        let unclaimed = &mut self.unclaimed.states;
        if let Some(index) = unclaimed.iter().position(|other| *other.name == *state.name) {
            if unclaimed[index].redistribution != state.redistribution {
                return Err(StateError::TypeMismatch {
                    state: state.name.clone(),
                    expected: format!("{:?} operator state", state.redistribution),
                    found: format!("{:?} operator state", unclaimed[index].redistribution),
                });
            }
            for bytes in &unclaimed[index].items {
                items.push(decode(bytes).map_err(|source| StateError::Codec {
                    state: state.name.clone(),
                    kind: StateKind::List,
                    type_name: type_name::<T>(),
                    source,
                })?);
            }
            unclaimed.remove(index);
        }
        state.index = Some(self.states.len());
        self.states.push(State {
            name: state.name.clone(),
            redistribution: state.redistribution,
            items: Box::new(items),
        });
        Ok(())
    }

    /// Returns a copy of all state in its binary form.
    pub fn snapshot(&self) -> OperatorSnapshot {
        let registered = self.states.iter().map(|state| OperatorStateItems {
            name: state.name.to_string(),
            redistribution: state.redistribution,
            items: state.items.encode(),
        });
        OperatorSnapshot { states: registered.chain(self.unclaimed.states.clone()).collect() }
    }

    pub(super) fn items<T: RowCodec>(
        &self,
        name: &Arc<str>,
        index: usize,
    ) -> Result<&Vec<T>, StateError> {
        let state = self.states.get(index).filter(|state| state.name == *name);
        let any = state.map(|state| -> &dyn Any { state.items.as_ref() });
        any.and_then(|any| any.downcast_ref())
            .ok_or_else(|| StateError::NotRegistered { state: name.clone() })
    }

    pub(super) fn items_mut<T: RowCodec>(
        &mut self,
        name: &Arc<str>,
        index: usize,
    ) -> Result<&mut Vec<T>, StateError> {
        let state = self.states.get_mut(index).filter(|state| state.name == *name);
        let any = state.map(|state| -> &mut dyn Any { state.items.as_mut() });
        any.and_then(|any| any.downcast_mut())
            .ok_or_else(|| StateError::NotRegistered { state: name.clone() })
    }
}
