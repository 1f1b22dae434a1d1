//! A cluster of real processes on this machine, and what tests do with it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use ureq::unversioned::multipart::{Form, Part};

use crate::manager::Manager;
use crate::processes;

/// How long a test waits for what should take a moment; the machine may be busy.
pub const LONG: Duration = Duration::from_secs(60);

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Executables {
    /// The executable `sciurus`.
    pub sciurus: PathBuf,
    /// The executable of the example jobs.
    pub examples: PathBuf,
}

impl Executables {
    /// Finds both beside the executable `sciurus`, and builds the examples where they aren't there or
    /// are out of date.
    pub fn beside(sciurus: &str) -> Self {
        static BUILT: Once = Once::new();
        let sciurus = PathBuf::from(sciurus);
        let folder = sciurus.parent().unwrap();
        let examples = folder.join("sciurus-examples");
        BUILT.call_once(|| {
            let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            build.args(["build", "--quiet", "--bin", "sciurus-examples"]);
            if folder.file_name().is_some_and(|profile| profile == "release") {
                build.args(["-p", "examples", "--features", "rocksdb", "--release"]);
            } else {
                // As `make test` builds everything: what is compiled for that is used again.
                build.args(["--workspace", "--all-features"]);
            }
            assert!(build.status().unwrap().success(), "the examples can't be built");
        });
        Self { sciurus, examples }
    }
}

/// Polls until `is_there` returns something.
///
/// # Panics
/// After `timeout`, saying what was waited for.
pub fn wait_for<T>(what: &str, timeout: Duration, mut is_there: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A JobManager and TaskManagers.
pub struct Cluster {
    /// Where the REST API is, as `host:port`.
    pub rest: String,
    /// The JobManager.
    pub job_manager: Manager,
    /// The TaskManagers, in the order in which they were started.
    pub task_managers: Vec<Manager>,
    executables: Executables,
    properties: Vec<String>,
    agent: ureq::Agent,
    started: usize,
    /// The settings of its own that each TaskManager has.
    settings: Vec<Vec<String>>,
    folder: TempDir,
}

impl Cluster {
    /// Starts a cluster with settings, as `key=value`, and waits until its TaskManagers are
    /// registered.
    pub fn start(
        executables: Executables,
        task_managers: usize,
        slots: u32,
        settings: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (rest, rpc) = (free_port(), free_port());
        let mut properties = vec![
            "jobmanager.rpc.address=127.0.0.1".to_owned(),
            format!("jobmanager.rpc.port={rpc}"),
            "jobmanager.bind-host=127.0.0.1".to_owned(),
            "rest.address=127.0.0.1".to_owned(),
            "rest.bind-address=127.0.0.1".to_owned(),
            format!("rest.port={rest}"),
            "taskmanager.host=127.0.0.1".to_owned(),
            "taskmanager.bind-host=127.0.0.1".to_owned(),
            format!("taskmanager.numberOfTaskSlots={slots}"),
            "taskmanager.data.port=0".to_owned(),
            "taskmanager.memory.process.size=1g".to_owned(),
            format!("env.log.dir={}", folder.path().join("log").display()),
            format!("io.tmp.dirs={}", folder.path().join("tmp").display()),
        ];
        properties.extend(settings.iter().map(|&setting| setting.to_owned()));
        fs::create_dir_all(folder.path().join("log")).unwrap();
        fs::create_dir_all(folder.path().join("tmp")).unwrap();
        let job_manager = Manager::start(
            &executables.sciurus,
            "jobmanager",
            "jobmanager",
            folder.path(),
            &properties,
        );
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let mut cluster = Self {
            rest: format!("127.0.0.1:{rest}"),
            job_manager,
            task_managers: Vec::new(),
            executables,
            properties,
            agent,
            started: 0,
            settings: Vec::new(),
            folder,
        };
        for _ in 0..task_managers {
            cluster.add_task_manager();
        }
        cluster.wait_for_task_managers(task_managers);
        cluster
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts one more TaskManager, without waiting for it.
    pub fn add_task_manager(&mut self) {
        self.add_task_manager_with(&[]);
    }

    /// Starts one more TaskManager with settings of its own, without waiting for it.
    pub fn add_task_manager_with(&mut self, settings: &[&str]) {
        self.started += 1;
        let own: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        self.task_managers.push(self.start_task_manager(self.started, own.clone()));
        self.settings.push(own);
    }

    /// Kills a TaskManager and starts it again under the same id, without waiting for it.
    pub fn restart_task_manager(&mut self, n: usize) {
        self.task_managers[n].kill();
        self.task_managers[n] = self.start_task_manager(n + 1, self.settings[n].clone());
    }

    fn start_task_manager(&self, number: usize, own: Vec<String>) -> Manager {
        let name = format!("taskmanager-{number}");
        let mut properties = self.properties.clone();
        properties.push(format!("taskmanager.resource-id={name}"));
        properties.extend(own);
        Manager::start(
            &self.executables.sciurus,
            "taskmanager",
            &name,
            self.folder.path(),
            &properties,
        )
    }

    /// Starts the JobManager again after it was killed.
    pub fn restart_job_manager(&mut self) {
        self.job_manager.kill();
        self.job_manager = Manager::start(
            &self.executables.sciurus,
            "jobmanager",
            "jobmanager",
            self.folder.path(),
            &self.properties,
        );
    }

    /// Waits until so many TaskManagers are registered.
    pub fn wait_for_task_managers(&self, count: usize) {
        wait_for("TaskManagers to register", LONG, || {
            let overview = self.try_get("/overview")?;
            (overview["taskmanagers"] == count).then_some(())
        });
    }

    /// Asks the REST API; `None` where it doesn't answer or answers an error.
    pub fn try_get(&self, path: &str) -> Option<Value> {
        let mut answer = self.agent.get(format!("http://{}{path}", self.rest)).call().ok()?;
        if !answer.status().is_success() {
            return None;
        }
        answer.body_mut().read_json().ok()
    }

    /// Asks the REST API.
    pub fn get(&self, path: &str) -> Value {
        let mut answer = self.agent.get(format!("http://{}{path}", self.rest)).call().unwrap();
        let status = answer.status();
        let body = answer.body_mut().read_to_string().unwrap();
        assert!(status.is_success(), "GET {path}: {status}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path}: {error}: {body}"))
    }

    /// Cancels a job.
    pub fn cancel(&self, job: &str) {
        let path = format!("http://{}/jobs/{job}?mode=cancel", self.rest);
        let answer = self.agent.patch(path).send_empty().unwrap();
        assert_eq!(answer.status().as_u16(), 202);
    }

    /// Cancels a job if it is still there to be cancelled.
    pub fn try_cancel(&self, job: &str) {
        let path = format!("http://{}/jobs/{job}?mode=cancel", self.rest);
        let _ = self.agent.patch(path).send_empty();
    }

    /// Runs the command line with `-m`.
    pub fn command(&self, verb: &str, arguments: &[&str]) -> Output {
        Command::new(&self.executables.sciurus)
            .args([verb, "-m", &self.rest])
            .args(arguments)
            .env("FLINK_CONF_DIR", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Submits an example without waiting for its end and returns the job's id. `options` are those
    /// of `sciurus run`, `arguments` those of the job.
    pub fn submit(&self, options: &[&str], arguments: &[&str]) -> String {
        let examples = self.executables.examples.to_str().unwrap();
        let output = self.command("run", &[&["-d"], options, &[examples], arguments].concat());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run failed: {stdout}\n{stderr}");
        let text = "Job has been submitted with JobID ";
        let Some((_, rest)) = stdout.split_once(text) else { panic!("no job id: {stdout}") };
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// Uploads the examples and returns the package's id.
    pub fn upload(&self) -> String {
        let file = Part::file(&self.executables.examples).unwrap().file_name("examples.jar");
        let form = Form::new().part("jarfile", file);
        let path = format!("http://{}/jars/upload", self.rest);
        let mut answer = self.agent.post(path).send(form).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        let path = answer["filename"].as_str().unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    }

    /// Runs a job of an uploaded package and returns the job's id.
    pub fn run_uploaded(&self, package: &str, parallelism: u32, arguments: &[&str]) -> String {
        self.try_run_uploaded(package, parallelism, arguments)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs a job of an uploaded package and returns the job's id.
    ///
    /// # Errors
    /// What the JobManager answers where it doesn't accept the job.
    pub fn try_run_uploaded(
        &self,
        package: &str,
        parallelism: u32,
        arguments: &[&str],
    ) -> Result<String, String> {
        let path = format!("http://{}/jars/{package}/run", self.rest);
        let body = serde_json::json!({ "parallelism": parallelism, "programArgsList": arguments });
        let mut answer = self.agent.post(path).send_json(body).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        answer["jobid"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// The job's state, by Flink's name.
    pub fn state_of(&self, job: &str) -> String {
        let status = self.get(&format!("/jobs/{job}/status"));
        status["status"].as_str().unwrap().to_owned()
    }

    /// Waits until the job has a state.
    ///
    /// # Panics
    /// Where it ends otherwise.
    pub fn wait_for_state(&self, job: &str, state: &str) {
        wait_for(&format!("the job to be {state}"), 3 * LONG, || {
            let now = self.state_of(job);
            let is_end = ["FINISHED", "FAILED", "CANCELED"].contains(&now.as_str());
            if is_end && now != state {
                let failure = self.get(&format!("/jobs/{job}/exceptions"));
                panic!("the job is {now} instead of {state}: {failure:#}");
            }
            (now == state).then_some(())
        });
    }

    /// Waits until all tasks of a job run.
    pub fn wait_until_all_run(&self, job: &str) {
        wait_for("all tasks to run", LONG, || {
            let job = self.get(&format!("/jobs/{job}"));
            let vertices = job["vertices"].as_array()?;
            let runs = |vertex: &Value| vertex["tasks"]["RUNNING"] == vertex["parallelism"];
            (!vertices.is_empty() && vertices.iter().all(runs)).then_some(())
        });
    }

    /// Waits until a vertex of the job has read or written records.
    pub fn wait_for_records(&self, job: &str) {
        wait_for("records to flow", LONG, || {
            let job = self.get(&format!("/jobs/{job}"));
            let vertices = job["vertices"].as_array()?;
            let read = |vertex: &Value| vertex["metrics"]["read-records"].as_u64().unwrap_or(0);
            vertices.iter().any(|vertex| read(vertex) > 0).then_some(())
        });
    }

    /// Waits until all slots are free and no process of a job is left.
    pub fn wait_until_idle(&self) {
        let overview = || {
            let overview = self.try_get("/overview")?;
            let free = overview["slots-available"] == overview["slots-total"];
            (free && self.job_processes().is_empty()).then_some(())
        };
        wait_for("slots to be free and job processes to end", LONG, overview);
    }

    /// What the JobManager has logged.
    pub fn log_of_job_manager(&self) -> String {
        self.job_manager.output()
    }

    /// The processes of jobs: children of managers.
    pub fn job_processes(&self) -> Vec<u32> {
        self.task_managers
            .iter()
            .chain([&self.job_manager])
            .flat_map(|manager| processes::children_of(manager.pid()))
            .collect()
    }

    /// The workers below a TaskManager.
    pub fn workers_of(&self, task_manager: usize) -> Vec<u32> {
        processes::children_of(self.task_managers[task_manager].pid())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.job_manager.show();
            self.task_managers.iter().for_each(Manager::show);
            for entry in fs::read_dir(self.folder.path().join("log")).into_iter().flatten() {
                let path = entry.unwrap().path();
                let text = fs::read_to_string(&path).unwrap_or_default();
                let from = text.len().saturating_sub(4_000);
                let from = (from..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
                eprintln!("--- {} ---\n{}", path.display(), &text[from..]);
            }
        }
    }
}
