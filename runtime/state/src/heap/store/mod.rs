//! The columns of a table: one for each state, indexed by slot.

mod list;
mod map;
mod value;

use std::any::Any;

use sciurus_core::time::Timestamp;

pub(crate) use list::ListStore;
pub(crate) use map::MapStore;
pub(crate) use value::ValueStore;

use crate::ttl::Ttl;

/// A column whatever its type.
pub(crate) trait Store: Any + Send {
    /// Returns whether nothing is stored for `slot`.
    fn is_vacant(&self, slot: usize) -> bool;

    /// Removes what is stored for `slot`.
    fn clear(&mut self, slot: usize);

    /// Removes what has expired of `slot`.
    fn expire(&mut self, slot: usize, now: Timestamp);
}

/// A column that can be made from its type.
pub(crate) trait TypedStore: Store + Sized {
    /// Makes an empty column.
    fn new(ttl: Option<Ttl>) -> Self;

    /// Returns kind and type of the values, for error messages.
    fn describe() -> String;
}
