//! A local cluster for tests, and commands against it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a test waits for what should take a moment; the machine may be busy.
pub const LONG: Duration = Duration::from_secs(60);

/// Starts the executable, free of what the environment of the test says about clusters.
pub fn sciurus() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sciurus"));
    for name in [
        "FLINK_CONF_DIR",
        "FLINK_HOME",
        "FLINK_LOG_DIR",
        "FLINK_PROPERTIES",
        "JOB_MANAGER_RPC_ADDRESS",
        "TASK_MANAGER_NUMBER_OF_TASK_SLOTS",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a command wrote and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Self { code: output.status.code(), stdout, stderr }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    command.output().unwrap().into()
}

/// Polls until `is_there` returns something.
pub fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {LONG:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Builds the example jobs, once, and returns their executable.
pub fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_sciurus")).parent().unwrap();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args(["build", "--quiet", "-p", "examples", "--bin", "sciurus-examples"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the examples can't be built");
        folder.join("sciurus-examples")
    })
}

/// A cluster that `sciurus cluster start` has started.
pub struct LocalCluster {
    directory: TempDir,
    /// `host:port` of the REST API.
    pub address: String,
}

impl LocalCluster {
    /// Starts a cluster on ports that are free.
    pub fn start(taskmanagers: u32, slots: u32, settings: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), taskmanagers, slots, settings)
    }

    fn start_in(directory: TempDir, taskmanagers: u32, slots: u32, settings: &[&str]) -> Self {
        let started = run(&mut start_command(directory.path(), taskmanagers, slots, settings));
        let words = logs_below(directory.path());
        assert_eq!(started.code, Some(0), "{}\n{}\n{words}", started.stdout, started.stderr);
        let text = "Web and REST: http://";
        let address = started.stdout.split_once(text).unwrap().1.lines().next().unwrap();
        Self { address: address.to_owned(), directory }
    }

    /// Starts a cluster whose jobs take checkpoints, and which has a place for savepoints.
    pub fn with_checkpoints(slots: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let setting = |key: &str, name: &str| {
            format!(
                "execution.checkpointing.{key}=file://{}",
                directory.path().join(name).display()
            )
        };
        let settings = [
            "execution.checkpointing.interval=200 ms".to_owned(),
            setting("dir", "checkpoints"),
            setting("savepoint-dir", "default-savepoints"),
        ];
        let settings = settings.each_ref().map(String::as_str);
        Self::start_in(directory, 1, slots, &settings)
    }

    /// The address of a directory below the cluster's own.
    pub fn directory_url(&self, name: &str) -> String {
        format!("file://{}", self.directory().join(name).display())
    }

    /// Asks the REST API.
    pub fn get(&self, path: &str) -> serde_json::Value {
        let answer = ureq::get(format!("http://{}{path}", self.address)).call();
        let text = answer.unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The cluster's directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A command of the cluster itself.
    pub fn cluster_command(&self, verb: &str) -> Command {
        let mut command = sciurus();
        command.args(["cluster", verb, "--dir"]).arg(self.directory());
        command
    }

    /// A command against the cluster.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = sciurus();
        command.args([verb, "-m", &self.address]);
        command
    }

    /// Runs a command against the cluster.
    pub fn run(&self, verb: &str, arguments: &[&str]) -> Ended {
        run(self.command(verb).args(arguments))
    }

    /// Submits an example that never ends, and returns the job's id.
    pub fn submit_endless(&self, options: &[&str]) -> String {
        let examples = examples().to_str().unwrap();
        let job = [examples, "state_machine", "--discard", "--sleep", "10"];
        let submitted = self.run("run", &[&["-d"], options, &job].concat());
        assert_eq!(submitted.code, Some(0), "{submitted:?}");
        let id = submitted.stdout.trim().strip_prefix("Job has been submitted with JobID ");
        id.unwrap().to_owned()
    }

    /// Waits until all tasks of a job run: only then it takes savepoints.
    pub fn wait_for_tasks(&self, job: &str) {
        self.wait_for_state(job, "RUNNING");
        wait_for(&format!("the tasks of job {job} to run"), || {
            let details = self.get(&format!("/jobs/{job}"));
            let vertices = details["vertices"].as_array()?;
            let run = |vertex: &serde_json::Value| {
                vertex["tasks"]["RUNNING"].as_u64() == vertex["parallelism"].as_u64()
            };
            (!vertices.is_empty() && vertices.iter().all(run)).then_some(())
        });
    }

    /// Waits until a job is in a state, as `list -a --json` shows it.
    pub fn wait_for_state(&self, job: &str, state: &str) {
        wait_for(&format!("job {job} to be {state}"), || {
            let listed = self.run("list", &["-a", "--json"]);
            let jobs: serde_json::Value = serde_json::from_str(&listed.stdout).ok()?;
            let found = jobs.as_array()?.iter().find(|found| found["jid"] == job)?.clone();
            (found["state"] == state).then_some(())
        });
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", logs_below(self.directory()));
        }
        let stopped = run(&mut self.cluster_command("stop"));
        if !std::thread::panicking() {
            let no_cluster = stopped.stderr.contains("no cluster runs");
            assert!(stopped.code == Some(0) || no_cluster, "{stopped:?}");
        }
    }
}

/// The path that `file:///path` or `file:/path` names.
pub fn local(url: &str) -> PathBuf {
    let path = url.strip_prefix("file:").unwrap();
    Path::new("/").join(path.trim_start_matches('/'))
}

/// The command that starts a cluster on ports that are free.
pub fn start_command(
    directory: &Path,
    taskmanagers: u32,
    slots: u32,
    settings: &[&str],
) -> Command {
    let mut command = sciurus();
    command.args(["cluster", "start", "--dir"]).arg(directory);
    command.args(["--taskmanagers", &taskmanagers.to_string(), "--slots", &slots.to_string()]);
    let tmp = directory.join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    command.arg(format!("-Dio.tmp.dirs={}", tmp.display()));
    let ports = ["rest.port=0", "jobmanager.rpc.port=0", "taskmanager.memory.process.size=512m"];
    for setting in ports.iter().chain(settings) {
        command.args(["-D", setting]);
    }
    command
}

/// The end of each log below a directory.
pub fn logs_below(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&logs_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "log" || extension == "out")
        {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let from = log.len().saturating_sub(4_000);
            let from = (from..log.len()).find(|&at| log.is_char_boundary(at)).unwrap_or(0);
            writeln!(text, "--- {} ---\n{}", path.display(), &log[from..]).unwrap();
        }
    }
    text
}
