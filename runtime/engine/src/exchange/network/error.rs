//! Why a worker can't take part in its job's network.

use std::io;

/// Says why a network can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No port can be listened at.
    #[error(
        "cannot listen for data at {host}, ports {ports}: {error}; is `taskmanager.data.port` a \
         range with a free port, and `taskmanager.bind-host` an address of this host?"
    )]
    Bind {
        /// The address or name that was tried.
        host: String,
        /// The ports that were tried.
        ports: String,
        /// What the operating system said of the last.
        error: io::Error,
    },
    /// The operating system refuses a thread.
    #[error("cannot start a thread for the exchange between workers: {0}")]
    Thread(io::Error),
}
