//! A cluster of real processes on this machine, for tests and benchmarks.
//!
//! [`Cluster`] starts a JobManager and TaskManagers, submits jobs through the command line and asks
//! the REST API; [`processes`] reads what the system says of them. All of it ends with the value.
//! What goes wrong here is a failure of the test, and panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

mod cluster;
mod manager;
pub mod processes;

pub use cluster::{Cluster, Executables, LONG, free_port, wait_for};
pub use manager::Manager;
