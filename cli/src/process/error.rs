//! What can go wrong with running a manager.

use std::io;

/// Says why a manager doesn't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// Signals can't be received.
    #[error("cannot receive signals: {source}")]
    Signals {
        /// What the operating system says.
        source: io::Error,
    },
}
