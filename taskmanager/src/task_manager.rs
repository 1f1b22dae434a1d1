//! The TaskManager as whoever starts it sees it.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sciurus_package::{ExtractOptions, Platform};
use sciurus_rpc::proto;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use crate::agent::Agent;
use crate::error::{StartError, TaskManagerError};
use crate::files::LogFiles;
use crate::memory::MemoryBudget;
use crate::metrics::Metrics;
use crate::packages::PackageCache;
use crate::scratch::Scratch;
use crate::session::{Registration, serve_invitations};
use crate::settings::{Settings, TaskManagerOptions, join_host_port};
use crate::workers::Workers;
use crate::{health, machine};

/// A running TaskManager. It stops when this is dropped, but only [`TaskManager::stop`] waits until
/// its workers have ended.
#[derive(Debug)]
pub struct TaskManager {
    id: String,
    rpc_port: u16,
    log_dir: PathBuf,
    memory: MemoryBudget,
    shutdown_timeout: Duration,
    registered: watch::Receiver<bool>,
    agent: JoinHandle<Result<(), TaskManagerError>>,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl TaskManager {
    /// Starts a TaskManager on the runtime of the caller: one thread is enough. It looks for its
    /// JobManager from then on.
    ///
    /// # Errors
    /// [`StartError`] where its options, its directories or its port can't be used.
    pub async fn start(options: TaskManagerOptions) -> Result<Self, StartError> {
        let settings = Arc::new(Settings::read(options)?);
        let scratch = Scratch::create(&settings.temporary_dir)?;
        let log_dir = settings.log.directory.clone().unwrap_or_else(|| scratch.logs());
        fs::create_dir_all(&log_dir)
            .map_err(|source| StartError::Directory { path: log_dir.clone(), source })?;
        let stop = CancellationToken::new();
        let (invitations, port) =
            serve_invitations(&settings.bind_host, &settings.rpc_ports, stop.clone()).await?;
        let rpc_port = settings.rpc_port_shown.unwrap_or(port);
        let id = settings.resource_id.clone().unwrap_or_else(|| make_id(&settings, rpc_port));
        info!(id, rpc_port, slots = settings.slots, memory = ?settings.memory, "TaskManager");

        let installed = settings.installed_directories.clone();
        let packages = PackageCache::new(
            scratch.packages(),
            settings.package_cache_bytes,
            ExtractOptions { installed },
        );
        let (registered, receiver) = watch::channel(false);
        if let Some(port) = settings.health_port {
            health::serve(&settings.bind_host, port, receiver.clone(), stop.clone()).await?;
        }
        let metrics = Metrics::new(settings.memory, settings.segment_bytes);
        if let Some(reporter) = &settings.prometheus {
            metrics.expose(reporter, &settings.bind_host, &id, stop.clone()).await;
        }
        let agent = Agent {
            registration: registration(&settings, id.clone(), rpc_port),
            invitations,
            workers: Workers::new(Arc::new(packages)),
            metrics,
            files: LogFiles::new(log_dir.clone(), &settings.log),
            environment: Arc::new(settings.environment.clone()),
            log_directory: log_dir.clone(),
            scratch,
            stop: stop.clone(),
            registered,
            settings: Arc::clone(&settings),
        };
        Ok(Self {
            id,
            rpc_port,
            log_dir,
            memory: settings.memory,
            shutdown_timeout: settings.shutdown_timeout,
            registered: receiver,
            agent: tokio::spawn(agent.run()),
            stop: stop.clone(),
            _stop_on_drop: stop.drop_guard(),
        })
    }

    /// Returns the id under which it registers.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the port on which a JobManager can invite it.
    pub fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// Returns the directory of its log files.
    pub fn log_dir(&self) -> &Path {
        &self.log_dir
    }

    /// Returns how its memory is divided.
    pub fn memory(&self) -> MemoryBudget {
        self.memory
    }

    /// Tells whether it is registered with a JobManager now.
    pub fn is_registered(&self) -> bool {
        *self.registered.borrow()
    }

    /// Waits until it is registered. A TaskManager that ends before never is.
    pub async fn wait_until_registered(&mut self) {
        if self.registered.wait_for(|registered| *registered).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it ends by itself: because the JobManager shuts it down, or it can't go on. May be
    /// dropped and called again, but not once it has returned.
    ///
    /// # Errors
    /// [`TaskManagerError`] where it can't go on.
    pub async fn wait(&mut self) -> Result<(), TaskManagerError> {
        ended((&mut self.agent).await)
    }

    /// Ends its session, its workers, and then itself, within `cluster.services.shutdown-timeout`.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if self.agent.is_finished() {
            return;
        }
        let Ok(result) = timeout(self.shutdown_timeout, &mut self.agent).await else {
            let seconds = self.shutdown_timeout.as_secs();
            warn!(seconds, "the TaskManager takes too long to stop");
            self.agent.abort();
            return;
        };
        if let Err(error) = ended(result) {
            warn!(%error, "the TaskManager ended with an error");
        }
    }
}

fn ended(
    result: Result<Result<(), TaskManagerError>, tokio::task::JoinError>,
) -> Result<(), TaskManagerError> {
    result.unwrap_or_else(|error| {
        error!(%error, "the TaskManager has failed");
        Err(TaskManagerError::Failed { reason: error.to_string() })
    })
}

fn registration(settings: &Settings, id: String, rpc_port: u16) -> Registration {
    let memory = settings.memory;
    Registration {
        id,
        host: settings.host.clone(),
        rpc_port,
        slots: settings.slots,
        platform: Platform::current().to_string(),
        hardware: proto::Hardware {
            cpu_cores: machine::cpu_cores(),
            physical_memory_bytes: machine::physical_memory_bytes(),
            free_memory_bytes: memory.free_for_workers(),
            managed_memory_bytes: memory.managed,
        },
        memory: proto::MemoryConfiguration {
            total_process: memory.total_process,
            framework: memory.framework,
            task: memory.task,
            network: memory.network,
            managed: memory.managed,
        },
    }
}

/// Makes an id as Flink does: host, port, and a random part, since host and port may be the same
/// after a restart.
fn make_id(settings: &Settings, rpc_port: u16) -> String {
    let host = settings.host.clone().unwrap_or_else(|| {
        let name = rustix::system::uname();
        name.nodename()
            .to_str()
            .ok()
            .filter(|name| !name.is_empty())
            .unwrap_or("localhost")
            .to_owned()
    });
    // The standard library's random source: nobody has seeded the other one.
    let random = RandomState::new().build_hasher().finish() & 0xff_ffff;
    format!("{}-{random:06x}", join_host_port(&host, rpc_port))
}
