//! Starts the JobManager and stops it.

mod application;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::ids::LeaderId;
use sciurus_logging::Levels;
use sciurus_metrics::prometheus::ReporterOptions;
use sciurus_rpc::framing::MAX_MESSAGE_BYTES;
use sciurus_rpc::proto::job_manager_server::JobManagerServer;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;

use crate::blobs::{BlobError, BlobStore};
use crate::dispatcher::{Dispatcher, DispatcherParts};
use crate::ha::{HaError, HaStore};
use crate::inbox::JobPorts;
use crate::job::JobServices;
use crate::metrics;
use crate::packages::PackageStore;
use crate::resource_manager::ResourceManager;
use crate::rest::{RestOptions, RestServer, RestStartError};
use crate::settings::Settings;
use crate::task_managers::{
    EndpointSliceAddresses, GreetingLimits, JobManagerService, StaticAddresses, TaskManagers,
    dial_task_managers, incoming, watch_heartbeats,
};

pub use application::{Application, ApplicationError, ApplicationSource, ApplicationStatus};

/// How long requests that are being answered may take when the JobManager stops.
const REST_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a connection is asked whether it is alive, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How to start a JobManager.
#[derive(Clone, Debug, Default)]
pub struct JobManagerOptions {
    /// The cluster's configuration.
    pub configuration: Configuration,
    /// The one job to run, where the cluster is for one.
    pub application: Option<Application>,
    /// What this process logs, where that can be changed.
    pub levels: Option<Levels>,
}

/// Says why the JobManager can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port is taken, or the address isn't this machine's.
    #[error(
        "can't listen for TaskManagers on {address}: {source}; set jobmanager.rpc.port or \
         jobmanager.bind-host to another"
    )]
    Bind {
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Packages can't be kept.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Accepted jobs can't be kept.
    #[error(transparent)]
    Ha(#[from] HaError),
    /// High availability is wanted, and nowhere is said where.
    #[error(
        "high-availability.type is set and high-availability.storageDir is not: set it to a \
         directory that outlives the JobManager"
    )]
    NoHaDirectory,
    /// The REST API can't be served.
    #[error(transparent)]
    Rest(#[from] RestStartError),
    /// The job to run can't be found.
    #[error(transparent)]
    Application(#[from] ApplicationError),
}

/// A JobManager that runs. Dropping it stops nothing in order; see [`JobManager::shut_down`].
pub struct JobManager {
    dispatcher: Dispatcher,
    task_managers: TaskManagers,
    blobs: Arc<BlobStore>,
    rpc_address: SocketAddr,
    rest_address: SocketAddr,
    /// There until the JobManager stops.
    rest: Option<RestServer>,
    tasks: TaskTracker,
    stop: CancellationToken,
    shutdown_timeout: Duration,
}

impl Drop for JobManager {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl JobManager {
    /// Starts a JobManager on the runtime that this is called on.
    ///
    /// # Errors
    /// [`StartError`] where a setting, a port or a directory can't be used.
    pub async fn start(options: JobManagerOptions) -> Result<Self, StartError> {
        let JobManagerOptions { configuration, application, levels } = options;
        let settings = Settings::read(&configuration)?;
        let rest_options = RestOptions::from_configuration(&configuration)?;
        let prometheus = ReporterOptions::from_configuration(&configuration)?;
        let application =
            application.map(|application| application.find(&configuration)).transpose()?;
        let ha = match (&settings.ha_dir, settings.wants_ha) {
            (Some(directory), _) => Some(HaStore::open(directory)?),
            (None, true) => return Err(StartError::NoHaDirectory),
            (None, false) => None,
        };
        let listener = bind(&settings).await?;
        let rpc_address = listener.local_addr().map_err(|source| StartError::Bind {
            address: format!("{}:{}", settings.bind_host, settings.bind_port),
            source,
        })?;
        let name = format!("jobmanager-{}", rpc_address.port());
        let blobs = Arc::new(BlobStore::open(&settings.blob_dir, &name)?);
        let packages = if let Some(directory) = &settings.upload_dir {
            PackageStore::new(directory, false, blobs.clone())
        } else {
            let directory = settings.tmp_dir.join(format!("sciurus-web-{}", rpc_address.port()));
            let packages = PackageStore::new(&directory, true, blobs.clone());
            // What a process that was killed has left.
            packages.close();
            packages
        };
        let log_dir = settings.log_dir.clone().unwrap_or_else(|| settings.tmp_dir.join(&name));

        let ports = JobPorts::default();
        let resources = Arc::new(ResourceManager::new(settings.placement, ports.clone()));
        let task_managers = TaskManagers::new(
            LeaderId::random(),
            settings.heartbeat,
            resources.clone(),
            ports.clone(),
        );
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let services = JobServices {
            resources,
            task_managers: task_managers.clone(),
            ports,
            tasks: tasks.clone(),
            task_cancellation_timeout: settings.task_cancellation_timeout,
            worker_start_timeout: settings.worker_start_timeout,
        };
        let shutdown_timeout = settings.shutdown_timeout;
        let dispatcher = Dispatcher::new(DispatcherParts {
            configuration,
            settings,
            services,
            blobs: blobs.clone(),
            packages,
            ha,
            log_dir,
            levels,
        });
        // Who asks for a job that was accepted is to find it.
        let found = dispatcher.find_stored().await;
        let rest = RestServer::start(dispatcher.clone(), rest_options).await?;
        let rest_address = rest.address();
        let rest = Some(rest);
        let manager = Self {
            dispatcher,
            task_managers,
            blobs,
            rpc_address,
            rest_address,
            rest,
            tasks,
            stop,
            shutdown_timeout,
        };
        manager.spawn_servers(listener);
        if let Some(options) = prometheus {
            let (host, dispatcher) = (rest_address.ip(), manager.dispatcher.clone());
            metrics::expose(options, host, dispatcher, manager.stop.clone()).await;
        }
        let dispatcher = manager.dispatcher.clone();
        manager.spawn(async move {
            dispatcher.clean_up_ended().await;
            dispatcher.recover(found).await;
            if let Some(application) = application {
                application.run(&dispatcher).await;
            }
        });
        tracing::info!("JobManager {} listens for TaskManagers on {rpc_address}", crate::VERSION);
        tracing::info!("the REST API is at http://{rest_address}");
        Ok(manager)
    }

    /// Returns what the REST API and clients ask.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Returns where it listens for TaskManagers.
    pub fn rpc_address(&self) -> SocketAddr {
        self.rpc_address
    }

    /// Returns where it answers the REST API.
    pub fn rest_address(&self) -> SocketAddr {
        self.rest_address
    }

    /// Waits until the cluster is to stop by itself: its one job has ended, or a client has asked
    /// for it.
    pub async fn shutdown_requested(&self) -> ApplicationStatus {
        self.dispatcher.shutdown_requested().await
    }

    /// Stops: gives jobs up, ends their workers and coordinators, closes sessions. What is not done
    /// within `cluster.services.shutdown-timeout` is left undone.
    pub async fn shut_down(mut self) {
        tracing::info!("the JobManager stops");
        let rest = self.rest.take();
        let in_order = async {
            if let Some(rest) = rest {
                // Whoever has asked for the end gets the answer.
                rest.shut_down(REST_SHUTDOWN_TIMEOUT).await;
            }
            self.dispatcher.close().await;
            self.task_managers.close();
            self.stop.cancel();
            self.tasks.close();
            self.tasks.wait().await;
        };
        if timeout(self.shutdown_timeout, in_order).await.is_err() {
            tracing::warn!("not all has stopped within {:?}", self.shutdown_timeout);
        }
        self.blobs.close();
        self.dispatcher.packages().close();
    }

    fn spawn_servers(&self, listener: TcpListener) {
        let service = JobManagerService::new(
            self.task_managers.clone(),
            self.blobs.clone(),
            self.tasks.clone(),
        );
        let service = JobManagerServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let connections = incoming(listener, GreetingLimits::default());
        self.spawn(async move {
            let served = Server::builder()
                .initial_stream_window_size(1 << 20)
                .initial_connection_window_size(4 << 20)
                // Connections that hold no session have no heartbeats.
                .http2_keepalive_interval(Some(KEEPALIVE))
                .http2_keepalive_timeout(Some(KEEPALIVE))
                .serve_with_incoming(service, connections)
                .await;
            if let Err(error) = served {
                tracing::error!("TaskManagers can't be listened for any more: {error}");
            }
        });
        self.spawn(watch_heartbeats(self.task_managers.clone()));
        self.spawn_invitations();
    }

    fn spawn_invitations(&self) {
        let settings = self.dispatcher.settings();
        let port = self.rpc_address.port();
        if !settings.task_managers.is_empty() {
            let addresses = StaticAddresses::new(settings.task_managers.iter().cloned());
            let job_manager = format!("{}:{port}", settings.rpc_address);
            self.spawn(dial_task_managers(self.task_managers.clone(), addresses, job_manager));
        }
        if let Some(service) = &settings.task_manager_service {
            let addresses = EndpointSliceAddresses::new(service.clone());
            let host = settings.pod_ip.as_ref().unwrap_or(&settings.rpc_address);
            let job_manager = match host.parse::<IpAddr>() {
                Ok(address) => SocketAddr::new(address, port).to_string(),
                Err(_) => format!("{host}:{port}"),
            };
            self.spawn(dial_task_managers(self.task_managers.clone(), addresses, job_manager));
        }
    }

    /// Runs something until the JobManager stops.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}

async fn bind(settings: &Settings) -> Result<TcpListener, StartError> {
    let (host, port) = (settings.bind_host.as_str(), settings.bind_port);
    TcpListener::bind((host, port))
        .await
        .map_err(|source| StartError::Bind { address: format!("{host}:{port}"), source })
}
