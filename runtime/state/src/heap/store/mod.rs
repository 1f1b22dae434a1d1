//! The columns of a table: one for each state, indexed by slot.

mod list;
mod map;
mod value;

use std::any::Any;
use std::ops::Range;

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::time::Timestamp;

pub(crate) use list::ListStore;
pub(crate) use map::MapStore;
pub(crate) use value::ValueStore;

use crate::heap::keys::KeySnapshot;
use crate::snapshot::{GroupBuffers, SnapshotError, put_value};
use crate::ttl::Ttl;

/// Reads the time at which something was last renewed: the present where the snapshot has none.
fn decode_stamp(
    ttl: Option<&Ttl>,
    stamped: bool,
    input: &mut &[u8],
) -> Result<Timestamp, DecodeError> {
    if stamped { Timestamp::decode_row(input) } else { Ok(ttl.map_or(0, Ttl::now)) }
}

/// A column whatever its type.
pub(crate) trait Store: Any + Send {
    /// Returns whether nothing is stored for `slot`.
    fn is_vacant(&self, slot: usize) -> bool;

    /// Removes what is stored for `slot`.
    fn clear(&mut self, slot: usize);

    /// Appends what is stored for `slot` in the snapshot form.
    #[cfg(feature = "rocksdb")]
    fn encode(&self, slot: usize, out: &mut Vec<u8>);

    /// Removes what has expired of `slot`.
    fn expire(&mut self, slot: usize, now: Timestamp);

    /// Returns a view of the column that stays as it is.
    fn snapshot(&mut self) -> Box<dyn StoreSnapshot>;
}

/// An immutable view of a column.
pub(crate) trait StoreSnapshot: Send + Sync {
    /// Puts an entry for each of `slots` for which something is stored, in the snapshot form, into
    /// the buffer of its key group, the place of which `groups` has by slot, until the buffers are
    /// full; takes the slots out of `slots` and returns how many entries these are.
    fn encode_entries(
        &self,
        keys: &KeySnapshot,
        groups: &[u16],
        slots: &mut Range<usize>,
        out: &mut GroupBuffers,
    ) -> Result<u64, SnapshotError> {
        // Made anew for each type of column, so that no call in the loop is a dynamic one.
        let mut entries = 0;
        while !out.is_full()
            && let Some(slot) = slots.next()
        {
            let cell = keys.cell(slot as u32);
            if cell.is_free() || !self.is_occupied(slot) {
                continue;
            }
            out.put(groups[slot], |out| {
                keys.put_sized(cell, out)?;
                put_value(out, |out| self.encode(slot, out))
            })?;
            entries += 1;
        }
        Ok(entries)
    }

    /// Returns whether something is stored for `slot`.
    fn is_occupied(&self, slot: usize) -> bool;

    /// Appends what is stored for `slot` in the snapshot form.
    fn encode(&self, slot: usize, out: &mut Vec<u8>);
}

/// A column that can be made from its type.
pub(crate) trait TypedStore: Store + Sized {
    /// Makes an empty column.
    fn new(ttl: Option<Ttl>) -> Self;

    /// Makes room for `slots` slots.
    fn grow(&mut self, slots: usize);

    /// Reads what is stored for `slot` from its snapshot form, `stamped` with times or not. There
    /// must be room for `slot`.
    fn decode(&mut self, slot: usize, stamped: bool, input: &mut &[u8]) -> Result<(), DecodeError>;

    /// Returns kind and type of the values, for error messages.
    fn describe() -> String;
}
