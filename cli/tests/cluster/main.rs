//! Jobs on a cluster of real processes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by unwrapping it"
)]

mod chaos;
mod counts_once;
mod ending;
mod exactly_once;
mod failures;
mod logs;
mod many_jobs;
mod network;
mod proxy;
mod slots;
mod stopped;
mod word_count;

use sciurus_harness::{Cluster, Executables};

/// What is under test.
fn executables() -> Executables {
    Executables::beside(env!("CARGO_BIN_EXE_sciurus"))
}

/// Starts a cluster.
fn cluster(task_managers: usize, slots: u32) -> Cluster {
    Cluster::start(executables(), task_managers, slots, &[])
}
