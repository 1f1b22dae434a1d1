//! The operators, one a file.

mod filter;
mod flat_map;
mod map;
mod rolling_sum;

pub use filter::Filter;
pub use flat_map::{FlatMap, TryFlatMap};
pub use map::{Map, TryMap};
pub use rolling_sum::RollingSum;
