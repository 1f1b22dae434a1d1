//! A job's own executable as the processes of a cluster: this test executable is the job, and the
//! tests play the managers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

mod cancellation;
mod jobs;
mod losses;
mod memory;
mod parts;
mod refusals;
mod support;
mod whole_jobs;

/// Where the executable was started as a job it is one; in a run of all tests this is none.
#[test]
fn plays_the_job() {
    if let Ok(job) = std::env::var(support::JOB) {
        jobs::run(&job);
    }
}
