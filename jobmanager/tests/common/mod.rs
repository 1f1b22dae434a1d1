//! A JobManager with TaskManagers that are played, for tests of what lies in between.
//!
//! The job's executable is the test's own: [`job::job_main`] is a test that, where a JobManager has
//! started it, plays the coordinator of the job that its configuration describes.
#![allow(dead_code)]

pub mod api_server;
pub mod job;
pub mod task_manager;

use std::time::{Duration, Instant};

use sciurus_core::config::Configuration;
use sciurus_core::ids::{JobId, TaskManagerId};
use sciurus_job_master::JobStatus;
use sciurus_jobmanager::dispatcher::{Dispatcher, JobSubmission, PackageRef, SubmitError};
use sciurus_jobmanager::{JobManager, JobManagerOptions};
use tempfile::TempDir;

pub use task_manager::{Behaviour, SimulatedTaskManager};

/// How long anything may take in a test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A JobManager in this process.
pub struct TestCluster {
    manager: Option<JobManager>,
    pub directory: TempDir,
}

impl TestCluster {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings).await
    }

    pub async fn start_in(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let path = directory.path().display().to_string();
        let mut configuration = Configuration::from_pairs([
            ("jobmanager.rpc.port", "0"),
            ("jobmanager.bind-host", "127.0.0.1"),
            ("rest.bind-port", "0"),
            ("rest.bind-address", "127.0.0.1"),
            ("io.tmp.dirs", path.as_str()),
            ("env.log.dir", path.as_str()),
        ]);
        configuration.merge(&Configuration::from_pairs(settings.iter().copied()));
        let options = JobManagerOptions { configuration, ..JobManagerOptions::default() };
        let manager = Some(JobManager::start(options).await.unwrap());
        Self { manager, directory }
    }

    pub fn manager(&self) -> &JobManager {
        self.manager.as_ref().unwrap()
    }

    pub fn dispatcher(&self) -> &Dispatcher {
        self.manager().dispatcher()
    }

    /// Adds a TaskManager that does what it is told.
    pub async fn add(&self, name: &str, slots: u32) -> SimulatedTaskManager {
        self.add_with(name, slots, Behaviour::default()).await
    }

    pub async fn add_with(
        &self,
        name: &str,
        slots: u32,
        behaviour: Behaviour,
    ) -> SimulatedTaskManager {
        let address = self.manager().rpc_address();
        let task_manager =
            SimulatedTaskManager::connect(address, name, slots, behaviour).await.unwrap();
        let id = TaskManagerId::new(name);
        eventually(|| self.dispatcher().task_manager(&id).is_some()).await;
        task_manager
    }

    /// Submits the job that these settings describe; see [`job`].
    pub async fn submit(&self, settings: &[(&str, &str)]) -> Result<JobId, SubmitError> {
        self.dispatcher().submit(submission(settings)).await
    }

    pub async fn status_is(&self, job: JobId, status: JobStatus) {
        let job = self.dispatcher().job(job).unwrap();
        let what = || format!("{status} (it is {}, {:?})", job.status(), job.failure());
        eventually_or(|| job.status() == status, what).await;
    }

    /// Waits until so many tasks of a job run.
    pub async fn runs(&self, job: JobId, tasks: usize) {
        let job = self.dispatcher().job(job).unwrap();
        let running = || running(&job);
        eventually_or(|| running() == tasks, || format!("{} of {tasks} run", running())).await;
    }

    pub async fn shut_down(mut self) -> TempDir {
        self.manager.take().unwrap().shut_down().await;
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }
}

pub fn running(job: &sciurus_jobmanager::job::Job) -> usize {
    job.with_master(|master| {
        let subtasks = master.execution_graph().subtasks().iter();
        let running = sciurus_job_master::ExecutionState::Running;
        subtasks.filter(|subtask| subtask.current().state() == running).count()
    })
}

/// The submission of the job that these settings describe; see [`job`].
pub fn submission(settings: &[(&str, &str)]) -> JobSubmission {
    JobSubmission {
        package: PackageRef::Path(std::env::current_exe().unwrap()),
        entry: None,
        arguments: job::arguments(),
        configuration: Configuration::from_pairs(settings.iter().copied()),
        job_id: None,
    }
}

/// Waits until something holds.
pub async fn eventually(holds: impl FnMut() -> bool) {
    eventually_or(holds, || "it".to_owned()).await;
}

pub async fn eventually_or(mut holds: impl FnMut() -> bool, what: impl Fn() -> String) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{} never was", what());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
