//! The executable `sciurus` as a user meets it: real processes, real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

mod arguments;
mod jobs;
mod local_cluster;
mod managers;
mod real_flink;
mod snapshots;
mod support;
