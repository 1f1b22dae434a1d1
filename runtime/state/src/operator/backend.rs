//! The operator state of one subtask.

use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sciurus_core::record::{DecodeError, RowCodec};

use super::{
    BroadcastState, OperatorListState, OperatorSnapshot, OperatorStateItems, Redistribution,
};
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
        let item = |item: &T| {
            let mut bytes = Vec::new();
            item.encode_row(&mut bytes);
            bytes
        };
        self.iter().map(item).collect()
    }
}

impl<K: RowCodec + Ord, V: RowCodec> Items for BTreeMap<K, V> {
    fn encode(&self) -> Vec<Vec<u8>> {
        let entry = |(key, value): (&K, &V)| {
            let mut bytes = Vec::new();
            key.encode_row(&mut bytes);
            value.encode_row(&mut bytes);
            bytes
        };
        self.iter().map(entry).collect()
    }
}

/// Reads all of some bytes.
fn decode<T>(
    mut bytes: &[u8],
    decode: impl FnOnce(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let item = decode(&mut bytes)?;
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
        let restored = self.claim(&state.name, state.redistribution)?;
        let items = restored.iter().map(|bytes| decode(bytes, T::decode_row));
        let items: Result<Vec<T>, _> = items.collect();
        let items = items.map_err(|source| StateError::Codec {
            state: state.name.clone(),
            kind: StateKind::List,
            type_name: type_name::<T>(),
            source,
        })?;
        state.index = Some(self.add(&state.name, state.redistribution, Box::new(items)));
        Ok(())
    }

    /// Registers a map of which every subtask has all, with the entries restored of it if there are
    /// any.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_broadcast<K: RowCodec + Ord, V: RowCodec>(
        &mut self,
        state: &mut BroadcastState<K, V>,
    ) -> Result<(), StateError> {
        let restored = self.claim(&state.name, Redistribution::Broadcast)?;
        let entry = |bytes: &mut &[u8]| Ok((K::decode_row(bytes)?, V::decode_row(bytes)?));
        let entries: Result<BTreeMap<K, V>, _> =
            restored.iter().map(|bytes| decode(bytes, entry)).collect();
        let entries = entries.map_err(|source| StateError::Codec {
            state: state.name.clone(),
            kind: StateKind::Map,
            type_name: type_name::<(K, V)>(),
            source,
        })?;
        state.index = Some(self.add(&state.name, Redistribution::Broadcast, Box::new(entries)));
        Ok(())
    }

    /// Takes what was restored of a state that is not registered yet.
    fn claim(
        &mut self,
        name: &Arc<str>,
        redistribution: Redistribution,
    ) -> Result<Vec<Vec<u8>>, StateError> {
        if self.states.iter().any(|other| other.name == *name) {
            return Err(StateError::DuplicateName { state: name.clone() });
        }
        if self.states.len() == StateId::LIMIT {
            return Err(StateError::Limit {
                what: "the number of states of one operator",
                limit: StateId::LIMIT as u64,
            });
        }
        let unclaimed = &mut self.unclaimed.states;
        let Some(index) = unclaimed.iter().position(|other| *other.name == **name) else {
            return Ok(Vec::new());
        };
        if unclaimed[index].redistribution != redistribution {
            return Err(StateError::TypeMismatch {
                state: name.clone(),
                expected: format!("{redistribution:?} operator state"),
                found: format!("{:?} operator state", unclaimed[index].redistribution),
            });
        }
        Ok(unclaimed.remove(index).items)
    }

    fn add(
        &mut self,
        name: &Arc<str>,
        redistribution: Redistribution,
        items: Box<dyn Items>,
    ) -> usize {
        self.states.push(State { name: name.clone(), redistribution, items });
        self.states.len() - 1
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

    /// Returns the items of a registered state, whose collection is an `I`.
    pub(super) fn items_of<I: 'static>(
        &self,
        name: &Arc<str>,
        index: Option<usize>,
    ) -> Result<&I, StateError> {
        let state = index.and_then(|index| self.states.get(index));
        let any = state
            .filter(|state| state.name == *name)
            .map(|state| -> &dyn Any { state.items.as_ref() });
        any.and_then(|any| any.downcast_ref())
            .ok_or_else(|| StateError::NotRegistered { state: name.clone() })
    }

    /// Returns the items of a registered state, whose collection is an `I`, to change them.
    pub(super) fn items_of_mut<I: 'static>(
        &mut self,
        name: &Arc<str>,
        index: Option<usize>,
    ) -> Result<&mut I, StateError> {
        let state = index.and_then(|index| self.states.get_mut(index));
        let any = state
            .filter(|state| state.name == *name)
            .map(|state| -> &mut dyn Any { state.items.as_mut() });
        any.and_then(|any| any.downcast_mut())
            .ok_or_else(|| StateError::NotRegistered { state: name.clone() })
    }
}
