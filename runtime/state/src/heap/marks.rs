//! What a table that stands in front of a database remembers of each slot and state.

/// The slot holds what the database does, or something newer.
const KNOWN: u8 = 1;
/// The database has yet to be told.
const DIRTY: u8 = 2;
/// A snapshot tells the database; until it has, the slot must stay.
const PENDING: u8 = 4;

/// The marks of one state, by slot.
#[derive(Debug, Default)]
pub(crate) struct StateMarks {
    flags: Vec<u8>,
    dirty: Vec<u32>,
}

impl StateMarks {
    #[inline]
    fn has(&self, slot: u32, flags: u8) -> bool {
        self.flags.get(slot as usize).is_some_and(|marks| marks & flags != 0)
    }

    fn add(&mut self, slot: u32, flags: u8) {
        let index = slot as usize;
        if self.flags.len() <= index {
            self.flags.resize(index + 1, 0);
        }
        self.flags[index] |= flags;
    }

    #[inline]
    pub(crate) fn is_known(&self, slot: u32) -> bool {
        self.has(slot, KNOWN)
    }

    pub(crate) fn set_known(&mut self, slot: u32) {
        self.add(slot, KNOWN);
    }

    #[inline]
    pub(crate) fn set_dirty(&mut self, slot: u32) {
        if !self.has(slot, DIRTY) {
            self.become_dirty(slot);
        }
    }

    /// The first time that the slot is written to since the database was told of it.
    // Apart, so that all else becomes part of the loops that write.
    #[inline(never)]
    fn become_dirty(&mut self, slot: u32) {
        self.add(slot, KNOWN | DIRTY);
        self.dirty.push(slot);
    }

    /// Returns the slots that the database has yet to be told of, in the order in which they were
    /// written to first.
    pub(crate) fn dirty(&self) -> &[u32] {
        &self.dirty
    }

    /// Takes the slots that the database has yet to be told of; they are pending then.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        for slot in &self.dirty {
            let flags = &mut self.flags[*slot as usize];
            *flags = (*flags & !DIRTY) | PENDING;
        }
        std::mem::take(&mut self.dirty)
    }

    /// The database was told of these.
    pub(crate) fn settle(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(flags) = self.flags.get_mut(*slot as usize) {
                *flags &= !PENDING;
            }
        }
    }
}

/// The marks of a table.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    states: Vec<StateMarks>,
    /// Whether a slot was in use since the last sweep.
    recent: Vec<bool>,
}

impl Marks {
    /// Returns the marks of a state.
    #[inline]
    pub(crate) fn state(&mut self, state: usize) -> &mut StateMarks {
        if self.states.len() <= state {
            self.states.resize_with(state + 1, StateMarks::default);
        }
        &mut self.states[state]
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = (usize, &mut StateMarks)> {
        self.states.iter_mut().enumerate()
    }

    /// Returns whether the database has yet to be told of `slot`.
    pub(crate) fn is_held(&self, slot: u32) -> bool {
        self.states.iter().any(|state| state.has(slot, DIRTY | PENDING))
    }

    /// Returns whether the value of `slot` is newer than the database's.
    pub(crate) fn is_known(&self, state: usize, slot: u32) -> bool {
        self.states.get(state).is_some_and(|state| state.is_known(slot))
    }

    pub(crate) fn forget(&mut self, slot: u32) {
        for state in &mut self.states {
            if let Some(flags) = state.flags.get_mut(slot as usize) {
                *flags = 0;
            }
        }
        if let Some(recent) = self.recent.get_mut(slot as usize) {
            *recent = false;
        }
    }

    #[inline]
    pub(crate) fn touch(&mut self, slot: u32) {
        let index = slot as usize;
        if self.recent.len() <= index {
            self.recent.resize(index + 1, false);
        }
        self.recent[index] = true;
    }

    /// Returns whether `slot` was in use since this was asked last.
    pub(crate) fn take_recent(&mut self, slot: u32) -> bool {
        self.recent.get_mut(slot as usize).is_some_and(std::mem::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_held_until_the_database_was_told() {
        let mut marks = Marks::default();
        marks.state(1).set_dirty(7);
        marks.state(1).set_dirty(7);
        assert!(marks.is_held(7) && marks.is_known(1, 7) && !marks.is_known(0, 7));
        let pending = marks.state(1).take_dirty();
        assert_eq!(pending, [7]);
        assert!(marks.is_held(7));
        marks.state(1).set_dirty(7);
        marks.state(1).settle(&pending);
        assert!(marks.is_held(7), "it was written to again");
        let pending = marks.state(1).take_dirty();
        marks.state(1).settle(&pending);
        assert!(!marks.is_held(7) && marks.is_known(1, 7));
        marks.forget(7);
        assert!(!marks.is_known(1, 7));
    }
}
