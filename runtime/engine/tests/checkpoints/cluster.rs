//! Runs the job in this process: the coordinator of its checkpoints, and who restores it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sciurus_checkpoint::{
    KeyedStateHandle, OperatorRestore, StateData, SubtaskRestore, SubtaskState, TaskAcknowledgement,
};
use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_core::clock::{Clock, SystemClock};
use sciurus_core::config::Configuration;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{AttemptNumber, ExecutionVertexId, JobId, SubtaskIndex, WorkerId};
use sciurus_engine::checkpoint::{CheckpointResponder, CheckpointServices};
use sciurus_engine::deployment::{TaskDeployment, TaskSettings};
use sciurus_engine::exchange::network::{Network, NetworkOptions, Peer};
use sciurus_engine::exchange::{Endpoints, Location, Remote, connect};
use sciurus_engine::metrics::latency::LatencySettings;
use sciurus_engine::notify::Notifier;
use sciurus_engine::operator::BatchLimits;
use sciurus_engine::source::SourceEvent;
use sciurus_engine::task::{TaskControl, TaskMail, TaskReporter};
use sciurus_engine::{TaskError, TaskResult};

use crate::job::{Job, Parallelism, RELAY, SOURCE, graph};
use crate::source::split;

/// A wait that is as long as forever: a test that gets there fails.
const FOREVER: Duration = Duration::from_secs(120);

/// A subtask: the place of its vertex, and its index.
pub(crate) type Subtask = (usize, u32);

/// What outlives the tasks.
pub(crate) struct Cluster {
    pub(crate) job: Job,
    pub(crate) services: Arc<CheckpointServices>,
    pub(crate) folder: tempfile::TempDir,
    networks: Option<[Network; 2]>,
    pub(crate) channel_bytes: usize,
    pub(crate) alignment: Alignment,
    attempt: u32,
    last: CheckpointId,
    /// The latest complete checkpoint.
    pub(crate) latest: Option<Checkpoint>,
    /// The files of all complete checkpoints.
    files: BTreeSet<Arc<str>>,
}

/// A complete checkpoint.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    pub(crate) id: CheckpointId,
    pub(crate) parallelism: Parallelism,
    pub(crate) acknowledgements: BTreeMap<Subtask, TaskAcknowledgement>,
    finished: BTreeSet<Subtask>,
}

/// The tasks of one start of the job.
pub(crate) struct Run<'a> {
    pub(crate) cluster: &'a mut Cluster,
    graph: JobGraph,
    parallelism: Parallelism,
    tasks: BTreeMap<Subtask, (Arc<TaskControl>, JoinHandle<()>)>,
    inbox: Receiver<(Subtask, Message)>,
    pub(crate) pending: BTreeMap<CheckpointId, Pending>,
    pub(crate) finished: BTreeSet<Subtask>,
    pub(crate) running: BTreeSet<Subtask>,
    pub(crate) data_ended: BTreeSet<Subtask>,
    pub(crate) declined: Vec<(CheckpointId, String)>,
    pub(crate) failures: Vec<TaskError>,
    pub(crate) completed: Vec<CheckpointId>,
}

pub(crate) struct Pending {
    expected: BTreeSet<Subtask>,
    finished: BTreeSet<Subtask>,
    acknowledgements: BTreeMap<Subtask, TaskAcknowledgement>,
}

enum Message {
    Running,
    Acknowledged(CheckpointId, TaskAcknowledgement),
    Declined(CheckpointId, String),
    EndOfData,
    Ended(TaskResult),
}

struct Tell(Subtask, Sender<(Subtask, Message)>);

impl Tell {
    fn tell(&self, message: Message) {
        // Where nobody listens any more the job was killed.
        let _ = self.1.send((self.0, message));
    }
}

impl CheckpointResponder for Tell {
    fn acknowledge(&self, checkpoint: CheckpointId, acknowledgement: TaskAcknowledgement) {
        self.tell(Message::Acknowledged(checkpoint, acknowledgement));
    }

    fn decline(&self, checkpoint: CheckpointId, reason: String) {
        self.tell(Message::Declined(checkpoint, reason));
    }

    fn end_of_data(&self) {
        self.tell(Message::EndOfData);
    }
}

impl TaskReporter for Tell {
    fn running(&mut self) {
        self.tell(Message::Running);
    }

    fn request_split(&mut self) {}
}

/// What a cluster is like.
pub(crate) struct Options {
    pub(crate) is_networked: bool,
    pub(crate) channel_bytes: usize,
    pub(crate) alignment: Alignment,
    pub(crate) configuration: Vec<(&'static str, &'static str)>,
}

impl Default for Options {
    fn default() -> Self {
        let alignment = Alignment::ExactlyOnce;
        Self { is_networked: false, channel_bytes: 4096, alignment, configuration: Vec::new() }
    }
}

impl Cluster {
    pub(crate) fn new(job: Job, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut configuration = Configuration::from_pairs([
            ("execution.checkpointing.interval", "1 s"),
            ("execution.checkpointing.data-inline-threshold", "100 b"),
        ]);
        // As in the tests of restored operators, any backend that is built in.
        if let Ok(backend) = std::env::var("SCIURUS_TEST_STATE_BACKEND") {
            configuration.set_text("state.backend.type", backend);
            configuration.set_text("execution.checkpointing.incremental", "true");
        }
        for (key, value) in options.configuration {
            configuration.set_text(key, value);
        }
        let id = JobId::from_bytes([5; 16]);
        let scratch = folder.path().join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        let services = CheckpointServices::new(&configuration, &scratch, id).unwrap();
        let networks = options.is_networked.then(|| {
            [1, 2].map(|number| {
                let worker = WorkerId::from_bytes([number; 16]);
                let bind_host = "127.0.0.1".to_owned();
                let options =
                    NetworkOptions { bind_host, ..NetworkOptions::new(id, worker, "127.0.0.1") };
                Network::bind(options).unwrap()
            })
        });
        Self {
            job,
            services,
            folder,
            networks,
            channel_bytes: options.channel_bytes,
            alignment: options.alignment,
            attempt: 0,
            last: CheckpointId(0),
            latest: None,
            files: BTreeSet::new(),
        }
    }

    /// Returns the address of the folder that checkpoints lie in.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.folder.path().join("checkpoints").display())
    }

    fn settings(&self) -> TaskSettings {
        TaskSettings {
            limits: BatchLimits::default(),
            buffer_timeout: Some(Duration::from_millis(5)),
            watermark_interval: Duration::ZERO,
            channel_bytes: self.channel_bytes,
            bounded: true,
            batch_mode: false,
            clock: Arc::new(SystemClock),
            throttle: Arc::default(),
            checkpoints: Some(self.services.clone()),
            latency: LatencySettings::default(),
        }
    }

    /// Starts the job from the latest complete checkpoint, or anew.
    pub(crate) fn deploy(&mut self, parallelism: Parallelism) -> Run<'_> {
        let graph = graph(parallelism);
        let attempt = self.attempt;
        self.attempt += 1;
        let subtasks: Vec<Subtask> = (0..graph.vertices.len())
            .flat_map(|vertex| (0..parallelism[vertex]).map(move |subtask| (vertex, subtask)))
            .collect();
        let restores: BTreeMap<Subtask, Arc<SubtaskRestore>> = match &self.latest {
            None => BTreeMap::new(),
            Some(latest) => subtasks
                .iter()
                .map(|subtask| (*subtask, Arc::new(latest.restore(&graph, subtask.0))))
                .collect(),
        };
        if !self.latest.as_ref().is_some_and(|latest| latest.has_finished_some_of(RELAY)) {
            self.job.results.relayed.lock().clear();
        }
        let mut ends = self.connect(&graph, &subtasks, attempt);
        let (sender, inbox) = channel();
        let (program, settings) = (self.job.program(), self.settings());
        let mut tasks = BTreeMap::new();
        for subtask in subtasks {
            let (control, Endpoints { senders, gates }) = ends.remove(&subtask).unwrap();
            let deployment = TaskDeployment {
                graph: &graph,
                program: &program,
                settings: &settings,
                vertex: &graph.vertices[subtask.0],
                subtask: subtask.1,
                attempt,
                control: control.clone(),
                senders,
                gates,
                restore: restores.get(&subtask).cloned(),
                responder: Some(Arc::new(Tell(subtask, sender.clone()))),
            };
            if subtask.0 == SOURCE {
                let (index, count) = (i64::from(subtask.1), i64::from(parallelism[SOURCE]));
                if self.latest.is_none() {
                    let bound = |index| self.job.numbers * index / count;
                    let split = split(bound(index), bound(index + 1));
                    control.send(TaskMail::Source(SourceEvent::AddSplit(split)));
                }
                control.send(TaskMail::Source(SourceEvent::NoMoreSplits));
            }
            let (mut task, _) = deployment.build().unwrap();
            let mut tell = Tell(subtask, sender.clone());
            let thread = std::thread::spawn(move || {
                let result = task.run(&mut tell);
                tell.tell(Message::Ended(result));
            });
            tasks.insert(subtask, (control, thread));
        }
        Run {
            cluster: self,
            graph,
            parallelism,
            tasks,
            inbox,
            pending: BTreeMap::new(),
            finished: BTreeSet::new(),
            running: BTreeSet::new(),
            data_ended: BTreeSet::new(),
            declined: Vec::new(),
            failures: Vec::new(),
            completed: Vec::new(),
        }
    }

    fn connect(
        &self,
        graph: &JobGraph,
        subtasks: &[Subtask],
        attempt: u32,
    ) -> BTreeMap<Subtask, (Arc<TaskControl>, Endpoints)> {
        let name = |(vertex, subtask): Subtask| ExecutionVertexId {
            vertex: graph.vertices[vertex].id,
            subtask: SubtaskIndex(subtask),
        };
        // Neighbours are on different workers.
        let worker = |(vertex, subtask): Subtask| (vertex + subtask as usize) % 2;
        let peers = self.networks.as_ref().map(|networks| {
            [0, 1].map(|place| Peer {
                worker: WorkerId::from_bytes([place as u8 + 1; 16]),
                address: networks[place].address().clone(),
            })
        });
        let locations: HashMap<ExecutionVertexId, Location> = peers
            .iter()
            .flat_map(|peers| {
                subtasks.iter().map(|subtask| {
                    let attempt = AttemptNumber(attempt);
                    (name(*subtask), Location { attempt, worker: peers[worker(*subtask)].clone() })
                })
            })
            .collect();
        let mut ends = BTreeMap::new();
        for place in 0..self.networks.as_ref().map_or(1, |_| 2) {
            let here = |subtask: &&Subtask| self.networks.is_none() || worker(**subtask) == place;
            let controls: HashMap<ExecutionVertexId, Arc<TaskControl>> = subtasks
                .iter()
                .filter(here)
                .map(|subtask| (name(*subtask), Arc::new(TaskControl::new(Notifier::default()))))
                .collect();
            let locate = |subtask| locations.get(&subtask).cloned();
            let remote = self
                .networks
                .as_ref()
                .map(|networks| Remote { network: &networks[place], locate: &locate });
            let mut made = connect(graph, &controls, self.channel_bytes, remote.as_ref()).unwrap();
            for subtask in subtasks.iter().filter(here) {
                let name = name(*subtask);
                ends.insert(*subtask, (controls[&name].clone(), made.remove(&name).unwrap()));
            }
        }
        ends
    }

    /// Returns the files in storage that no complete checkpoint refers to.
    pub(crate) fn unreferenced(&self) -> Vec<String> {
        let listed = self.services.storage().list(&self.url()).unwrap();
        let urls = listed.into_iter().map(|file| file.url.to_string());
        urls.filter(|url| !self.files.contains(&**url)).collect()
    }
}

impl Checkpoint {
    fn has_finished_some_of(&self, vertex: usize) -> bool {
        self.finished.iter().any(|subtask| subtask.0 == vertex)
    }

    /// Returns whether some subtasks of a vertex have finished and others haven't.
    pub(crate) fn is_partly_finished(&self) -> bool {
        (0..4).any(|vertex| {
            let finished = self.finished.iter().filter(|subtask| subtask.0 == vertex).count();
            finished > 0 && finished < self.parallelism[vertex] as usize
        })
    }

    /// Returns what a subtask of a vertex is restored from: all there is, to take its share of.
    fn restore(&self, graph: &JobGraph, vertex: usize) -> SubtaskRestore {
        let mut restore = SubtaskRestore { checkpoint: self.id, ..SubtaskRestore::default() };
        let old = self.parallelism[vertex];
        restore.is_finished = (0..old).all(|subtask| self.finished.contains(&(vertex, subtask)));
        for operator in &graph.vertices[vertex].operators {
            let id = operator.operator_id;
            let mut of_operator =
                OperatorRestore { old_parallelism: old, ..OperatorRestore::default() };
            for subtask in 0..old {
                let acknowledged = self.acknowledgements.get(&(vertex, subtask));
                let Some(state) = acknowledged.and_then(|ack| ack.state.operators.get(&id)) else {
                    continue;
                };
                of_operator.keyed.extend(state.keyed.clone());
                if let Some(handle) = &state.operator {
                    of_operator.operator.insert(subtask, handle.clone());
                }
            }
            restore.operators.insert(id, of_operator);
        }
        restore
    }
}

impl Run<'_> {
    /// Starts a checkpoint.
    pub(crate) fn trigger(&mut self, kind: SnapshotKind) -> CheckpointId {
        let id = self.cluster.last.next();
        self.cluster.last = id;
        let url = self.cluster.url();
        let barrier = CheckpointBarrier {
            id,
            timestamp: SystemClock.now(),
            kind,
            alignment: self.cluster.alignment,
            exclusive: format!("{url}/chk-{id}"),
            shared: Some(format!("{url}/shared")),
        };
        let expected: BTreeSet<Subtask> =
            self.tasks.keys().filter(|task| !self.finished.contains(task)).copied().collect();
        for subtask in &expected {
            let vertex = self.graph.vertices[subtask.0].id;
            let mut producers = self.graph.inputs_of(vertex).flat_map(|edge| {
                let at = self.graph.vertices.iter().position(|v| v.id == edge.source_vertex);
                let at = at.unwrap();
                (0..self.parallelism[at]).map(move |producer| (at, producer))
            });
            if producers.all(|producer| self.finished.contains(&producer)) {
                self.tasks[subtask].0.send(TaskMail::Checkpoint(barrier.clone()));
            }
        }
        let finished = self.finished.clone();
        let acknowledgements = BTreeMap::new();
        self.pending.insert(id, Pending { expected, finished, acknowledgements });
        id
    }

    /// Gives a checkpoint up.
    pub(crate) fn abort(&mut self, id: CheckpointId) {
        if let Some(pending) = self.pending.remove(&id) {
            for acknowledgement in pending.acknowledgements.values() {
                self.discard(acknowledgement);
            }
            self.mail(&TaskMail::CheckpointAborted(id));
        }
    }

    fn discard(&self, acknowledgement: &TaskAcknowledgement) {
        // Files of complete checkpoints may be referred to again.
        let files = files_of(&acknowledgement.state).into_iter();
        for url in files.filter(|url| !self.cluster.files.contains(url)) {
            self.cluster.services.storage().delete(&url).unwrap();
        }
    }

    fn mail(&self, mail: &TaskMail) {
        for (control, _) in self.tasks.values() {
            control.send(mail.clone());
        }
    }

    /// Waits so long for something to happen; returns whether it has.
    pub(crate) fn step(&mut self, longest: Duration) -> bool {
        let (subtask, message) = match self.inbox.recv_timeout(longest) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        match message {
            Message::Running => {
                self.running.insert(subtask);
            }
            Message::EndOfData => {
                self.data_ended.insert(subtask);
            }
            Message::Declined(id, reason) => {
                self.declined.push((id, reason));
                self.abort(id);
            }
            Message::Acknowledged(id, acknowledgement) => {
                self.on_acknowledged(subtask, id, acknowledgement);
            }
            Message::Ended(Ok(())) => {
                self.finished.insert(subtask);
                let missing = self.pending.iter().filter(|(_, pending)| {
                    pending.expected.contains(&subtask)
                        && !pending.acknowledgements.contains_key(&subtask)
                });
                for id in missing.map(|(id, _)| *id).collect::<Vec<_>>() {
                    self.abort(id);
                }
            }
            Message::Ended(Err(error)) => self.failures.push(error),
        }
        true
    }

    fn on_acknowledged(
        &mut self,
        subtask: Subtask,
        id: CheckpointId,
        acknowledgement: TaskAcknowledgement,
    ) {
        let Some(pending) = self.pending.get_mut(&id) else {
            // It was given up meanwhile.
            self.discard(&acknowledgement);
            return;
        };
        pending.acknowledgements.insert(subtask, acknowledgement);
        if pending.acknowledgements.len() < pending.expected.len() {
            return;
        }
        let older: Vec<CheckpointId> = self.pending.range(..id).map(|(id, _)| *id).collect();
        for id in older {
            self.abort(id);
        }
        let Some(Pending { acknowledgements, finished, .. }) = self.pending.remove(&id) else {
            return;
        };
        for acknowledgement in acknowledgements.values() {
            self.cluster.files.extend(files_of(&acknowledgement.state));
        }
        let parallelism = self.parallelism;
        self.cluster.latest = Some(Checkpoint { id, parallelism, acknowledgements, finished });
        self.completed.push(id);
        self.mail(&TaskMail::CheckpointComplete(id));
    }

    /// Goes on until something is so.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + FOREVER;
        while !is_so(self) {
            self.assert_no_failure();
            assert!(Instant::now() < deadline, "never: {what}; declined: {:?}", self.declined);
            self.step(Duration::from_millis(20));
        }
    }

    pub(crate) fn assert_no_failure(&self) {
        assert!(self.failures.is_empty(), "{:?}", self.failures);
    }

    /// Goes on until all tasks have finished, taking one checkpoint after the other.
    pub(crate) fn finish(mut self) {
        self.until("all tasks finish", |run| {
            if run.pending.is_empty() && !run.is_finished() {
                run.trigger(SnapshotKind::Checkpoint);
            }
            run.is_finished()
        });
        self.kill();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished.len() == self.tasks.len()
    }

    /// Takes a checkpoint and waits until it is complete.
    pub(crate) fn checkpoint(&mut self, kind: SnapshotKind) -> CheckpointId {
        let id = self.trigger(kind);
        self.until("the checkpoint is complete", |run| run.completed.contains(&id));
        id
    }

    /// Ends all tasks, wherever they are.
    pub(crate) fn kill(mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        for (control, _) in tasks.values() {
            control.cancel();
        }
        for (subtask, (_, thread)) in tasks {
            assert!(thread.join().is_ok(), "the thread of {subtask:?} panicked");
        }
        // What was acknowledged of checkpoints that will never be complete.
        for id in self.pending.keys().copied().collect::<Vec<_>>() {
            self.abort(id);
        }
        while let Ok((_, message)) = self.inbox.try_recv() {
            if let Message::Acknowledged(_, acknowledgement) = message {
                self.discard(&acknowledgement);
            }
        }
    }
}

fn files_of(state: &SubtaskState) -> Vec<Arc<str>> {
    let mut files = Vec::new();
    let mut add = |data: &StateData| {
        if let StateData::File(file) = data {
            files.push(file.url.clone());
        }
    };
    for operator in state.operators.values() {
        match &operator.keyed {
            Some(KeyedStateHandle::Snapshot { data, .. }) => add(data),
            Some(KeyedStateHandle::Incremental { metadata, shared, private, .. }) => {
                add(metadata);
                private.values().for_each(&mut add);
                for file in shared.values() {
                    add(&StateData::File(file.clone()));
                }
            }
            None => {}
        }
        operator.operator.iter().for_each(|operator| add(&operator.data));
    }
    files
}
