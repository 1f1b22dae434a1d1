//! Typed access to a state by slot.

use std::ops::Range;

use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

use crate::heap::marks::StateMarks;
use crate::heap::store::{Store, TypedStore, ValueStore};
use crate::slot::Slot;

/// The values of a value state in one namespace, by the slots resolved in this batch.
pub struct ValueColumn<'a, T> {
    store: &'a mut ValueStore<T>,
    unsettled: &'a mut Vec<u32>,
    now: Option<Timestamp>,
    marks: Option<&'a mut StateMarks>,
}

impl<'a, T: RowCodec> ValueColumn<'a, T> {
    pub(crate) fn new(
        store: &'a mut ValueStore<T>,
        unsettled: &'a mut Vec<u32>,
        slots: usize,
        marks: Option<&'a mut StateMarks>,
    ) -> Self {
        store.grow(slots);
        let now = store.now();
        Self { store, unsettled, now, marks }
    }

    /// Returns the value. Doesn't renew its time to live.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        self.store.peek(slot.index(), self.now)
    }

    /// Returns the values of a range of slots, each with its slot's number. Doesn't renew their
    /// time to live.
    pub fn range(&self, slots: Range<usize>) -> impl Iterator<Item = (usize, &T)> + Clone {
        slots.filter_map(|slot| self.store.peek(slot, self.now).map(|value| (slot, value)))
    }

    /// Returns the value for writing. To remove it, use [`clear`](Self::clear): of a key that is
    /// left without values through this function, the slot is not freed.
    ///
    /// # Panics
    /// Where `slot` wasn't resolved in this namespace in this batch.
    #[inline]
    pub fn slot_mut(&mut self, slot: Slot) -> &mut Option<T> {
        if let Some(marks) = &mut self.marks {
            marks.set_dirty(slot.0);
        }
        self.store.write(slot.index(), self.now)
    }

    /// Removes the value. The key is forgotten at the end of the batch if it has no other.
    pub fn clear(&mut self, slot: Slot) {
        if let Some(marks) = &mut self.marks {
            marks.set_dirty(slot.0);
        }
        self.store.clear(slot.index());
        self.unsettled.push(slot.0);
    }
}
