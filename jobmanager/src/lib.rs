//! The JobManager: dispatcher, resources, jobs and Flink's REST API.
//!
//! - [`JobManager`] starts and stops it all.
//! - [`dispatcher`] knows the jobs: it accepts, finds and cancels them, and is what the REST API
//!   asks.
//! - [`job`] runs one job: it hands events to the job's master (`sciurus-job-master`, which
//!   decides) and carries out what that wants done.
//! - [`coordinator`] starts the job's own executable, which says what the job is and runs the
//!   enumerators of its sources.
//! - [`resource_manager`] decides which slot goes to whom, [`task_managers`] holds the sessions of
//!   TaskManagers.
//! - [`packages`] are those that were uploaded, [`blobs`] those that TaskManagers fetch.
//! - [`rest`] is Flink's REST API.
//! - [`ha`] lets accepted jobs outlive the process, [`metrics`] holds what is counted.
//!
//! What is decided is decided by plain data without I/O (`JobMaster`, `SlotManager`,
//! `Deployments`); around it tasks of tokio pass messages on. A job's runner never waits for
//! anything but its next event.

pub mod blobs;
pub mod coordinator;
pub mod dispatcher;
pub mod ha;
pub mod inbox;
pub mod job;
mod job_manager;
pub mod metrics;
pub mod packages;
pub mod resource_manager;
pub mod rest;
mod settings;
pub mod task_managers;

pub use job_manager::{
    Application, ApplicationError, ApplicationSource, ApplicationStatus, JobManager,
    JobManagerOptions, StartError,
};
pub use settings::Settings;

/// The version of Sciurus.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
