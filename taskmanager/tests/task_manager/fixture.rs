//! A TaskManager with its directories, and what is often asked of it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sciurus_core::config::Configuration;
use sciurus_package::{CreateOptions, Sha256Digest, create, sha256_of_file};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_taskmanager::{TaskManager, TaskManagerOptions};
use tempfile::TempDir;

use crate::job::BEHAVIOUR;
use crate::job_manager::{FakeJobManager, FakeSession, PATIENCE};

/// A JobManager, a TaskManager that is registered with it, and directories.
pub struct Fixture {
    pub dir: TempDir,
    pub job_manager: FakeJobManager,
    pub task_manager: TaskManager,
    pub session: FakeSession,
}

/// The directories that a TaskManager is given.
pub fn configuration(dir: &Path, port: u16, more: &[(&str, &str)]) -> Configuration {
    let me = std::env::current_exe().unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let mut configuration = Configuration::from_pairs([
        ("jobmanager.rpc.address", "localhost".to_owned()),
        ("jobmanager.rpc.port", port.to_string()),
        ("taskmanager.bind-host", "127.0.0.1".to_owned()),
        ("taskmanager.memory.process.size", "256m".to_owned()),
        ("taskmanager.numberOfTaskSlots", "2".to_owned()),
        ("taskmanager.log.path", path("log/tm.log")),
        ("io.tmp.dirs", path("tmp")),
        ("sciurus.metrics.report-interval", "20 ms".to_owned()),
        ("sciurus.package.installed-directories", me.parent().unwrap().display().to_string()),
    ]);
    configuration.merge(&Configuration::from_pairs(more.iter().copied()));
    configuration
}

impl Fixture {
    pub async fn new(more: &[(&str, &str)]) -> Self {
        let mut job_manager = FakeJobManager::start().await;
        let dir = tempfile::tempdir().unwrap();
        let configuration = configuration(dir.path(), job_manager.port, more);
        let mut task_manager =
            TaskManager::start(TaskManagerOptions::new(configuration)).await.unwrap();
        let session = job_manager.session().await;
        task_manager.wait_until_registered().await;
        Self { dir, job_manager, task_manager, session }
    }

    /// Puts a package that refers to this executable where the TaskManager fetches it.
    pub fn package(&self) -> proto::Package {
        self.add_package(&package_of_this_executable(self.dir.path()))
    }

    pub fn add_package(&self, path: &Path) -> proto::Package {
        let (sha256, size_bytes) = sha256_of_file(path).unwrap();
        let bytes = fs::read(path).unwrap();
        self.job_manager.state.packages.lock().insert(sha256, bytes);
        package_message(sha256, size_bytes)
    }

    /// Starts a worker of a job that behaves so.
    pub async fn start(&self, job: u8, worker: u8, behaviour: &str) {
        let start = start_worker(self.package(), job, worker, behaviour);
        self.session.send(FromJobManager::StartWorker(start)).await;
    }

    /// Starts one and waits until it is ready; returns its process.
    pub async fn started(&mut self, job: u8, worker: u8, behaviour: &str) -> u32 {
        self.start(job, worker, behaviour).await;
        let started = self.session.worker_started(job).await;
        assert_eq!(started.worker[..], [worker; 16]);
        started.pid
    }

    pub fn log(&self, job: u8, extension: &str) -> PathBuf {
        let job = format!("{job:02x}").repeat(16);
        self.dir.path().join(format!("log/tm-worker-{job}.{extension}"))
    }

    /// Stops it, and makes sure that nothing is left.
    pub async fn stop(self) {
        self.task_manager.stop().await;
        let left: Vec<_> = fs::read_dir(self.dir.path().join("tmp")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub fn package_of_this_executable(dir: &Path) -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let installed = Some(me.to_str().unwrap().to_owned());
    let path = dir.join("job.jar");
    create(&[], &CreateOptions { installed, ..CreateOptions::default() }, &path).unwrap();
    path
}

pub fn package_message(sha256: Sha256Digest, size_bytes: u64) -> proto::Package {
    proto::Package {
        sha256: Bytes::copy_from_slice(&sha256.0),
        size_bytes,
        name: "job.jar".to_owned(),
        entry: Some("plays_a_job".to_owned()),
    }
}

pub fn start_worker(
    package: proto::Package,
    job: u8,
    worker: u8,
    behaviour: &str,
) -> proto::StartWorker {
    let configuration = HashMap::from([(BEHAVIOUR.to_owned(), behaviour.to_owned())]);
    proto::StartWorker {
        job_id: vec![job; 16].into(),
        job_name: "a job".to_owned(),
        worker: vec![worker; 16].into(),
        package: Some(package),
        arguments: ["--exact", "--nocapture", "--test-threads=1"].map(str::to_owned).into(),
        configuration,
        fingerprint: vec![5; 16].into(),
        slots: 1,
    }
}

/// Tells whether there is such a process, and it isn't just waiting to be noticed as ended.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until something is so.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends a signal to a process.
pub fn kill(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
