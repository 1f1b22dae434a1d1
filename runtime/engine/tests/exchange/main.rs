//! Channels, credits and wake-ups, without a job around them.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod blocked;
mod stress;
mod writer;
