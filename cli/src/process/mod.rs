//! Running as a manager: configuration, log, signals, the manager itself.

mod container;
mod error;
pub mod jobmanager;
mod logging;
mod manager;
pub mod operator;
pub mod signals;
pub mod standalone_job;
pub mod taskmanager;

pub use error::ProcessError;
