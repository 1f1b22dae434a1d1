//! What the JobManager reads off its configuration, once, at its start.

use std::path::PathBuf;
use std::time::Duration;

use sciurus_core::config::options::cluster::{HighAvailabilityType, LoadBalanceMode};
use sciurus_core::config::options::{
    client, cluster, jobmanager, kubernetes, sciurus, taskmanager, web,
};
use sciurus_core::config::{ConfigError, Configuration, MemorySize};
use sciurus_package::ExtractOptions;

use crate::resource_manager::Placement;
use crate::task_managers::{HeartbeatSettings, TaskManagerService};

/// What the environment may call the address of the pod: here, and where Flink's own manifests are.
const POD_IP: [&str; 2] = ["POD_IP", "_POD_IP_ADDRESS"];

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
    /// The address of the pod that this runs in: what TaskManagers that are found through Kubernetes
    /// are invited to, since it needs neither a name nor a Service that has noticed the pod.
    pub pod_ip: Option<String>,
    /// The Service of Kubernetes whose TaskManagers are to be invited.
    pub task_manager_service: Option<TaskManagerService>,
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
            pod_ip: pod_ip(|name| std::env::var(name).ok()),
            task_manager_service: task_manager_service(configuration)?,
            memory_bytes: configuration
                .get_optional(&jobmanager::MEMORY_PROCESS_SIZE)?
                .map_or(0, MemorySize::bytes),
        })
    }
}

fn task_manager_service(
    configuration: &Configuration,
) -> Result<Option<TaskManagerService>, ConfigError> {
    let Some(name) = configuration.get_optional(&kubernetes::TASKMANAGER_SERVICE)? else {
        return Ok(None);
    };
    let port = configuration.get(&taskmanager::RPC_PORT)?.first();
    Ok(Some(TaskManagerService {
        name,
        namespace: configuration.get_optional(&kubernetes::NAMESPACE)?,
        port: if port == 0 { TaskManagerService::USUAL_PORT } else { port },
    }))
}

fn pod_ip(environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    POD_IP.iter().find_map(|name| environment(name).filter(|address| !address.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_of_task_managers_is_the_configurations() {
        let service = |pairs: &[(&str, &str)]| {
            let configuration = Configuration::from_pairs(pairs.iter().copied());
            Settings::read(&configuration).unwrap().task_manager_service
        };
        assert_eq!(service(&[]), None);
        let name = ("kubernetes.taskmanager.service", "tm");
        let expected = TaskManagerService { name: "tm".to_owned(), namespace: None, port: 6122 };
        assert_eq!(service(&[name]), Some(expected.clone()));
        let all = [name, ("kubernetes.namespace", "flink"), ("taskmanager.rpc.port", "7000-7009")];
        let namespace = Some("flink".to_owned());
        assert_eq!(service(&all), Some(TaskManagerService { namespace, port: 7000, ..expected }));
    }

    #[test]
    fn the_pods_address_has_two_names() {
        let find = |pairs: &[(&str, &str)]| {
            pod_ip(|name| {
                let found = pairs.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[("_POD_IP_ADDRESS", "10.0.0.1")]).as_deref(), Some("10.0.0.1"));
        let both = [("POD_IP", ""), ("_POD_IP_ADDRESS", "10.0.0.2")];
        assert_eq!(find(&both).as_deref(), Some("10.0.0.2"));
    }
}
