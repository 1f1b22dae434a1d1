//! Why an example could not do what it was asked to.

use sciurus::JobError;
use sciurus::config::ConfigError;
use sciurus::config::validate::InvalidConfiguration;

/// Why an example could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument `-Dkey=value` is no such thing.
    #[error(transparent)]
    Property(#[from] ConfigError),
    /// A setting cannot be used.
    #[error(transparent)]
    Configuration(#[from] InvalidConfiguration),
    /// The job cannot run, or it failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The result cannot be written to the standard output.
    #[error("cannot write to the standard output: {0}")]
    StandardOutput(#[from] std::io::Error),
}
