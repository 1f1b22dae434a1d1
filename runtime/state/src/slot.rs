//! Slots: where a key's values are.

/// A key's place in one namespace: the index of its row in the columns of all states there.
///
/// Dense: a freed slot is given to the next new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// How many keys one namespace of one subtask holds.
    pub const LIMIT: u32 = 1 << 31;

    /// Returns the slot's number.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
