//! A TaskManager between a JobManager and jobs' processes, both played by the test, over real sockets
//! and with real processes: the test's own executable also plays the job, see `job.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

mod failures;
mod files;
mod fixture;
mod hostile;
mod job;
mod job_manager;
mod killed;
mod lifecycle;
mod registration;

/// Started by a TaskManager this is a job, and never returns; started by cargo it is nothing.
#[test]
fn plays_a_job() {
    job::play_if_asked();
}

/// Started by `killed.rs` this is a TaskManager, and never returns; started by cargo it is nothing.
#[test]
fn plays_a_task_manager() {
    killed::play_task_manager_if_asked();
}
