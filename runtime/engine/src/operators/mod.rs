//! The operators, one a file.

mod filter;
mod flat_map;
mod map;

pub use filter::Filter;
pub use flat_map::{FlatMap, TryFlatMap};
pub use map::{Map, TryMap};
