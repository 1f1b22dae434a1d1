//! What can go wrong with running a manager.

use std::io;

use sciurus_core::config::ConfigError;

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
    /// A setting can't be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// What is to be logged makes no sense.
    #[error("{0} (sciurus.log.level or RUST_LOG)")]
    LogLevel(#[from] sciurus_logging::LevelError),
    /// The runtime that all tasks of the process run on can't be made.
    #[error("cannot start the process' runtime: {source}")]
    Runtime {
        /// What the operating system says.
        source: io::Error,
    },
    /// The `JobManager` can't start.
    #[error(transparent)]
    JobManager(sciurus_jobmanager::StartError),
    /// The `TaskManager` can't start.
    #[error(transparent)]
    TaskManager(sciurus_taskmanager::StartError),
    /// The `TaskManager` can't go on.
    #[error(transparent)]
    TaskManagerEnded(sciurus_taskmanager::TaskManagerError),
    /// The operator can't begin.
    #[error(transparent)]
    Operator(sciurus_operator::OperatorError),
    /// The definitions of custom resources can't be written.
    #[error("can't write the definitions: {0}")]
    Crds(sciurus_operator::resources::YamlError),
}
