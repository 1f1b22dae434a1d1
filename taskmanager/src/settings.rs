//! What a TaskManager is told from outside: options for whoever starts it, and the settings that
//! its configuration makes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sciurus_core::config::options::{cluster, health, jobmanager, log, sciurus, taskmanager};
use sciurus_core::config::{ConfigError, Configuration, Ports};
use sciurus_logging::{FORMAT_VARIABLE, Form};
use sciurus_metrics::prometheus::ReporterOptions;

use crate::error::StartError;
use crate::machine;
use crate::memory::MemoryBudget;

/// What the keys of variables for the environment of workers begin with.
const ENVIRONMENT_PREFIX: &str = "containerized.taskmanager.env.";

/// Has a worker's allocator ask for huge pages, which Linux gives then, unless it is told never to:
/// with state in memory a worker takes less CPU time, for large state a quarter less.
const ALLOCATOR: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

/// How many ports workers may choose from where the configuration names a single one, which only
/// the first job's worker could have.
const PORTS_PER_SINGLE_PORT: u16 = 100;

/// Changes what is logged; takes directives like `info,sciurus_taskmanager=debug`, and says what is
/// wrong with them.
pub type SetLogLevel = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Says how a TaskManager is to be started.
#[derive(Clone)]
pub struct TaskManagerOptions {
    /// Its configuration.
    pub configuration: Configuration,
    /// Where log files are and workers' go; without it what `env.log.dir` says, else a temporary
    /// directory.
    pub log_dir: Option<PathBuf>,
    /// The TaskManager's own log, which is sent where it is asked for; without it what
    /// `taskmanager.log.path` says. Workers' logs begin with the same name.
    pub log_file: Option<PathBuf>,
    /// The file that the TaskManager's standard output goes to.
    pub stdout_file: Option<PathBuf>,
    /// Changes what is logged, where that can be changed.
    pub set_log_level: Option<SetLogLevel>,
}

impl TaskManagerOptions {
    /// Makes options of a configuration alone.
    pub fn new(configuration: Configuration) -> Self {
        Self {
            configuration,
            log_dir: None,
            log_file: None,
            stdout_file: None,
            set_log_level: None,
        }
    }
}

impl fmt::Debug for TaskManagerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskManagerOptions")
            .field("configuration", &self.configuration)
            .field("log_dir", &self.log_dir)
            .field("log_file", &self.log_file)
            .field("stdout_file", &self.stdout_file)
            .finish_non_exhaustive()
    }
}

/// The settings of a TaskManager, read once.
#[derive(Clone)]
pub(crate) struct Settings {
    /// host:port of the JobManager, if the configuration knows it.
    pub(crate) job_manager: Option<String>,
    /// The host under which others find this one, if the configuration knows it.
    pub(crate) host: Option<String>,
    pub(crate) bind_host: String,
    pub(crate) rpc_ports: Ports,
    /// What `Register` says where it is not the port that is listened on.
    pub(crate) rpc_port_shown: Option<u16>,
    /// Where it answers for its health, if it does.
    pub(crate) health_port: Option<u16>,
    pub(crate) data_ports: String,
    /// The ports under which others find those; empty where they are the same.
    pub(crate) advertised_data_ports: String,
    pub(crate) resource_id: Option<String>,
    pub(crate) slots: u32,
    pub(crate) memory: MemoryBudget,
    pub(crate) registration_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) cancellation_timeout: Option<Duration>,
    pub(crate) worker_start_timeout: Duration,
    pub(crate) metrics_interval: Duration,
    /// How metrics are exposed for Prometheus, if they are.
    pub(crate) prometheus: Option<ReporterOptions>,
    pub(crate) segment_bytes: u64,
    pub(crate) temporary_dir: PathBuf,
    pub(crate) package_cache_bytes: u64,
    pub(crate) installed_directories: Vec<PathBuf>,
    pub(crate) log: LogSettings,
    /// What workers find in their environment.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) set_log_level: Option<SetLogLevel>,
}

/// Where logs are.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    /// `None`: below the temporary directory.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) stdout_file: Option<PathBuf>,
    /// What the names of workers' log files begin with.
    pub(crate) prefix: String,
    pub(crate) max_file_bytes: u64,
    /// Whether what workers print goes to the TaskManager's own output, too.
    pub(crate) console: bool,
}

impl Settings {
    pub(crate) fn read(options: TaskManagerOptions) -> Result<Self, StartError> {
        let TaskManagerOptions { configuration, log_dir, log_file, stdout_file, set_log_level } =
            options;
        let conf = &configuration;
        let job_manager_port = conf.get(&jobmanager::RPC_PORT)?;
        let job_manager = conf.get_optional(&jobmanager::RPC_ADDRESS)?;
        let rpc_port = conf.get(&taskmanager::RPC_PORT)?;
        let rpc_bind_port = conf.get_optional(&taskmanager::RPC_BIND_PORT)?;
        let timeout = conf.get(&cluster::TASK_CANCELLATION_TIMEOUT)?;
        let installed = conf.get(&sciurus::PACKAGE_INSTALLED_DIRECTORIES)?;
        Ok(Self {
            job_manager: job_manager.map(|host| join_host_port(&host, job_manager_port)),
            host: conf.get_optional(&taskmanager::HOST)?,
            bind_host: conf
                .get_optional(&taskmanager::BIND_HOST)?
                .unwrap_or_else(|| "0.0.0.0".to_owned()),
            rpc_port_shown: rpc_bind_port.map(|_| rpc_port.first()).filter(|port| *port != 0),
            rpc_ports: rpc_bind_port.map_or(rpc_port, Ports::one),
            health_port: Some(conf.get(&health::PORT)?).filter(|port| *port != 0),
            data_ports: data_ports(conf)?,
            advertised_data_ports: advertised_data_ports(conf)?,
            resource_id: conf.get_optional(&taskmanager::RESOURCE_ID)?,
            slots: conf.get(&taskmanager::NUM_TASK_SLOTS)?,
            memory: MemoryBudget::divide(conf, machine::available_memory_bytes())?,
            registration_timeout: conf.get(&taskmanager::REGISTRATION_TIMEOUT)?,
            shutdown_timeout: conf.get(&cluster::SERVICES_SHUTDOWN_TIMEOUT)?,
            cancellation_timeout: (!timeout.is_zero()).then_some(timeout),
            worker_start_timeout: conf.get(&sciurus::WORKER_START_TIMEOUT)?,
            metrics_interval: conf.get(&sciurus::METRICS_REPORT_INTERVAL)?,
            prometheus: ReporterOptions::from_configuration(conf)?,
            segment_bytes: conf.get(&taskmanager::MEMORY_SEGMENT_SIZE)?.bytes().max(1),
            temporary_dir: temporary_dir(conf)?,
            package_cache_bytes: conf.get(&sciurus::PACKAGE_CACHE_MAX_SIZE)?.bytes(),
            installed_directories: installed.into_iter().map(PathBuf::from).collect(),
            log: LogSettings::read(conf, log_dir, log_file, stdout_file)?,
            environment: environment(conf, form_of_workers(conf)?, std::env::vars()),
            set_log_level,
        })
    }
}

impl LogSettings {
    fn read(
        configuration: &Configuration,
        directory: Option<PathBuf>,
        log_file: Option<PathBuf>,
        stdout_file: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
        let path = |option| {
            configuration.get_optional(option).map(|text: Option<String>| text.map(PathBuf::from))
        };
        let log_file = log_file.or(path(&taskmanager::LOG_PATH)?);
        let of_file = || log_file.as_deref().and_then(Path::parent).map(Path::to_owned);
        let stem = log_file.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
        Ok(Self {
            directory: directory.or(path(&log::DIR)?).or_else(of_file),
            prefix: stem.map_or_else(|| "sciurus-taskmanager".to_owned(), Cow::into_owned),
            log_file,
            stdout_file,
            max_file_bytes: configuration.get(&log::MAX_FILE_SIZE)?.bytes(),
            console: configuration.get(&sciurus::WORKER_CONSOLE)?,
        })
    }
}

fn temporary_dir(configuration: &Configuration) -> Result<PathBuf, ConfigError> {
    let dirs = configuration.get_optional(&cluster::TMP_DIRS)?;
    let first = dirs.as_deref().and_then(|dirs| {
        dirs.split([',', ':']).map(str::trim).find(|dir| !dir.is_empty()).map(PathBuf::from)
    });
    Ok(first.unwrap_or_else(std::env::temp_dir))
}

/// Returns the ports on which workers may listen. Where a single one is named, those behind it, too.
fn data_ports(configuration: &Configuration) -> Result<String, ConfigError> {
    Ok(match configuration.get_optional(&taskmanager::DATA_BIND_PORT)? {
        Some(ports) => one_for_each_job(&ports),
        None => one_for_each_job(&configuration.get(&taskmanager::DATA_PORT)?),
    })
}

/// Returns the ports under which others find those of [`data_ports`], where they are other ones: in
/// front of a TaskManager stands something that forwards them.
fn advertised_data_ports(configuration: &Configuration) -> Result<String, ConfigError> {
    Ok(match configuration.get_optional(&taskmanager::DATA_BIND_PORT)? {
        Some(_) => one_for_each_job(&configuration.get(&taskmanager::DATA_PORT)?),
        None => String::new(),
    })
}

fn one_for_each_job(ports: &Ports) -> String {
    let mut iter = ports.iter();
    match (iter.next(), iter.next()) {
        (Some(port @ 1..), None) => {
            format!("{port}-{}", port.saturating_add(PORTS_PER_SINGLE_PORT - 1))
        }
        _ => ports.to_string(),
    }
}

/// Returns the form in which workers log: that of what the TaskManager prints, where it prints their
/// logs too.
fn form_of_workers(configuration: &Configuration) -> Result<Form, ConfigError> {
    let setting = configuration.get(&log::FORMAT)?;
    let is_printed = configuration.get(&sciurus::WORKER_CONSOLE)?;
    Ok(if is_printed { Form::of_output(setting) } else { Form::of_file(setting) })
}

/// Chooses what of the TaskManager's environment workers see, and adds what the configuration says.
fn environment(
    configuration: &Configuration,
    form: Form,
    own: impl Iterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    const NAMES: [&str; 10] = [
        "PATH",
        "HOME",
        "USER",
        "TZ",
        "LANG",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HOSTNAME",
        ALLOCATOR.0,
    ];
    let passed =
        |name: &str| NAMES.contains(&name) || name.starts_with("RUST_") || name.starts_with("LC_");
    let mut environment: BTreeMap<_, _> = own.filter(|(name, _)| passed(name)).collect();
    environment.insert(FORMAT_VARIABLE.to_owned(), form.as_str().to_owned());
    environment.entry(ALLOCATOR.0.to_owned()).or_insert_with(|| ALLOCATOR.1.to_owned());
    for (key, value) in configuration.iter() {
        if let Some(name) = key.strip_prefix(ENVIRONMENT_PREFIX)
            && !name.is_empty()
            && !name.contains(['=', '\0'])
            && !value.contains('\0')
        {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
    environment
}

/// Writes an address; IPv6 addresses get brackets.
pub(crate) fn join_host_port(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        return format!("[{host}]:{port}");
    }
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let configuration = Configuration::from_pairs(pairs.iter().copied());
        Settings::read(TaskManagerOptions::new(configuration)).unwrap()
    }

    #[test]
    fn the_job_managers_address_is_host_and_port() {
        let address = |pairs| settings(pairs).job_manager;
        assert_eq!(address(&[]), None);
        assert_eq!(address(&[("jobmanager.rpc.address", "jm")]).as_deref(), Some("jm:6123"));
        let pairs = [("jobmanager.rpc.address", "::1"), ("jobmanager.rpc.port", "7")];
        assert_eq!(address(&pairs).as_deref(), Some("[::1]:7"));
    }

    #[test]
    fn a_single_data_port_stands_for_those_behind_it() {
        let ports = |pairs| settings(pairs).data_ports;
        assert_eq!(ports(&[]), "0");
        assert_eq!(ports(&[("taskmanager.data.port", "6121")]), "6121-6220");
        assert_eq!(ports(&[("taskmanager.data.port", "65530")]), "65530-65535");
        let both = [("taskmanager.data.port", "1"), ("taskmanager.data.bind-port", "7-9,12")];
        assert_eq!(ports(&both), "7-9,12");
    }

    #[test]
    fn workers_see_little_of_the_environment_and_what_the_configuration_adds() {
        let own = [("PATH", "/bin"), ("SECRET", "x"), ("RUST_LOG", "info"), ("LC_ALL", "C")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let configuration = Configuration::from_pairs([
            ("containerized.taskmanager.env.REGION", "eu"),
            ("containerized.taskmanager.env.RUST_LOG", "debug"),
            ("containerized.taskmanager.env.A=B", "no"),
        ]);
        let environment = environment(&configuration, Form::Json, own.into_iter());
        let found: Vec<_> = environment.iter().map(|(k, v)| (&**k, &**v)).collect();
        let expected = [
            ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
            ("LC_ALL", "C"),
            ("PATH", "/bin"),
            ("REGION", "eu"),
            ("RUST_LOG", "debug"),
            ("SCIURUS_LOG_FORMAT", "json"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn how_workers_allocate_can_be_said_to_the_task_manager_and_in_the_configuration() {
        let tunables = |own: &str, pairs: &[(&str, &str)]| {
            let own = [(ALLOCATOR.0.to_owned(), own.to_owned())].into_iter();
            environment(&Configuration::from_pairs(pairs.iter().copied()), Form::Json, own)
                .remove(ALLOCATOR.0)
                .unwrap()
        };
        assert_eq!(tunables("of the machine", &[]), "of the machine");
        let configured = [("containerized.taskmanager.env.GLIBC_TUNABLES", "")];
        assert_eq!(tunables("of the machine", &configured), "");
    }

    #[test]
    fn logs_of_workers_are_named_after_the_task_managers() {
        let log = settings(&[("taskmanager.log.path", "/var/log/tm-1.log")]).log;
        assert_eq!((&*log.prefix, log.directory.as_deref()), ("tm-1", Some(Path::new("/var/log"))));
        assert_eq!(settings(&[]).log.prefix, "sciurus-taskmanager");
    }
}
