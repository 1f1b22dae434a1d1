//! Windows of any kind: those that differ from key to key, that other triggers fire, or whose
//! function sees all records.
//!
//! What a key has of windows is one value of its keyed state ([`key_windows`]); of all their timers
//! the earliest is registered with the backend.

mod key_windows;
mod merging;
mod operator;
mod windows;

pub use operator::{WindowOperator, WindowOptions};
