//! A TaskManager that is killed: nothing is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_taskmanager::{TaskManager, TaskManagerOptions};

use crate::fixture::{
    configuration, is_alive, package_message, package_of_this_executable, start_worker, until,
};
use crate::job_manager::FakeJobManager;

/// Where the TaskManager's directories are, and the JobManager's port.
const DIRECTORY: &str = "TEST_TASK_MANAGER_DIRECTORY";
const PORT: &str = "TEST_JOB_MANAGER_PORT";

pub fn play_task_manager_if_asked() {
    let (Ok(directory), Ok(port)) = (std::env::var(DIRECTORY), std::env::var(PORT)) else { return };
    let configuration = configuration(&PathBuf::from(directory), port.parse().unwrap(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = TaskManagerOptions::new(configuration);
        let mut task_manager = TaskManager::start(options).await.unwrap();
        let _ = task_manager.wait().await;
    });
    std::process::exit(0);
}

/// A TaskManager in a process of its own.
struct Process(Child);

impl Process {
    fn start(directory: &Path, job_manager: &FakeJobManager) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["plays_a_task_manager", "--exact", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .env(PORT, job_manager.port.to_string())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn many_jobs_leave_no_files_directories_or_memory() {
    let mut job_manager = FakeJobManager::start().await;
    let dir = tempfile::tempdir().unwrap();
    let process = Process::start(dir.path(), &job_manager);
    let mut session = job_manager.session().await;
    let package = package_of_this_executable(dir.path());
    let (sha256, size) = sciurus_package::sha256_of_file(&package).unwrap();
    job_manager.state.packages.lock().insert(sha256, fs::read(&package).unwrap());
    let mut before = (0, 0);
    for job in 0..50 {
        let start = start_worker(package_message(sha256, size), job, 1, "obey");
        session.send(FromJobManager::StartWorker(start)).await;
        let pid = session.worker_started(job).await.pid;
        let stop = proto::StopWorker { job_id: vec![job; 16].into(), grace_ms: 10_000 };
        session.send(FromJobManager::StopWorker(stop)).await;
        until("the worker ends", || !is_alive(pid)).await;
        if job == 10 {
            before = (process.open_files(), process.resident_kib());
        }
    }
    // Threads that read and write files end after a while, sockets at once.
    until("files are closed", || process.open_files() <= before.0 + 1).await;
    let resident = process.resident_kib();
    assert!(resident < before.1 + 4096, "from {} to {resident} KiB", before.1);
    let logs = fs::read_dir(dir.path().join("log")).unwrap().count();
    assert!(logs <= 2 * 22, "{logs} log files");
    let scratch = fs::read_dir(dir.path().join("tmp")).unwrap().next().unwrap().unwrap().path();
    until("directories are removed", || {
        fs::read_dir(scratch.join("workers")).unwrap().count() == 0
    })
    .await;
}

#[tokio::test]
async fn a_killed_task_manager_leaves_no_process_and_the_next_one_cleans_up() {
    let mut job_manager = FakeJobManager::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), &job_manager);
    let mut session = job_manager.session().await;
    let package = package_of_this_executable(dir.path());
    let (sha256, size) = sciurus_package::sha256_of_file(&package).unwrap();
    job_manager.state.packages.lock().insert(sha256, fs::read(&package).unwrap());
    let mut pids = Vec::new();
    // The first ends when its socket does, as jobs do; the other one never would.
    for (job, behaviour) in [(1, "obey"), (2, "close")] {
        let start = start_worker(package_message(sha256, size), job, 1, behaviour);
        session.send(FromJobManager::StartWorker(start)).await;
        pids.push(session.worker_started(job).await.pid);
    }
    process.kill();
    until("the worker ends with its TaskManager", || !is_alive(pids[0])).await;
    session.ended().await;

    let configuration = configuration(dir.path(), job_manager.port, &[]);
    let task_manager = TaskManager::start(TaskManagerOptions::new(configuration)).await.unwrap();
    job_manager.session().await;
    until("the next TaskManager ends the other worker", || !is_alive(pids[1])).await;
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 1);
    task_manager.stop().await;
    assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_stopped_task_manager_leaves_no_process() {
    let mut fixture = crate::fixture::Fixture::new(&[]).await;
    let pids =
        [fixture.started(1, 1, "obey").await, fixture.started(2, 1, "ignore-shutdown").await];
    // Its session ends first, so that the JobManager needn't wait.
    let crate::fixture::Fixture { task_manager, mut session, .. } = fixture;
    let stopping = tokio::spawn(task_manager.stop());
    session.ended().await;
    stopping.await.unwrap();
    for pid in pids {
        assert!(!is_alive(pid));
    }
}
