//! A cluster of processes, whose managers are a test.

use std::collections::{BTreeMap, HashMap};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{
    AttemptNumber, ExecutionAttemptId, ExecutionGraphId, ExecutionVertexId, JobId, SubtaskIndex,
};
use sciurus_job_master::ExecutionState;
use sciurus_job_master::failure::FailureCause;
use sciurus_rpc::proto::{self, FromJob, JobInit, JobRole, from_job, to_job};
use sciurus_rpc::{PROTOCOL_VERSION, convert, framing};
use sciurus_testkit::JobProcess;

/// The variable that chooses the job.
pub const JOB: &str = "SCIURUS_TEST_JOB";

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Starts this executable as a job.
pub fn command(job: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "plays_the_job", "--nocapture", "--test-threads=1"]);
    command.env(JOB, job).env_remove("RUST_LOG");
    command
}

/// What a process is told first, in a cluster with parallelism 4.
pub fn init(role: JobRole) -> JobInit {
    JobInit {
        protocol: PROTOCOL_VERSION,
        role: role.into(),
        job_id: convert::bytes_of(JobId::random().to_bytes()),
        configuration: [("parallelism.default".to_owned(), "4".to_owned())].into(),
        worker: None,
    }
}

/// What a worker is told first.
pub fn worker_init(init: &JobInit, graph: &JobGraph, number: usize) -> JobInit {
    JobInit {
        role: JobRole::Worker.into(),
        worker: Some(proto::WorkerInit {
            worker: vec![number as u8 + 1; 16].into(),
            fingerprint: convert::bytes_of(graph.fingerprint().to_bytes()),
            task_manager: format!("tm-{number}"),
            advertised_data_ports: String::new(),
            bind_host: "127.0.0.1".to_owned(),
            data_ports: "0".to_owned(),
            host: "127.0.0.1".to_owned(),
            memory_bytes: 0,
            metrics_interval_ms: 50,
            scratch_directory: String::new(),
            managed_memory_bytes: 0,
        }),
        ..init.clone()
    }
}

/// Asks a job's executable for its plan.
pub fn plan(process: &mut JobProcess) -> (JobGraph, BTreeMap<String, String>) {
    match process.receive() {
        Some(from_job::Message::Plan(plan)) => {
            assert_eq!(plan.protocol, PROTOCOL_VERSION);
            let graph = serde_json::from_slice(&plan.job_graph).unwrap();
            (graph, convert::sorted(plan.configuration))
        }
        other => panic!("{other:?}; standard error: {}", process.stderr()),
    }
}

/// A job's coordinator and workers, and what they have said.
pub struct Cluster {
    pub graph: JobGraph,
    pub coordinator: JobProcess,
    pub workers: Vec<JobProcess>,
    addresses: Vec<proto::WorkerAddress>,
    heard: Receiver<(Option<usize>, Option<from_job::Message>)>,
    graph_id: ExecutionGraphId,
    round: u64,
    /// By subtask: its attempt and its worker.
    pub tasks: BTreeMap<ExecutionVertexId, (ExecutionAttemptId, usize)>,
    /// What attempts have reported, in order.
    pub states: HashMap<ExecutionAttemptId, Vec<ExecutionState>>,
    pub failures: Vec<(ExecutionAttemptId, FailureCause)>,
    pub metrics: HashMap<ExecutionAttemptId, proto::TaskMetrics>,
    /// The last of each worker.
    pub gauges: HashMap<usize, HashMap<String, f64>>,
    pub source_failures: Vec<FailureCause>,
    /// Workers that are gone.
    pub gone: Vec<usize>,
    pub total_bytes: Option<u64>,
}

impl Cluster {
    /// Starts a job's processes; `change` may change what workers are told.
    #[track_caller]
    pub fn start(job: &str, workers: usize, change: impl Fn(&mut JobInit)) -> Self {
        let mut init = init(JobRole::Coordinator);
        change(&mut init);
        let mut coordinator = JobProcess::start_as(&mut command(job), init.clone());
        let (graph, _) = plan(&mut coordinator);
        let (sender, heard) = mpsc::channel();
        listen(&coordinator, None, &sender);
        let mut started = Vec::new();
        let mut addresses = Vec::new();
        for number in 0..workers {
            let mut init = worker_init(&init, &graph, number);
            change(&mut init);
            let id = init.worker.as_ref().unwrap().worker.clone();
            let mut worker = JobProcess::start_as(&mut command(job), init);
            match worker.receive() {
                Some(from_job::Message::Ready(ready)) => {
                    assert_eq!(ready.pid, worker.id());
                    addresses
                        .push(proto::WorkerAddress { worker: id, address: ready.data_address });
                }
                other => panic!("{other:?}; standard error: {}", worker.stderr()),
            }
            listen(&worker, Some(number), &sender);
            started.push(worker);
        }
        Self {
            graph,
            coordinator,
            workers: started,
            addresses,
            heard,
            graph_id: ExecutionGraphId::random(),
            round: 0,
            tasks: BTreeMap::new(),
            states: HashMap::new(),
            failures: Vec::new(),
            metrics: HashMap::new(),
            gauges: HashMap::new(),
            source_failures: Vec::new(),
            gone: Vec::new(),
            total_bytes: None,
        }
    }

    /// Deploys all tasks, turn by turn, as attempt `attempt`.
    pub fn deploy(&mut self, attempt: u32) {
        let mut readers = Vec::new();
        let mut messages =
            vec![
                proto::DeployTasks { workers: self.addresses.clone(), ..Default::default() };
                self.workers.len()
            ];
        for vertex in &self.graph.vertices {
            let mut places = Vec::new();
            for subtask in 0..vertex.parallelism {
                let attempt = ExecutionAttemptId {
                    graph: self.graph_id,
                    vertex: vertex.id,
                    subtask: SubtaskIndex(subtask),
                    attempt: AttemptNumber(attempt),
                };
                let worker = subtask as usize % self.workers.len();
                places.push(worker as u32);
                self.tasks.insert(attempt.execution_vertex(), (attempt, worker));
                messages[worker].tasks.push(proto::TaskDeployment {
                    attempt: Some(attempt.into()),
                    allocation: vec![0; 16].into(),
                    slot: subtask,
                    restore: None,
                });
                if vertex.is_source {
                    readers.push(attempt.execution_vertex().into());
                }
            }
            for message in &mut messages {
                message.locations.push(proto::VertexLocations {
                    vertex: convert::bytes_of(vertex.id.to_bytes()),
                    attempts: vec![attempt; places.len()],
                    workers: places.clone(),
                });
            }
        }
        for (worker, message) in self.workers.iter_mut().zip(messages) {
            worker.send(to_job::Message::Deploy(message));
        }
        self.round += 1;
        let start = proto::StartReaders { readers, round: self.round, restore: None };
        self.coordinator.send(to_job::Message::StartReaders(start));
    }

    /// Cancels all tasks.
    pub fn cancel(&mut self) {
        for (attempt, worker) in self.tasks.values() {
            self.workers[*worker].send(to_job::Message::CancelTask((*attempt).into()));
        }
    }

    /// Passes messages on until something holds.
    #[track_caller]
    pub fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            match self.heard.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok((from, message)) => self.hear(from, message),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let texts: Vec<_> = self.workers.iter().map(JobProcess::stderr).collect();
                    panic!(
                        "waited in vain: {what}; states: {:?}; failures: {:?}; workers: {}; \
                         coordinator: {}",
                        self.states.values(),
                        self.failures,
                        texts.join("\n"),
                        self.coordinator.stderr()
                    );
                }
            }
        }
    }

    /// Returns whether all tasks have reached a state.
    pub fn all(&self, state: ExecutionState) -> bool {
        self.tasks.values().all(|(attempt, _)| self.last(*attempt) == Some(state))
    }

    /// Returns the state that an attempt has reached.
    pub fn last(&self, attempt: ExecutionAttemptId) -> Option<ExecutionState> {
        self.states.get(&attempt)?.last().copied()
    }

    fn hear(&mut self, from: Option<usize>, message: Option<from_job::Message>) {
        match (from, message) {
            (Some(worker), None) => self.gone.push(worker),
            (None, None) => {}
            (Some(_), Some(from_job::Message::State(change))) => {
                let (attempt, state, failure) = change.read().unwrap();
                self.states.entry(attempt).or_default().push(state);
                self.failures.extend(failure.map(|failure| (attempt, failure)));
            }
            (Some(_), Some(from_job::Message::SplitRequest(reader))) => {
                let attempt = ExecutionAttemptId::try_from(reader).unwrap();
                let reader = attempt.execution_vertex();
                if self.tasks[&reader].0 == attempt {
                    self.coordinator.send(to_job::Message::SplitRequest(reader.into()));
                }
            }
            (Some(worker), Some(from_job::Message::Metrics(metrics))) => {
                for task in metrics.tasks {
                    let attempt = task.attempt.clone().unwrap().try_into().unwrap();
                    self.metrics.insert(attempt, task);
                }
                self.gauges.insert(worker, metrics.gauges);
            }
            // What was decided for earlier attempts is not for those that run now.
            (None, Some(from_job::Message::Decisions(decisions)))
                if decisions.round < self.round => {}
            (None, Some(from_job::Message::Decisions(decisions))) => {
                self.total_bytes = decisions.total_bytes;
                for decision in decisions.decisions {
                    let reader = decision.reader.unwrap().try_into().unwrap();
                    let (attempt, worker) = self.tasks[&reader];
                    let event = proto::SourceEventFor {
                        reader: Some(attempt.into()),
                        event: decision.event,
                    };
                    self.workers[worker].send(to_job::Message::SourceEvent(event));
                }
            }
            (None, Some(from_job::Message::SourcesFailed(cause))) => {
                self.source_failures.push(cause.into());
            }
            (from, message) => panic!("from {from:?}: {message:?}"),
        }
    }

    /// Ends all processes, which have to end well.
    #[track_caller]
    pub fn shut_down(mut self) {
        for process in self.workers.iter_mut().chain([&mut self.coordinator]) {
            process.send(to_job::Message::Shutdown(proto::Shutdown {}));
            let status = process.wait();
            assert_eq!(status.code(), Some(0), "{}", process.stderr());
        }
    }
}

fn listen(
    process: &JobProcess,
    number: Option<usize>,
    heard: &Sender<(Option<usize>, Option<from_job::Message>)>,
) {
    let mut socket = process.socket().unwrap();
    socket.set_read_timeout(None).unwrap();
    let heard = heard.clone();
    thread::spawn(move || {
        loop {
            let message = framing::read::<FromJob>(&mut socket).ok().flatten();
            let message = message.map(|message| message.message.unwrap());
            let is_end = message.is_none();
            if heard.send((number, message)).is_err() || is_end {
                return;
            }
        }
    });
}
