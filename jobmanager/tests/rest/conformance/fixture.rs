//! A cluster with a job in each state.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::checkpoint::SnapshotKind;
use sciurus_core::ids::{ExecutionAttemptId, JobId};
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_job_master::{ExecutionState, JobStatus};
use sciurus_package::CreateOptions;
use sciurus_rpc::proto::task_manager_message::Message;
use sciurus_rpc::proto::{JobMetricsReport, MetricsReport, OperatorMetrics, TaskMetrics};

use super::recording::{Ids, JobState};
use crate::common::{Behaviour, SimulatedTaskManager, TestCluster, eventually};
use crate::{hostile, http};

/// The TaskManagers' ids.
pub const TASK_MANAGERS: [&str; 2] = ["localhost:1-aaaaaa", "localhost:2-bbbbbb"];

/// The graph of every job.
const GRAPH: [(&str, &str); 2] = [("test.vertices", "2"), ("test.parallelism", "2")];

/// How many recordings end a job.
const SPARE_JOBS: usize = 4;

/// The checkpoint that the running job has taken.
pub const CHECKPOINT: &str = "1";

/// The name of a file in the log directory.
const LOG_FILE: &str = "flink-test-standalonesession-0.out";

pub struct Fixture {
    pub cluster: TestCluster,
    task_managers: [SimulatedTaskManager; 2],
    jobs: Vec<(JobState, JobId)>,
    /// Jobs that run, each to be ended by a recording.
    spare: Mutex<Vec<JobId>>,
    package: String,
}

impl Fixture {
    pub async fn start() -> Self {
        let executable = std::env::current_exe().unwrap();
        let directory = executable.parent().unwrap().display().to_string();
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| format!("file://{}", home.path().join(name).display());
        let (checkpoints, savepoints) = (folder("checkpoints"), folder("savepoints"));
        let settings = [
            ("sciurus.package.installed-directories", directory.as_str()),
            ("execution.checkpointing.dir", &checkpoints),
            ("execution.checkpointing.savepoint-dir", &savepoints),
        ];
        let cluster = TestCluster::start_in(home, &settings).await;
        std::fs::write(cluster.directory.path().join(LOG_FILE), "printed\n").unwrap();
        let behaviour =
            Behaviour { refuses_files: true, takes_checkpoints: true, ..Behaviour::default() };
        let task_managers = [
            cluster.add_with(TASK_MANAGERS[0], 8, behaviour.clone()).await,
            cluster.add_with(TASK_MANAGERS[1], 8, behaviour).await,
        ];
        let mut fixture = Self {
            cluster,
            task_managers,
            jobs: Vec::new(),
            spare: Mutex::default(),
            package: String::new(),
        };
        fixture.package = fixture.upload().await;
        let [a, b] = &fixture.task_managers;
        let mut jobs = Vec::new();

        let finished = fixture.run(&[("restart-strategy.type", "none")]).await;
        fixture.report(finished).await;
        for task_manager in [a, b] {
            task_manager.end_all(ExecutionState::Finished);
        }
        fixture.cluster.status_is(finished, JobStatus::Finished).await;
        jobs.push((JobState::Finished, finished));

        let failed = fixture
            .run(&[
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "1"),
                ("restart-strategy.fixed-delay.delay", "1 ms"),
            ])
            .await;
        a.end_all(ExecutionState::Failed);
        b.end_all(ExecutionState::Failed);
        let job = fixture.cluster.dispatcher().job(failed).unwrap();
        eventually(|| {
            // Again, after the restart.
            a.end_all(ExecutionState::Failed);
            b.end_all(ExecutionState::Failed);
            job.status() == JobStatus::Failed
        })
        .await;
        jobs.push((JobState::Failed, failed));

        let canceled = fixture.run(&[]).await;
        fixture.cluster.dispatcher().cancel(canceled).unwrap();
        fixture.cluster.status_is(canceled, JobStatus::Canceled).await;
        jobs.push((JobState::Canceled, canceled));

        let restarting = fixture
            .run(&[
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.delay", "1 h"),
            ])
            .await;
        fixture.report(restarting).await;
        a.end_all(ExecutionState::Failed);
        b.end_all(ExecutionState::Failed);
        fixture.cluster.status_is(restarting, JobStatus::Restarting).await;
        jobs.push((JobState::Restarting, restarting));

        let running = fixture.run(&[]).await;
        fixture.report(running).await;
        let job = fixture.cluster.dispatcher().job(running).unwrap();
        let (id, _) = job.trigger_snapshot(SnapshotKind::Checkpoint, None).await.unwrap();
        assert_eq!(id.to_string(), CHECKPOINT);
        jobs.push((JobState::Running, running));

        for _ in 0..SPARE_JOBS {
            let spare = fixture.run(&[]).await;
            fixture.spare.lock().push(spare);
        }

        let adaptive = ("jobmanager.scheduler", "adaptive");
        jobs.push((JobState::Adaptive, fixture.run(&[adaptive]).await));
        let remembers = ("web.adaptive-scheduler.rescale-history.size", "10");
        let rescaled = fixture.run(&[adaptive, remembers]).await;
        fixture.rescale(rescaled).await;
        jobs.push((JobState::Rescaled, rescaled));

        let wide = [GRAPH[0], ("test.parallelism", "32")];
        let waiting = fixture.cluster.submit(&wide).await.unwrap();
        jobs.push((JobState::Waiting, waiting));
        fixture.jobs = jobs;
        fixture
    }

    /// Returns the URL of the directory that stands for Flink's home.
    pub fn home(&self) -> String {
        format!("file://{}", self.cluster.directory.path().display())
    }

    /// Returns a job that runs and that nobody else needs.
    pub fn spare(&self) -> JobId {
        self.spare.lock().pop().unwrap()
    }

    /// Lets a job run with one subtask of each vertex.
    async fn rescale(&self, id: JobId) {
        let job = self.cluster.dispatcher().job(id).unwrap();
        let bounds = job.with_master(|master| {
            let vertices = master.graph().vertices.iter();
            vertices.map(|vertex| (vertex.id, ParallelismBounds { lower: 1, upper: 1 })).collect()
        });
        job.rescale(bounds).await.unwrap();
        eventually(|| job.with_master(|master| master.rescales().counts().completed) == 2).await;
        self.cluster.runs(id, 2).await;
    }

    /// Runs a job until all of its tasks run.
    async fn run(&self, settings: &[(&str, &str)]) -> JobId {
        let job = self.submit(settings).await;
        self.cluster.runs(job, 4).await;
        job
    }

    /// Submits a job.
    pub async fn submit(&self, settings: &[(&str, &str)]) -> JobId {
        let settings: Vec<_> = GRAPH.iter().chain(settings).copied().collect();
        self.cluster.submit(&settings).await.unwrap()
    }

    pub fn rest(&self) -> SocketAddr {
        self.cluster.manager().rest_address()
    }

    /// Uploads a package that runs this test's executable, which plays the job.
    async fn upload(&self) -> String {
        let bytes = package(self.cluster.directory.path());
        let address = self.rest();
        let answer = blocking(move || hostile::upload(address, "job.jar", &bytes)).await;
        let json = answer.json();
        assert_eq!(answer.status, 200, "{json}");
        let filename = json["filename"].as_str().unwrap().to_owned();
        filename.rsplit('/').next().unwrap().to_owned()
    }

    /// Has the TaskManagers tell what the tasks of a job count.
    async fn report(&self, id: JobId) {
        let job = self.cluster.dispatcher().job(id).unwrap();
        let attempts: Vec<(String, ExecutionAttemptId)> = job.with_master(|master| {
            let subtasks = master.execution_graph().subtasks().iter();
            subtasks
                .map(|subtask| {
                    let current = subtask.current();
                    let location = &current.slot().unwrap().location;
                    (location.id.as_str().to_owned(), current.id())
                })
                .collect()
        });
        for task_manager in &self.task_managers {
            let here = attempts.iter().filter(|(id, _)| id == task_manager.id.as_str());
            let tasks = here.map(|(_, attempt)| counts(*attempt)).collect();
            let jobs = vec![JobMetricsReport {
                job_id: id.to_bytes().to_vec().into(),
                tasks,
                ..Default::default()
            }];
            let gauges = [("Status.JVM.Memory.Heap.Used".to_owned(), 1e6)].into();
            task_manager.send(Message::Metrics(MetricsReport { jobs, gauges }));
        }
        let all_told = || attempts.iter().all(|(_, attempt)| job.task_metrics(*attempt).is_some());
        eventually(all_told).await;
    }

    /// Returns what stands for the ids of a recording about a job in a state.
    pub fn ids(&self, state: JobState) -> Ids<'_> {
        let (_, job) = self.jobs.iter().find(|(candidate, _)| *candidate == state).unwrap();
        self.ids_of(*job)
    }

    pub fn ids_of(&self, job: JobId) -> Ids<'_> {
        let shown = self.cluster.dispatcher().job(job).unwrap();
        let vertices = shown.with_master(|master| {
            let vertices = &master.graph().vertices;
            [vertices[0].id.to_string(), vertices[1].id.to_string()]
        });
        Ids {
            job: job.to_string(),
            vertices,
            task_manager: TASK_MANAGERS[0],
            package: &self.package,
            log_file: LOG_FILE,
        }
    }
}

/// Makes a package with one job that runs this test's executable.
pub fn package(directory: &Path) -> Vec<u8> {
    let options = CreateOptions {
        name: Some("word-count".to_owned()),
        entry: Some("word_count".to_owned()),
        entries: vec!["word_count".to_owned()],
        installed: Some(std::env::current_exe().unwrap().display().to_string()),
    };
    let path = directory.join("package.jar");
    sciurus_package::create(&[], &options, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

fn counts(attempt: ExecutionAttemptId) -> TaskMetrics {
    let operator = OperatorMetrics {
        name: "vertex".to_owned(),
        records_in: 10,
        records_out: 20,
        input_watermark: i64::MIN,
        output_watermark: i64::MIN,
        ..Default::default()
    };
    TaskMetrics {
        attempt: Some(attempt.into()),
        records_in: 10,
        records_out: 20,
        total_us: 1_000_000,
        idle_us: 500_000,
        operators: vec![operator],
        accumulators: [("lines".to_owned(), 10)].into(),
        ..Default::default()
    }
}

/// Runs what waits for answers beside the cluster.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(Duration::from_secs(60), tokio::task::spawn_blocking(work))
        .await
        .unwrap()
        .unwrap()
}

/// Sends a request to the cluster.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> http::Answer {
    let (method, path) = (method.to_owned(), path.to_owned());
    blocking(move || {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        http::request(address, &method, &path, &headers, &body)
    })
    .await
}
