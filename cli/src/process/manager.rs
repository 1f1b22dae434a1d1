//! What all managers begin with: configuration, log, the runtime that their tasks run on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use sciurus_core::config::Configuration;
use sciurus_core::config::load::Loaded;
use sciurus_core::config::options::{jobmanager, log, rest, taskmanager, web};
use tokio::runtime::Builder;

use super::logging::{Logging, log_directory};
use super::{ProcessError, container};
use crate::arguments;
use crate::{Error, configuration};

/// Time after which a thread that waits for blocking work to do ends: they cost memory.
const IDLE_THREAD_LIFE: Duration = Duration::from_secs(2);

/// Most threads for blocking work (files, names).
const BLOCKING_THREADS_MAX: usize = 16;

/// How long work that blocks may go on after the manager has stopped.
const LAST_WORK_TIMEOUT: Duration = Duration::from_secs(1);

/// Says which manager the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `JobManager`, be it of one job or of many.
    JobManager,
    /// A `TaskManager`.
    TaskManager,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::JobManager => "jobmanager",
            Self::TaskManager => "taskmanager",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::JobManager => "JobManager",
            Self::TaskManager => "TaskManager",
        }
    }
}

/// Holds what a manager starts with.
pub struct Prepared {
    /// All settings, with those that arguments of their own stand for.
    pub configuration: Configuration,
    /// Access to the log.
    pub logging: Logging,
}

/// Reads the configuration, lays `settings` over it, and begins to log.
pub fn prepare(
    kind: Kind,
    arguments: &arguments::Manager,
    settings: &Configuration,
) -> Result<Prepared, Error> {
    if arguments.background {
        // Fails where the process leads a group already; then nobody's signals reach it either.
        let _ = rustix::process::setsid();
    }
    let Loaded { file, mut configuration, warnings } = configuration::load(&arguments.settings)?;
    configuration.merge(&own_settings(kind, arguments)).merge(settings);
    if arguments.in_container {
        container::complete(kind, &mut configuration, |name| std::env::var(name).ok());
    }
    let logging = Logging::start(&configuration, kind.name(), arguments.background)?;
    announce(kind, &configuration, file.as_deref());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if arguments.in_container {
        container::log_variables_without_effect();
    }
    add_log_paths(kind, &mut configuration, &logging)?;
    Ok(Prepared { configuration, logging })
}

/// Returns the settings that arguments of their own stand for.
fn own_settings(kind: Kind, arguments: &arguments::Manager) -> Configuration {
    let mut settings = Configuration::new();
    if let Some(host) = &arguments.host {
        match kind {
            Kind::JobManager => {
                settings.set(&jobmanager::RPC_ADDRESS, host).set(&rest::ADDRESS, host);
            }
            Kind::TaskManager => {
                settings.set(&taskmanager::HOST, host);
            }
        }
    }
    if let Some(port) = arguments.webui_port {
        settings.set(&rest::PORT, &port);
    }
    settings
}

/// Tells managers where their log is, so that the REST API can show it.
fn add_log_paths(
    kind: Kind,
    configuration: &mut Configuration,
    logging: &Logging,
) -> Result<(), ProcessError> {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    if let Some(directory) = log_directory(configuration)? {
        if logging.file.is_some() {
            configuration.set(&log::DIR, &shown(&directory));
        } else {
            // Jobs' logs go where temporary files go: the file system may be read-only.
            configuration.remove(&log::DIR);
        }
    }
    if let Some(file) = &logging.file {
        let option = match kind {
            Kind::JobManager => &web::LOG_PATH,
            Kind::TaskManager => &taskmanager::LOG_PATH,
        };
        configuration.set(option, &shown(file));
    }
    Ok(())
}

fn announce(kind: Kind, configuration: &Configuration, file: Option<&Path>) {
    tracing::info!(
        "Sciurus {} {} starts as process {}",
        env!("CARGO_PKG_VERSION"),
        kind.title(),
        std::process::id()
    );
    if let Some(file) = file {
        tracing::info!("configuration file: {}", file.display());
    } else {
        tracing::info!("no configuration file");
    }
    for (key, value) in configuration.iter_shown() {
        tracing::info!("{key}: {value}");
    }
}

/// Runs a manager to its end on one thread, which is enough for managers and keeps them small.
pub fn block_on(
    manager: impl Future<Output = Result<ExitCode, ProcessError>>,
) -> Result<ExitCode, ProcessError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(IDLE_THREAD_LIFE)
        .build()
        .map_err(|source| ProcessError::Runtime { source })?;
    let ended = runtime.block_on(manager);
    // Work that still blocks must not keep the process.
    runtime.shutdown_timeout(LAST_WORK_TIMEOUT);
    if let Err(error) = &ended {
        tracing::error!("{error}");
    }
    ended
}

/// Returns the file that the standard output of this process goes to, if it is one.
pub fn output_file() -> Option<PathBuf> {
    std::fs::read_link("/proc/self/fd/1").ok().filter(|path| path.is_file())
}
