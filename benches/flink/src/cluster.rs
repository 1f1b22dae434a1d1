//! A local cluster of either system: the same configuration file, the same REST API.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sciurus_harness::free_port;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::flink::Flink;
use crate::processes;
use crate::rest::{Rest, wait_for};

/// The longest that managers may take to start.
const LONGEST_START: Duration = Duration::from_secs(180);

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// This project.
    Sciurus,
    /// JVM Flink.
    Flink,
}

impl System {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Sciurus, Self::Flink];
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Sciurus { "Sciurus" } else { "Flink" })
    }
}

/// What clusters are started from.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The executable `sciurus`.
    pub sciurus: PathBuf,
    /// The executable of our jobs.
    pub jobs: PathBuf,
    /// Flink and its jobs.
    pub flink: Flink,
}

/// The folder that all measurements share.
pub fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("sciurus")
}

impl Programs {
    /// Finds the executables, and gets Flink.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn find(arguments: &Arguments) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let beside = || own.parent().unwrap_or(Path::new(".")).to_owned();
        let folder = arguments.executables.clone().unwrap_or_else(beside);
        let executable = |name: &str| {
            let path = folder.join(name);
            if path.is_file() { Ok(path) } else { Err(format!("there is no {}", path.display())) }
        };
        Ok(Self {
            sciurus: executable("sciurus")?,
            jobs: executable("sciurus-bench-flink-jobs")?,
            flink: Flink::get(&cache())?,
        })
    }
}

/// A manager's process, killed with the value.
struct Manager {
    name: String,
    child: Child,
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Settings by key.
pub type Settings<'a> = [(&'a str, &'a str)];

/// A cluster that runs.
pub struct Cluster {
    /// Which system it is of.
    pub system: System,
    /// Its REST API.
    pub rest: Rest,
    /// From the start of the JobManager to REST's answer.
    pub rest_answers: Duration,
    /// From the start of the TaskManagers to the registration of the last one.
    pub registered: Duration,
    /// Our jobs, uploaded.
    package: String,
    job_manager: Manager,
    task_managers: Vec<Manager>,
    folder: TempDir,
}

impl Cluster {
    /// Starts a cluster with two slots on each of its TaskManagers, and uploads our jobs.
    pub fn start(
        programs: &Programs,
        system: System,
        task_managers: usize,
        settings: &Settings<'_>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        write_configuration(folder.path(), port, settings);
        let rest = Rest::new(format!("127.0.0.1:{port}"));

        let name = "jobmanager".to_owned();
        let mut command = manager(programs, system, &name, folder.path());
        let started = Instant::now();
        let job_manager = Manager { name, child: command.spawn().unwrap() };
        let interval = Duration::from_millis(1);
        let overview = || rest.try_get("/overview");
        wait_for("the JobManager to answer", LONGEST_START, interval, overview);
        let rest_answers = started.elapsed();

        let commands: Vec<(String, Command)> = (1..=task_managers)
            .map(|number| {
                let name = format!("taskmanager-{number}");
                let command = manager(programs, system, &name, folder.path());
                (name, command)
            })
            .collect();
        let started = Instant::now();
        let start = |(name, mut command): (String, Command)| Manager {
            name,
            child: command.spawn().unwrap(),
        };
        let managers = commands.into_iter().map(start).collect();
        wait_for("TaskManagers to register", LONGEST_START, interval, || {
            (overview()?["taskmanagers"] == task_managers).then_some(())
        });
        let registered = started.elapsed();

        let package = rest.upload(match system {
            System::Sciurus => &programs.jobs,
            System::Flink => &programs.flink.jobs,
        });
        let task_managers = managers;
        Self { system, rest, rest_answers, registered, package, job_manager, task_managers, folder }
    }

    /// Submits a job, and returns its id.
    pub fn submit(&self, arguments: &[String]) -> String {
        self.rest.run(&self.package, arguments)
    }

    /// The processes of the managers.
    pub fn managers(&self) -> Vec<u32> {
        self.task_managers
            .iter()
            .chain([&self.job_manager])
            .map(|manager| manager.child.id())
            .collect()
    }

    /// The process of the JobManager.
    pub fn job_manager(&self) -> u32 {
        self.job_manager.child.id()
    }

    /// The processes of the TaskManagers.
    pub fn task_managers(&self) -> Vec<u32> {
        self.task_managers.iter().map(|manager| manager.child.id()).collect()
    }

    /// Waits until all slots are free, and no process of a job is left.
    pub fn wait_until_idle(&self) {
        wait_for("slots to be free", LONGEST_START, Duration::from_millis(5), || {
            let overview = self.rest.try_get("/overview")?;
            let free = overview["slots-available"] == overview["slots-total"];
            let alone =
                self.managers().into_iter().all(|pid| processes::children_of(pid).is_empty());
            (free && alone).then_some(())
        });
    }

    /// Which of the TaskManagers has this resource id.
    pub fn index_of(&self, id: &str) -> usize {
        let index = self.task_managers.iter().position(|manager| manager.name == id);
        index.unwrap_or_else(|| panic!("no TaskManager is called {id}"))
    }

    /// Kills a TaskManager as `kill -9` does.
    pub fn kill_task_manager(&mut self, index: usize) {
        drop(self.task_managers.remove(index));
    }

    /// A folder for files of jobs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What the managers have logged tells why.
            eprintln!("the files of {} are kept in {}", self.system, self.folder.path().display());
            self.folder.disable_cleanup(true);
        }
    }
}

/// The command that starts a manager; TaskManagers have their name as resource id.
fn manager(programs: &Programs, system: System, name: &str, folder: &Path) -> Command {
    let is_job_manager = name == "jobmanager";
    let mut command = match system {
        System::Flink => programs.flink.manager(is_job_manager, folder),
        System::Sciurus => {
            let mut command = Command::new(&programs.sciurus);
            command.arg(if is_job_manager { "jobmanager" } else { "taskmanager" });
            command
        }
    };
    if !is_job_manager {
        command.arg(format!("-Dtaskmanager.resource-id={name}"));
    }
    let output = folder.join(format!("{name}.output"));
    let output = File::options().create(true).append(true).open(output).unwrap();
    command
        .env("FLINK_CONF_DIR", folder)
        .env_remove("FLINK_PROPERTIES")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output);
    command
}

/// Writes the configuration, which both systems read.
fn write_configuration(folder: &Path, rest_port: u16, settings: &Settings<'_>) {
    let path = |name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(&path).unwrap();
        path.display().to_string()
    };
    let (rpc_port, rest_port) = (free_port().to_string(), rest_port.to_string());
    let (temporary, log) = (path("tmp"), path("log"));
    let checkpoints = format!("file://{}", path("checkpoints"));
    let common = [
        ("jobmanager.rpc.address", "127.0.0.1"),
        ("jobmanager.bind-host", "127.0.0.1"),
        ("jobmanager.rpc.port", &*rpc_port),
        ("jobmanager.memory.process.size", "1600m"),
        ("rest.address", "127.0.0.1"),
        ("rest.bind-address", "127.0.0.1"),
        ("rest.port", &*rest_port),
        // How old an answer may be; what is waited for is to be seen when it is there.
        ("web.refresh-interval", "10"),
        ("taskmanager.host", "127.0.0.1"),
        ("taskmanager.bind-host", "127.0.0.1"),
        ("taskmanager.numberOfTaskSlots", "2"),
        ("taskmanager.memory.process.size", "4g"),
        ("parallelism.default", "2"),
        ("pipeline.object-reuse", "true"),
        ("io.tmp.dirs", &*temporary),
        ("env.log.dir", &*log),
        ("execution.checkpointing.dir", &*checkpoints),
    ];
    let mut text = String::new();
    for (key, value) in common.iter().chain(settings) {
        let _ = writeln!(text, "{key}: {value}");
    }
    fs::write(folder.join("config.yaml"), text).unwrap();
}
