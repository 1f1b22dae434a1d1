//! The operators, driven by the harnesses of the testkit.

mod filter;
mod flat_map;
mod map;
mod process;
