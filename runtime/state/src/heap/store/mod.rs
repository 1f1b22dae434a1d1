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

    /// Removes what has expired of `slot`.
    fn expire(&mut self, slot: usize, now: Timestamp);

    /// Returns a view of the column that stays as it is.
    fn snapshot(&mut self) -> Box<dyn StoreSnapshot>;
}

/// An immutable view of a column.
pub(crate) trait StoreSnapshot: Send + Sync {
    /// Appends those of `slots` for which something is stored to `out`.
    fn occupied(&self, slots: &[u32], out: &mut Vec<u32>);

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
