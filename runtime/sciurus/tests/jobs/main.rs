//! Jobs, run by the embedded cluster.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

mod back_pressure;
mod batches;
mod execution;
mod failures;
mod latency;
mod metrics;
mod partitioning;
mod restarts;
mod support;
mod topology;
mod watermarks;
