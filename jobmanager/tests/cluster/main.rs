//! The JobManager with TaskManagers that are played, over real connections, and a real executable
//! as the job.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod jobs;
mod kubernetes;
mod lives;
mod scale;
mod sessions;
mod submissions;
