//! Why a TaskManager doesn't start, or ends.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sciurus_core::config::ConfigError;

use crate::memory::MemoryError;

/// Says why a TaskManager can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An option can't be read.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// The memory can't be divided.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A directory can't be made.
    #[error(
        "can't use the directory {}: {source}; io.tmp.dirs and env.log.dir choose directories",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No port is free.
    #[error(
        "can't listen on {host}:{ports} (taskmanager.bind-host, taskmanager.rpc.port): {source}"
    )]
    Listen {
        /// The address.
        host: String,
        /// The ports that were tried.
        ports: String,
        /// What the last one said.
        source: io::Error,
    },
    /// The port for health isn't free.
    #[error("can't answer for the TaskManager's health on {host}:{port} (health.port): {source}")]
    Health {
        /// The address.
        host: String,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
}

/// Says why a TaskManager ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskManagerError {
    /// No JobManager could be reached.
    #[error(
        "no JobManager has taken the TaskManager for {} s (taskmanager.registration.timeout): \
         {reason}", waited.as_secs()
    )]
    NotRegistered {
        /// How long it was tried.
        waited: Duration,
        /// What came of the last try.
        reason: String,
    },
    /// The JobManager doesn't want it.
    #[error("the JobManager refuses the TaskManager: {reason}")]
    Rejected {
        /// What the JobManager said.
        reason: String,
    },
    /// It has failed: a bug.
    #[error("the TaskManager has failed: {reason}")]
    Failed {
        /// What is known of it.
        reason: String,
    },
}
