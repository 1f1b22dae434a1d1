//! `cluster start`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::config::options::{jobmanager, rest, taskmanager};
use sciurus_core::config::{Configuration, Ports};

use super::directory::Directory;
use super::process::Process;
use super::state::{State, names};
use super::{LocalError, many, ports};
use crate::arguments::{ClusterStart, Settings};
use crate::rest::answers::Overview;
use crate::rest::{Address, Client};
use crate::{Error, configuration};

/// Longest time until the cluster is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Time between two looks at whether it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// How much of a process' last words is shown, in lines.
const LAST_WORDS_LINES: usize = 20;

/// Starts the processes, waits until they are ready, and tells where they are.
pub fn run(arguments: &ClusterStart) -> Result<(), Error> {
    let directory = Directory::of(&arguments.directory)?;
    let loaded = configuration::load(&arguments.settings)?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    let _guard = directory.lock()?;
    if let Some(state) = State::read(&directory)? {
        let processes = names(state.running());
        if !processes.is_empty() {
            let (path, address) = (directory.path().to_owned(), state.address());
            return Err(LocalError::RunsAlready { processes, path, address }.into());
        }
    }
    let plan = Plan::of(&loaded.configuration, arguments)?;
    let started = Instant::now();
    let mut cluster = Started { directory: &directory, plan: &plan, processes: Vec::new() };
    match cluster.start(arguments) {
        Ok(overview) => {
            let logs = directory.logs();
            let ms = started.elapsed().as_millis();
            println!("Started a cluster of {} in {ms} ms.", described(&overview));
            println!("Web and REST: http://{}", plan.address);
            println!("Logs: {}", logs.display());
            Ok(())
        }
        Err(error) => {
            cluster.end();
            Err(error)
        }
    }
}

fn described(overview: &Overview) -> String {
    let Overview { taskmanagers, slots_total, .. } = overview;
    let (taskmanagers, slots) = (many(*taskmanagers, "TaskManager"), many(*slots_total, "slot"));
    format!("a JobManager and {taskmanagers} with {slots} in all")
}

/// What is started, and with which settings beside the user's.
struct Plan {
    taskmanagers: u32,
    address: Address,
    port: u16,
    host: String,
    settings: Vec<(&'static str, String)>,
    configuration: Configuration,
}

impl Plan {
    fn of(configuration: &Configuration, arguments: &ClusterStart) -> Result<Self, Error> {
        let mut settings = Vec::new();
        let mut set = |key: &'static str, value: String| settings.push((key, value));
        let host = configuration.get_optional(&jobmanager::RPC_ADDRESS)?;
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        for option in [&jobmanager::RPC_ADDRESS, &rest::ADDRESS, &taskmanager::HOST] {
            if !configuration.contains(option) {
                set(option.key(), host.clone());
            }
        }
        // Nobody else is let in unless the user says so.
        for option in [&jobmanager::BIND_HOST, &rest::BIND_ADDRESS, &taskmanager::BIND_HOST] {
            if !configuration.contains(option) {
                set(option.key(), "localhost".to_owned());
            }
        }
        let bound = |option| -> Result<String, Error> {
            let host = configuration.get_optional(option)?;
            Ok(host.unwrap_or_else(|| "localhost".to_owned()))
        };
        let rest_ports = configuration.get(&rest::BIND_PORT)?;
        // Both are held until both are known: else they could be the same.
        let (port, _rest) =
            ports::free(&bound(&rest::BIND_ADDRESS)?, &rest_ports, rest::PORT.key())?;
        set(rest::BIND_PORT.key(), port.to_string());
        set(rest::PORT.key(), port.to_string());
        let rpc = Ports::one(configuration.get(&jobmanager::RPC_PORT)?);
        let bind_host = bound(&jobmanager::BIND_HOST)?;
        let (rpc, _rpc) = ports::free(&bind_host, &rpc, jobmanager::RPC_PORT.key())?;
        set(jobmanager::RPC_PORT.key(), rpc.to_string());
        if let Some(slots) = arguments.slots {
            set(taskmanager::NUM_TASK_SLOTS.key(), slots.to_string());
        }
        let host = configuration.get_optional(&rest::ADDRESS)?.unwrap_or(host);
        Ok(Self {
            taskmanagers: arguments.taskmanagers,
            address: Address::new(&host, port),
            port,
            host,
            settings,
            configuration: configuration.clone(),
        })
    }
}

/// The processes that have been started so far.
struct Started<'a> {
    directory: &'a Directory,
    plan: &'a Plan,
    processes: Vec<(Process, Child)>,
}

impl Started<'_> {
    fn start(&mut self, arguments: &ClusterStart) -> Result<Overview, Error> {
        self.spawn("jobmanager", "jobmanager", &[], &arguments.settings)?;
        for number in 1..=self.plan.taskmanagers {
            let name = format!("taskmanager-{number}");
            let id = format!("{}={name}", taskmanager::RESOURCE_ID.key());
            self.spawn("taskmanager", &name, &[id], &arguments.settings)?;
        }
        self.wait()
    }

    fn spawn(
        &mut self,
        verb: &str,
        name: &str,
        properties: &[String],
        user: &Settings,
    ) -> Result<(), Error> {
        let logs = self.directory.logs_of(name);
        fs::create_dir_all(&logs).map_err(LocalError::file("create", &logs))?;
        let out_path = output_path(&logs, name);
        let out = File::create(&out_path).map_err(LocalError::file("write", &out_path))?;
        let err = out.try_clone().map_err(LocalError::file("write", &out_path))?;
        let spawn_error = |source| LocalError::Spawn { name: name.to_owned(), source };
        let executable = std::env::current_exe().map_err(spawn_error)?;
        let mut command = Command::new(executable);
        command.arg(verb).arg("--background");
        if let Some(directory) = &user.config_dir {
            command.arg("--configDir").arg(directory);
        }
        let ours = self.plan.settings.iter().map(|(key, value)| format!("{key}={value}"));
        let logs = std::iter::once(format!("env.log.dir={}", logs.display()));
        let all = user.properties.iter().cloned().chain(ours).chain(logs);
        for property in all.chain(properties.iter().cloned()) {
            command.arg("-D").arg(property);
        }
        let command = command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(spawn_error)?;
        let process = Process::of(name, child.id()).map_err(spawn_error)?;
        self.processes.push((process, child));
        self.state().write(self.directory)?;
        Ok(())
    }

    fn state(&self) -> State {
        State {
            host: self.plan.host.clone(),
            port: self.plan.port,
            processes: self.processes.iter().map(|(process, _)| process.clone()).collect(),
        }
    }

    /// Waits until the REST API answers and all `TaskManager`s have registered.
    fn wait(&mut self) -> Result<Overview, Error> {
        let client = Client::new(self.plan.address.clone(), &self.plan.configuration)?;
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            for (process, child) in &mut self.processes {
                if let Ok(Some(status)) = child.try_wait() {
                    let name = process.name.clone();
                    let logs = self.directory.logs_of(&name);
                    let last_words = last_words(&logs, &name);
                    let status = status.to_string();
                    return Err(LocalError::Ended { name, status, last_words }.into());
                }
            }
            let answer = client.get::<Overview>("/overview");
            let missing = match answer {
                Ok(overview) if overview.taskmanagers >= u64::from(self.plan.taskmanagers) => {
                    return Ok(overview);
                }
                Ok(Overview { taskmanagers, .. }) => {
                    format!("{taskmanagers} of {} TaskManagers are there", self.plan.taskmanagers)
                }
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                let (seconds, logs) = (READY_TIMEOUT.as_secs(), self.directory.logs());
                return Err(LocalError::NotReady { seconds, missing, logs }.into());
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Ends what has been started.
    fn end(&mut self) {
        for (_, child) in &mut self.processes {
            // It may have ended by itself; the first error is told in any case.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = State::delete(self.directory);
    }
}

/// Returns the file that holds what a process writes without its log.
fn output_path(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{name}.out"))
}

/// Returns the end of what a process wrote, its log where it got so far.
fn last_words(logs: &Path, name: &str) -> String {
    let out = fs::read_to_string(output_path(logs, name)).unwrap_or_default();
    let lines: Vec<_> = out.lines().collect();
    lines[lines.len().saturating_sub(LAST_WORDS_LINES)..].join("\n")
}
