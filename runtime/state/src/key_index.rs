//! Dense numbers for keys, outside of any backend.

use std::fmt;
use std::ops::Range;

use sciurus_core::key::{KeyBytes, hash_key};

use crate::error::StateError;
use crate::heap::rows::{Rows, WithRows, with_rows};
use crate::heap::table::Table;
use crate::keyed::KeyedBackend;
use crate::namespace::Namespace;
use crate::slot::Slot;

/// Gives keys slots, by which the caller keeps what it has of them; in memory.
///
/// For what is derived from keyed state and can be made from it again: no snapshot holds it. Slots
/// count up from 0 in the order in which keys come, and none is ever freed.
pub struct KeyIndex {
    table: Table,
}

impl fmt::Debug for KeyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyIndex").field("keys", &self.len()).finish()
    }
}

impl Default for KeyIndex {
    fn default() -> Self {
        Self { table: Table::new(Namespace::VOID) }
    }
}

struct Resolve<'a>(&'a mut Table, &'a mut Vec<Slot>);

impl WithRows for Resolve<'_> {
    type Output = Result<(), StateError>;

    fn run(self, rows: &impl Rows) -> Self::Output {
        self.0.resolve(rows, self.1)
    }
}

impl KeyIndex {
    /// Makes an index without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.table.keys.slots()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the slots of the selected rows' keys to `out`, new ones for keys that aren't known.
    ///
    /// # Errors
    /// [`StateError::Limit`] where there are too many keys.
    ///
    /// # Panics
    /// Where there isn't one hash a key, or `selection` names a row that isn't there.
    pub fn resolve(
        &mut self,
        keys: &KeyBytes,
        hashes: &[u64],
        selection: Option<&[u32]>,
        out: &mut Vec<Slot>,
    ) -> Result<(), StateError> {
        out.clear();
        let resolved = with_rows(keys, hashes, selection, Resolve(&mut self.table, out));
        self.table.unsettled.clear();
        resolved
    }

    /// Writes to `out` the slots of all keys of a namespace of `backend` other than
    /// [`Namespace::VOID`]: there, and here.
    ///
    /// # Errors
    /// [`StateError::Limit`] where there are too many keys; a failed read of the backend.
    pub fn resolve_namespace(
        &mut self,
        backend: &KeyedBackend,
        namespace: Namespace,
        out: &mut Vec<(Slot, Slot)>,
    ) -> Result<(), StateError> {
        out.clear();
        if let Some(from) = backend.panes().table(namespace) {
            self.table.resolve_entries(from, out)?;
            self.table.unsettled.clear();
        }
        Ok(())
    }

    /// Calls `visit` with the keys of a range of slots, in order.
    ///
    /// # Panics
    /// Where there aren't so many slots.
    pub fn for_each_key(&self, slots: Range<usize>, mut visit: impl FnMut(&[u8])) {
        assert!(slots.end <= self.len(), "slots up to {} of {}", slots.end, self.len());
        for slot in slots {
            if let Some(key) = self.table.keys.get(slot as u32) {
                visit(key.as_slice());
            }
        }
    }

    /// Leaves out the keys whose slot is not to be kept. Writes the slot that each has now to
    /// `moved`, by the slot it had before; `None` where it was left out. The order stays.
    ///
    /// # Errors
    /// None: there are no more keys than before.
    pub fn retain(
        &mut self,
        mut keep: impl FnMut(usize) -> bool,
        moved: &mut Vec<Option<Slot>>,
    ) -> Result<(), StateError> {
        moved.clear();
        let mut kept = Table::with_capacity(Namespace::VOID, self.len() / 2);
        for slot in 0..self.len() {
            let key = self.table.keys.get(slot as u32).filter(|_| keep(slot));
            moved.push(match key {
                Some(key) => {
                    let key = key.as_slice();
                    Some(kept.find_or_insert(hash_key(key), key)?)
                }
                None => None,
            });
        }
        kept.unsettled.clear();
        self.table = kept;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::key::{KeyBytesBuilder, KeyGroupRange};

    use super::*;
    use crate::backend::{BackendConfig, KeyedStateBackend};

    fn keys(names: &[&str]) -> KeyBytes {
        let mut keys = KeyBytesBuilder::default();
        for name in names {
            keys.push(name.as_bytes());
        }
        keys.finish()
    }

    fn slots(index: &mut KeyIndex, names: &[&str]) -> Vec<usize> {
        let keys = keys(names);
        let mut slots = Vec::new();
        index.resolve(&keys, &keys.hashes(), None, &mut slots).unwrap();
        slots.into_iter().map(Slot::index).collect()
    }

    fn names(index: &KeyIndex) -> Vec<String> {
        let mut names = Vec::new();
        index.for_each_key(0..index.len(), |key| {
            names.push(String::from_utf8(key.to_vec()).unwrap());
        });
        names
    }

    #[test]
    fn slots_count_up_and_stay() {
        let mut index = KeyIndex::new();
        assert_eq!(
            slots(&mut index, &["nut", "a key of more than twelve bytes", "nut"]),
            [0, 1, 0]
        );
        assert_eq!(slots(&mut index, &["oak", "a key of more than twelve bytes"]), [2, 1]);
        assert_eq!(names(&index), ["nut", "a key of more than twelve bytes", "oak"]);
    }

    #[test]
    fn the_keys_of_a_namespace_get_slots_of_their_own() {
        let range = KeyGroupRange::of_subtask(0, 1, 128);
        let mut backend = KeyedBackend::heap(BackendConfig::new(128, range));
        let state = backend.register_value::<i64>(&"state".into(), None).unwrap();
        let keys = keys(&["oak", "nut"]);
        let mut there = Vec::new();
        let pane = Namespace(7);
        backend.resolve(pane, &keys, &keys.hashes(), None, &mut there).unwrap();
        for slot in &there {
            *backend.value_column(state, pane).unwrap().slot_mut(*slot) = Some(1_i64);
        }
        backend.finish_batch().unwrap();

        let mut index = KeyIndex::new();
        assert_eq!(slots(&mut index, &["nut"]), [0]);
        let mut pairs = Vec::new();
        index.resolve_namespace(&backend, pane, &mut pairs).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(from, to)| (from.index(), to.index())).collect();
        assert_eq!(pairs, [(0, 1), (1, 0)]);
        let mut none = vec![(there[0], there[0])];
        index.resolve_namespace(&backend, Namespace(8), &mut none).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn keys_that_are_left_out_make_room_for_the_others() {
        let mut index = KeyIndex::new();
        slots(&mut index, &["a", "b", "c", "d"]);
        let mut moved = Vec::new();
        index.retain(|slot| slot % 2 == 1, &mut moved).unwrap();
        let moved: Vec<_> = moved.into_iter().map(|slot| slot.map(Slot::index)).collect();
        assert_eq!(moved, [None, Some(0), None, Some(1)]);
        assert_eq!(slots(&mut index, &["d", "a", "b"]), [1, 2, 0]);
    }
}
