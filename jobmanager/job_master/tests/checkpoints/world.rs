//! A cluster with checkpoint storage that exists only in memory.

mod acting;
mod tasks;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use sciurus_checkpoint::TaskAcknowledgement;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::graph::{JobGraph, NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::{
    AllocationId, ExecutionAttemptId, ExecutionGraphId, JobId, JobVertexId, NodeId, OperatorId,
    TaskManagerId,
};
use sciurus_core::time::Timestamp;
use sciurus_job_master::checkpoint_coordinator::{
    CheckpointRetention, CheckpointingOptions, CompleteCheckpoint, InitialSavepoint, InitialState,
    RequestId,
};
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::rescale::{AdaptiveOptions, Scheduler};
use sciurus_job_master::restart::{ExponentialDelaySettings, RestartStrategySettings};
use sciurus_job_master::slots::{SharedSlot, SlotGrant};
use sciurus_job_master::{Event, ExecutionState, JobMaster, JobMasterOptions, JobStatus, Timer};

use crate::storage::{Operation, Storage};
use crate::task::{Element, Role, Task};

const TROUBLED_STEPS: u32 = 1_500;
const CALM_STEPS: u32 = 60_000;
pub const KEYS: u32 = 16;
const MAX_PARALLELISM: u32 = 8;

/// What a task tells the master.
#[derive(Clone, Debug)]
pub enum Report {
    State(ExecutionState, Option<FailureCause>),
    Ack(CheckpointId, Box<TaskAcknowledgement>),
    Decline(CheckpointId),
    EndOfData,
    NeedsSplit,
    Unreadable(CheckpointId),
}

/// What the enumerator sends, in order.
pub enum FromEnumerator {
    Snapshot(CheckpointId, Result<BTreeMap<OperatorId, Bytes>, String>),
    Split(ExecutionAttemptId, Option<u32>),
}

/// Hands splits out.
#[derive(Default)]
pub struct Enumerator {
    pub left: VecDeque<u32>,
    /// Which reader was given what, after which snapshot.
    pub given: Vec<(u32, u32, CheckpointId)>,
    pub latest_snapshot: CheckpointId,
}

/// What a user waits for.
pub enum Wish {
    Snapshot,
    Stop,
    Rescale,
}

#[allow(clippy::struct_excessive_bools, reason = "each says what has happened")]
pub struct World {
    pub random: Rng,
    pub now: Timestamp,
    pub job: JobId,
    pub graph: JobGraph,
    pub is_counted: bool,
    pub splits: u32,
    pub records: u32,
    pub options: CheckpointingOptions,
    pub scheduler: Scheduler,
    pub settings: RestartStrategySettings,
    pub master: JobMaster,
    pub trouble: u32,
    pub status: JobStatus,
    pub end: Option<JobStatus>,
    pub storage: Storage,
    pub operations: VecDeque<Operation>,
    pub stage: u8,
    pub slots: BTreeMap<TaskManagerId, u32>,
    pub task_managers_so_far: u32,
    pub requested: BTreeSet<SharedSlot>,
    pub given: BTreeMap<AllocationId, SlotGrant>,
    pub tasks: BTreeMap<ExecutionAttemptId, Task>,
    pub channels: BTreeMap<(ExecutionAttemptId, ExecutionAttemptId), VecDeque<Element>>,
    pub reports: BTreeMap<ExecutionAttemptId, VecDeque<Report>>,
    pub old_reports: Vec<(ExecutionAttemptId, Report)>,
    pub enumerator: Enumerator,
    pub pipe: VecDeque<FromEnumerator>,
    pub timers: Vec<(Timestamp, Timer)>,
    pub committed: BTreeMap<u32, Vec<(u32, u32)>>,
    pub transactions: u32,
    pub files: u32,
    pub requests: u64,
    pub wishes: BTreeMap<RequestId, Wish>,
    /// Folders of savepoints that users were told of.
    pub savepoints: BTreeSet<String>,
    pub start_savepoint: Option<(String, bool)>,
    /// What the job was started from.
    pub first_savepoint: Option<InitialSavepoint>,
    pub was_cancelled: bool,
    /// A checkpoint was made unreadable: what was committed since the one before is done again.
    pub is_lossy: bool,
    pub unreadable: BTreeSet<CheckpointId>,
    /// The JobManager was killed: what it was deleting may stay.
    pub is_leaky: bool,
    pub seen: BTreeMap<&'static str, u64>,
    /// All that the master is told and wants is printed (`SCIURUS_TRACE`).
    is_traced: bool,
}

impl World {
    /// Runs a job, and those that go on from its savepoint, to the end; returns what happened.
    pub fn run(seed: u64) -> BTreeMap<&'static str, u64> {
        let mut world = Self::new(Rng::with_seed(seed));
        world.tell(Event::Start);
        for _ in 0..TROUBLED_STEPS {
            world.step();
            if world.end.is_some() && !world.go_on_from_savepoint() {
                break;
            }
        }
        world.trouble = 0;
        let mut steps = 0;
        loop {
            while world.end.is_none() {
                world.step();
                steps += 1;
                assert!(steps < CALM_STEPS, "the job stands still: {}", world.describe());
            }
            if !world.go_on_from_savepoint() {
                break;
            }
        }
        world.check_end();
        world.seen
    }

    fn new(mut random: Rng) -> Self {
        let is_counted = random.bool();
        let graph = job_graph(&mut random, is_counted);
        let millis = Duration::from_millis;
        let options = CheckpointingOptions {
            interval: Some(millis(random.u64(5..300))),
            timeout: millis(random.u64(500..3000)),
            min_pause: millis(if random.bool() { 0 } else { random.u64(1..20) }),
            max_concurrent: random.u32(1..=2),
            tolerable_failures: if random.bool() { 1000 } else { random.u32(0..5) },
            retention: *random
                .choice(&[
                    CheckpointRetention::Never,
                    CheckpointRetention::OnFailure,
                    CheckpointRetention::OnCancellation,
                ])
                .unwrap(),
            retained: random.usize(1..=3),
            directory: Some("mem:///checkpoints".to_owned()),
            savepoint_directory: Some("mem:///savepoints".to_owned()),
            ..CheckpointingOptions::default()
        };
        let scheduler = match random.u8(..3) {
            0 => Scheduler::Adaptive(AdaptiveOptions {
                submission_wait: millis(100_000),
                submission_stabilization: millis(random.u64(0..20)),
                executing_stabilization: millis(random.u64(0..50)),
                cooldown: millis(random.u64(0..50)),
                history_size: 5,
            }),
            _ => Scheduler::Default,
        };
        let settings = RestartStrategySettings::ExponentialDelay(ExponentialDelaySettings {
            initial_backoff: millis(random.u64(1..10)),
            max_backoff: millis(random.u64(10..50)),
            attempts_before_reset_backoff: u32::MAX,
            ..ExponentialDelaySettings::default()
        });
        let job = JobId::from_bytes(random.u128(..).to_be_bytes());
        let (splits, records) = (random.u32(1..10), random.u32(1..12));
        let mut world = Self {
            master: master(
                job,
                &graph,
                &settings,
                &options,
                &scheduler,
                &mut random,
                InitialState::default(),
                0,
            ),
            trouble: *random.choice(&[0, 10, 30, 100]).unwrap(),
            random,
            now: 0,
            job,
            graph,
            is_counted,
            splits,
            records,
            options,
            scheduler,
            settings,
            status: JobStatus::Initializing,
            end: None,
            storage: Storage::default(),
            operations: VecDeque::new(),
            stage: 0,
            slots: BTreeMap::new(),
            task_managers_so_far: 0,
            requested: BTreeSet::new(),
            given: BTreeMap::new(),
            tasks: BTreeMap::new(),
            channels: BTreeMap::new(),
            reports: BTreeMap::new(),
            old_reports: Vec::new(),
            enumerator: Enumerator::default(),
            pipe: VecDeque::new(),
            timers: Vec::new(),
            committed: BTreeMap::new(),
            transactions: 0,
            files: 0,
            requests: 0,
            wishes: BTreeMap::new(),
            savepoints: BTreeSet::new(),
            start_savepoint: None,
            first_savepoint: None,
            was_cancelled: false,
            is_lossy: false,
            unreadable: BTreeSet::new(),
            is_leaky: false,
            seen: BTreeMap::new(),
            is_traced: std::env::var_os("SCIURUS_TRACE").is_some(),
        };
        for _ in 0..3 {
            world.add_task_manager();
        }
        world
    }

    pub fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    /// Lets one thing happen.
    fn step(&mut self) {
        self.now += self.random.i64(0..3);
        if self.random.u32(..1000) < self.trouble {
            return self.make_trouble();
        }
        match self.random.u8(..20) {
            0..=9 => self.run_some_task(),
            10..=13 => self.deliver_report(),
            14 => self.give_slots(),
            15 => self.fire_timer(),
            16..=17 => self.work_on_storage(),
            18 => self.deliver_from_enumerator(),
            _ => self.repeat_old_news(),
        }
    }

    pub fn job_folder(&self) -> String {
        format!("mem:///checkpoints/{}", self.job)
    }

    /// Starts the job again from the savepoint that it has ended with.
    fn go_on_from_savepoint(&mut self) -> bool {
        if self.end != Some(JobStatus::Finished) {
            return false;
        }
        let Some((path, is_claimed)) = self.start_savepoint.take() else { return false };
        self.finish_operations();
        self.storage.check(&path);
        self.check_leftovers();
        self.lose_all_tasks();
        let metadata = Arc::new(self.storage.metadata[&path].clone());
        let pointer =
            sciurus_checkpoint::CheckpointPointer { url: path.as_str().into(), metadata_bytes: 1 };
        if is_claimed {
            self.savepoints.remove(&path);
        }
        let savepoint = InitialSavepoint {
            checkpoint: CompleteCheckpoint { pointer, metadata },
            is_claimed,
            allow_non_restored: false,
        };
        self.job = JobId::from_bytes(self.random.u128(..).to_be_bytes());
        self.first_savepoint = Some(savepoint.clone());
        let initial = InitialState { savepoint: Some(savepoint), ..InitialState::default() };
        self.status = JobStatus::Initializing;
        self.end = None;
        self.restart_master(initial);
        self.saw("stopped");
        true
    }

    pub fn restart_master(&mut self, initial: InitialState) {
        self.wishes.clear();
        self.timers.clear();
        self.requested.clear();
        self.given.clear();
        self.pipe.clear();
        self.status = JobStatus::Initializing;
        self.master = master(
            self.job,
            &self.graph,
            &self.settings,
            &self.options,
            &self.scheduler,
            &mut self.random,
            initial,
            self.now,
        );
        self.tell(Event::Start);
        self.tell_free_slots();
    }

    /// Describes how things stand.
    pub fn describe(&self) -> String {
        let tasks: Vec<_> = self
            .tasks
            .iter()
            .map(|(attempt, task)| {
                format!(
                    "{:?} {attempt} {} zombie {} ended {} frozen {} mail {:?} writes {} splits {:?}",
                    task.role, task.state, task.is_zombie, task.has_ended,
                    task.frozen.is_some(), task.mail, task.writes.len(), task.splits
                )
            })
            .collect();
        let checkpoints = self.master.checkpoints();
        let failures = self.master.exceptions().entries().take(3);
        let failures: Vec<_> = failures.map(|entry| entry.root.cause.to_string()).collect();
        format!(
            "{} at {}\n{}\ntimers {:?}\nfree {:?} requested {:?} operations {} pipe {}\n\
             failures {failures:?}\n{:?}\n{:?}",
            self.master.status(),
            self.now,
            tasks.join("\n"),
            self.timers,
            self.free_slots(),
            self.requested,
            self.operations.len(),
            self.pipe.len(),
            checkpoints.counts(),
            checkpoints.history().take(4).collect::<Vec<_>>(),
        )
    }

    fn check_end(&mut self) {
        self.finish_operations();
        self.lose_all_tasks();
        self.check_leftovers();
        let counts = self.master.checkpoints().counts();
        assert_eq!(counts.in_progress, 0);
        assert_eq!(counts.total, counts.completed + counts.failed);
        for (what, times) in [
            ("completed", counts.completed),
            ("failed", counts.failed),
            ("restored", counts.restored),
        ] {
            *self.seen.entry(what).or_insert(0) += times;
        }
        let end = self.end.expect("it has ended");
        self.saw(end.name());
        match end {
            JobStatus::Finished => self.check_committed(),
            JobStatus::Canceled => assert!(self.was_cancelled),
            // The one that was damaged was the last by then.
            JobStatus::Failed if self.is_lossy => {
                let failure = self.master.failure().expect("it says why");
                assert_eq!(failure.failure.cause.kind, "UnreadableCheckpoint");
            }
            end => panic!("{end}: {:?}", self.master.failure()),
        }
        let open: Vec<_> = self.wishes.keys().collect();
        assert!(open.is_empty(), "requests {open:?} were never answered");
    }

    fn check_committed(&self) {
        let mut times: BTreeMap<u32, u32> = BTreeMap::new();
        let mut counts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (record, count) in self.committed.values().flatten() {
            *times.entry(*record).or_insert(0) += 1;
            counts.entry(record % KEYS).or_default().push(*count);
        }
        for record in 0..self.splits * self.records {
            let times = times.get(&record).copied().unwrap_or(0);
            assert!(times == 1 || self.is_lossy && times > 1, "{record} committed {times} times");
        }
        if self.is_counted && !self.is_lossy {
            for (key, mut counts) in counts {
                counts.sort_unstable();
                let expected: Vec<u32> = (1..=counts.len() as u32).collect();
                assert_eq!(counts, expected, "the counts of key {key}");
            }
        }
    }

    /// Checks that nothing is left that nobody refers to.
    fn check_leftovers(&mut self) {
        let keeps = match self.end {
            Some(JobStatus::Canceled) => {
                self.options.retention == CheckpointRetention::OnCancellation
            }
            Some(JobStatus::Failed) => self.options.retention != CheckpointRetention::Never,
            _ => false,
        };
        let folder = format!("{}/", self.job_folder());
        let kept: BTreeSet<_> = self
            .storage
            .metadata
            .iter()
            .filter(|(path, _)| self.savepoints.contains(*path) || keeps)
            .flat_map(|(_, metadata)| crate::storage::files_of(metadata))
            .collect();
        for url in self.storage.files.keys() {
            let is_own = url.starts_with(&folder);
            assert!(kept.contains(url) || !is_own && self.is_leaky, "{url} is left over");
        }
        for path in self.storage.metadata.keys() {
            let is_kept = self.savepoints.contains(path) || keeps || self.is_leaky;
            assert!(is_kept, "{path} is left over");
        }
        if keeps {
            let pointers = self.storage.pointers.len();
            assert!(pointers <= self.options.retained + 1, "{pointers} retained");
        } else {
            assert!(self.storage.pointers.is_empty(), "{:?}", self.storage.pointers);
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn master(
    job: JobId,
    graph: &JobGraph,
    settings: &RestartStrategySettings,
    options: &CheckpointingOptions,
    scheduler: &Scheduler,
    random: &mut Rng,
    initial: InitialState,
    now: Timestamp,
) -> JobMaster {
    let strategy = settings.clone().build(random.fork()).expect("settings are in range");
    let options = JobMasterOptions {
        execution_graph_id: ExecutionGraphId::from_bytes(random.u128(..).to_be_bytes()),
        slot_request_timeout: Duration::from_secs(1000),
        checkpointing: options.clone(),
        initial,
        scheduler: scheduler.clone(),
        ..JobMasterOptions::default()
    };
    JobMaster::new(job, graph.clone(), strategy, options, now)
}

/// A source, what counts or passes on, and a sink.
fn job_graph(random: &mut Rng, is_counted: bool) -> JobGraph {
    let mut graph = StreamGraph::new("simulated");
    graph.chaining_enabled = false;
    let parallelism = random.u32(1..=3);
    let roles = [NodeKind::Source { bounded: true }, NodeKind::OneInput, NodeKind::OneInput];
    for (id, kind) in (0..).zip(roles) {
        let mut node = StreamNode::new(NodeId(id), format!("op{id}"), kind);
        let own = if is_counted { random.u32(1..=3) } else { parallelism };
        node.parallelism = Some(own);
        node.max_parallelism = Some(MAX_PARALLELISM);
        node.keyed = id == 1 && is_counted;
        graph.nodes.push(node);
    }
    for id in 0..2 {
        let mut edge = StreamEdge::new(NodeId(id), NodeId(id + 1));
        if is_counted && id == 0 {
            edge.partitioning = Some(Partitioning::Hash);
        }
        graph.edges.push(edge);
    }
    graph.to_job_graph().expect("the job is right")
}

/// Returns what a vertex does.
pub fn role(graph: &JobGraph, vertex: JobVertexId) -> Role {
    match graph.vertices.iter().position(|v| v.id == vertex) {
        Some(0) => Role::Source,
        Some(1) => Role::Counter,
        _ => Role::Sink,
    }
}
