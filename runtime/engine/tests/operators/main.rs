//! The operators, driven by the harnesses of the testkit.

mod connect;
mod filter;
mod flat_map;
mod keyed_process;
mod map;
mod partitioner;
mod process;
mod rolling_reduce;
mod timer_model;
mod timers;
mod timestamps;
mod watermarks;
