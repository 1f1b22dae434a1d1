//! The operators, one a file.

mod broadcast_process;
mod co_flat_map;
mod co_map;
mod co_process;
mod filter;
mod flat_map;
mod keyed;
mod keyed_broadcast_process;
mod keyed_co_process;
mod keyed_process;
mod map;
mod process;
mod rolling_reduce;
mod rolling_sum;
mod unkeyed;

pub use broadcast_process::BroadcastProcess;
pub use co_flat_map::CoFlatMap;
pub use co_map::CoMap;
pub use co_process::CoProcess;
pub use filter::Filter;
pub use flat_map::{FlatMap, TryFlatMap};
pub use keyed_broadcast_process::KeyedBroadcastProcess;
pub use keyed_co_process::KeyedCoProcess;
pub use keyed_process::KeyedProcess;
pub use map::{Map, TryMap};
pub use process::Process;
pub use rolling_reduce::RollingReduce;
pub use rolling_sum::RollingSum;
