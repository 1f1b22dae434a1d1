//! What the JobManager reads off its configuration, once, at its start.

use std::path::PathBuf;
use std::time::Duration;

use sciurus_core::config::options::cluster::{HighAvailabilityType, LoadBalanceMode};
use sciurus_core::config::options::{client, cluster, jobmanager, sciurus, web};
use sciurus_core::config::{ConfigError, Configuration, MemorySize};
use sciurus_package::ExtractOptions;

use crate::resource_manager::Placement;
use crate::task_managers::HeartbeatSettings;

/// The JobManager's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The host under which others find the JobManager (`jobmanager.rpc.address`).
    pub rpc_address: String,
    /// Where it listens for TaskManagers (`jobmanager.bind-host`).
    pub bind_host: String,
    /// On which port it listens for TaskManagers.
    pub bind_port: u16,
    /// When heartbeats are due.
    pub heartbeat: HeartbeatSettings,
    /// How slots are chosen.
    pub placement: Placement,
    /// How long a job waits for slots.
    pub slot_request_timeout: Duration,
    /// How many earlier attempts of a subtask are remembered.
    pub attempts_history_size: usize,
    /// How many failures of a job are remembered.
    pub exception_history_size: usize,
    /// How long a task may take to be cancelled; zero for any time.
    pub task_cancellation_timeout: Duration,
    /// How long a job's `main` may take to say what the job is.
    pub plan_timeout: Duration,
    /// How long a worker may take to start, its package's way included.
    pub worker_start_timeout: Duration,
    /// How long a job that has ended can be looked at.
    pub archive_expiration: Duration,
    /// How many jobs that have ended can be looked at.
    pub archive_capacity: usize,
    /// How long stopping may take.
    pub shutdown_timeout: Duration,
    /// What packages may use of the machine.
    pub installed: ExtractOptions,
    /// For temporary files.
    pub tmp_dir: PathBuf,
    /// For packages of jobs that run.
    pub blob_dir: PathBuf,
    /// For uploaded packages, where they are to outlive the process.
    pub upload_dir: Option<PathBuf>,
    /// For logs.
    pub log_dir: Option<PathBuf>,
    /// Where accepted jobs are kept, where they are.
    pub ha_dir: Option<PathBuf>,
    /// Whether accepted jobs are to be kept.
    pub wants_ha: bool,
    /// The TaskManagers to invite.
    pub task_managers: Vec<String>,
    /// The memory that the process may take; 0 where nothing is said.
    pub memory_bytes: u64,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`ConfigError`] where a value can't be used.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let port = configuration.get(&jobmanager::RPC_PORT)?;
        let balance = configuration.get(&cluster::LOAD_BALANCE_MODE)?;
        let is_spread = balance != LoadBalanceMode::None
            || configuration.get(&cluster::EVENLY_SPREAD_OUT_SLOTS)?;
        let tmp_dir = match configuration.get_optional(&cluster::TMP_DIRS)? {
            Some(text) => text.split([',', ':']).find(|part| !part.is_empty()).map(PathBuf::from),
            None => None,
        };
        let tmp_dir = tmp_dir.unwrap_or_else(std::env::temp_dir);
        let path = |text: String| PathBuf::from(text.strip_prefix("file://").unwrap_or(&text));
        let blob_dir = configuration.get_optional(&jobmanager::BLOB_STORAGE_DIRECTORY)?;
        let ha_type = configuration.get(&cluster::HIGH_AVAILABILITY_TYPE)?;
        let wants_ha = ha_type != HighAvailabilityType::None;
        let storage = configuration.get_optional(&cluster::HIGH_AVAILABILITY_STORAGE_DIR)?;
        let cluster = configuration.get(&cluster::HIGH_AVAILABILITY_CLUSTER_ID)?;
        let ha_dir =
            storage.filter(|_| wants_ha).map(|text| path(text).join(cluster.trim_matches('/')));
        Ok(Self {
            rpc_address: configuration
                .get_optional(&jobmanager::RPC_ADDRESS)?
                .unwrap_or_else(|| "localhost".to_owned()),
            bind_host: configuration
                .get_optional(&jobmanager::BIND_HOST)?
                .unwrap_or_else(|| "0.0.0.0".to_owned()),
            bind_port: configuration.get_optional(&jobmanager::RPC_BIND_PORT)?.unwrap_or(port),
            heartbeat: HeartbeatSettings {
                interval: configuration.get(&cluster::HEARTBEAT_INTERVAL)?,
                timeout: configuration.get(&cluster::HEARTBEAT_TIMEOUT)?,
            },
            placement: if is_spread { Placement::Spread } else { Placement::Fill },
            slot_request_timeout: configuration.get(&jobmanager::SLOT_REQUEST_TIMEOUT)?,
            attempts_history_size: configuration
                .get(&jobmanager::EXECUTION_ATTEMPTS_HISTORY_SIZE)?,
            exception_history_size: configuration.get(&web::EXCEPTION_HISTORY_SIZE)?,
            task_cancellation_timeout: configuration.get(&cluster::TASK_CANCELLATION_TIMEOUT)?,
            plan_timeout: configuration.get(&client::TIMEOUT)?,
            worker_start_timeout: configuration.get(&sciurus::JOBMANAGER_WORKER_TIMEOUT)?,
            installed: ExtractOptions {
                installed: configuration
                    .get(&sciurus::PACKAGE_INSTALLED_DIRECTORIES)?
                    .into_iter()
                    .map(PathBuf::from)
                    .collect(),
            },
            archive_expiration: Duration::from_secs(
                configuration.get(&jobmanager::JOB_STORE_EXPIRATION_TIME)?,
            ),
            archive_capacity: configuration.get(&jobmanager::JOB_STORE_MAX_CAPACITY)?,
            shutdown_timeout: configuration.get(&cluster::SERVICES_SHUTDOWN_TIMEOUT)?,
            blob_dir: blob_dir.map_or_else(|| tmp_dir.clone(), path),
            tmp_dir,
            upload_dir: configuration.get_optional(&web::UPLOAD_DIR)?.map(path),
            log_dir: configuration
                .get_optional(&sciurus_core::config::options::log::DIR)?
                .map(path),
            ha_dir,
            wants_ha,
            task_managers: configuration
                .get_optional(&sciurus::JOBMANAGER_TASK_MANAGERS)?
                .unwrap_or_default(),
            memory_bytes: configuration
                .get_optional(&jobmanager::MEMORY_PROCESS_SIZE)?
                .map_or(0, MemorySize::bytes),
        })
    }
}
