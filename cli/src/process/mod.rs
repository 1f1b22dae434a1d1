//! Running as a manager: configuration, log, signals, the manager itself.

mod error;
pub mod signals;

pub use error::ProcessError;
