//! The columns of a table: one for each state, indexed by slot.

mod list;
mod map;
mod value;

use std::any::Any;

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::time::Timestamp;

pub(crate) use list::ListStore;
pub(crate) use map::MapStore;
pub(crate) use value::ValueStore;

use crate::heap::keys::{KeyCell, KeySnapshot};
use crate::snapshot::{BLOCK_BYTES, SnapshotError, size};
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
    /// Appends an entry for each of `slots` for which something is stored, in the snapshot form,
    /// until `out` has grown to the size of a block.
    fn encode_entries(
        &self,
        keys: &KeySnapshot,
        slots: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<Encoded, SnapshotError> {
        // Made anew for each type of column, so that no call of it is a dynamic one.
        let occupied = |slot| self.is_occupied(slot);
        encode_entries(keys, slots, out, occupied, |slot, out| self.encode(slot, out))
    }

    /// Returns whether something is stored for `slot`.
    fn is_occupied(&self, slot: usize) -> bool;

    /// Appends what is stored for `slot` in the snapshot form.
    fn encode(&self, slot: usize, out: &mut Vec<u8>);
}

/// What was encoded of some slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// How many of the slots.
    pub(crate) slots: usize,
    /// How many had something.
    pub(crate) entries: u32,
}

/// Slots that are looked at together.
const BLOCK_SLOTS: usize = 128;

/// Appends an entry for each of `slots` that is `occupied`, until `out` is as large as a block.
#[inline]
fn encode_entries(
    keys: &KeySnapshot,
    slots: &[u32],
    out: &mut Vec<u8>,
    occupied: impl Fn(usize) -> bool,
    encode: impl Fn(usize, &mut Vec<u8>),
) -> Result<Encoded, SnapshotError> {
    let mut encoded = Encoded { slots: 0, entries: 0 };
    for block in slots.chunks(BLOCK_SLOTS) {
        // The slots of a group lie far apart: the memory of many is waited for at once.
        let mut values = [false; BLOCK_SLOTS];
        let mut cells = [KeyCell::FREE; BLOCK_SLOTS];
        for (slot, value) in block.iter().zip(&mut values) {
            *value = occupied(*slot as usize);
        }
        for (slot, cell) in block.iter().zip(&mut cells) {
            *cell = keys.cell(*slot);
        }
        let touched = cells.iter().fold(0, |touched, cell| touched ^ keys.touch(*cell));
        std::hint::black_box(touched);
        for ((slot, cell), occupied) in block.iter().zip(&cells).zip(values) {
            if out.len() >= BLOCK_BYTES {
                return Ok(encoded);
            }
            encoded.slots += 1;
            if !occupied || cell.is_free() {
                continue;
            }
            keys.put_sized(*cell, out)?;
            let start = out.len();
            out.extend_from_slice(&[0; 4]);
            encode(*slot as usize, out);
            let length = size(out.len() - start - 4, "a value")?;
            out[start..start + 4].copy_from_slice(&length);
            encoded.entries += 1;
        }
    }
    Ok(encoded)
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
