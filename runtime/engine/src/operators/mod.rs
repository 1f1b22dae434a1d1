//! The operators, one a file.

mod filter;
mod flat_map;
mod map;
mod process;
mod rolling_sum;

pub use filter::Filter;
pub use flat_map::{FlatMap, TryFlatMap};
pub use map::{Map, TryMap};
pub use process::Process;
pub use rolling_sum::RollingSum;
