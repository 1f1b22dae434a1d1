//! What a job master does about checkpoints and parallelism, one situation at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use sciurus_checkpoint::{CheckpointMetadata, CheckpointPointer, TaskAcknowledgement};
use sciurus_checkpoint::{OperatorStateHandle, OperatorSubtaskState, StateData, StateFile};
use sciurus_core::checkpoint::{CheckpointId, Ending, SavepointFormat, SnapshotKind};
use sciurus_core::graph::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::{AllocationId, ExecutionAttemptId, NodeId, TaskManagerId};

use super::*;
use crate::ExecutionState;
use crate::checkpoint_coordinator::{
    CheckpointingOptions, CompleteCheckpoint, InitialState, RequestId, RequestOutcome,
};
use crate::failure::Fault;
use crate::rescale::{AdaptiveOptions, ParallelismBounds};
use crate::restart::{FixedDelaySettings, RestartStrategySettings};
use crate::slots::{SharedSlot, SlotGrant, TaskManagerLocation};

const STOP: SnapshotKind =
    SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending: Some(Ending::Suspend) };

/// A source and a reader, with a clock and a list of what is wanted done.
struct Harness {
    master: JobMaster,
    now: Timestamp,
    actions: Vec<Action>,
}

impl Harness {
    fn new(change: impl FnOnce(&mut JobMasterOptions)) -> Self {
        let mut graph = StreamGraph::new("test");
        graph.parallelism = 2;
        graph.chaining_enabled = false;
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", source));
        graph.nodes.push(StreamNode::new(NodeId(1), "reader", NodeKind::OneInput));
        let mut edge = StreamEdge::new(NodeId(0), NodeId(1));
        edge.partitioning = Some(Partitioning::Hash);
        graph.edges.push(edge);
        let settings = FixedDelaySettings { attempts: 9, delay: Duration::ZERO };
        let strategy = RestartStrategySettings::FixedDelay(settings);
        let strategy = strategy.build(fastrand::Rng::with_seed(0)).unwrap();
        let mut options = JobMasterOptions {
            checkpointing: CheckpointingOptions {
                interval: Some(Duration::from_secs(1)),
                tolerable_failures: 1,
                directory: Some("mem:///c".to_owned()),
                savepoint_directory: Some("mem:///s".to_owned()),
                ..CheckpointingOptions::default()
            },
            ..JobMasterOptions::default()
        };
        change(&mut options);
        let graph = graph.to_job_graph().unwrap();
        let master = JobMaster::new(JobId::random(), graph, strategy, options, 1);
        Self { master, now: 1, actions: Vec::new() }
    }

    fn running() -> Self {
        let mut harness = Self::new(|_| {});
        harness.handle(Event::Start);
        harness.grant();
        harness.report_all(ExecutionState::Running);
        harness
    }

    fn handle(&mut self, event: Event) {
        self.now += 1;
        self.actions = self.master.handle(event, self.now);
    }

    fn grant(&mut self) {
        let wanted = self.actions.iter().filter_map(|action| match action {
            Action::RequestSlots(slots) => Some(slots.clone()),
            _ => None,
        });
        let grant = |slot: SharedSlot| {
            let location =
                TaskManagerLocation { id: TaskManagerId::new("a"), endpoint: "a".into() };
            SlotGrant { slot, allocation: AllocationId::random(), location }
        };
        let grants = wanted.flatten().map(grant).collect();
        self.handle(Event::SlotsGranted(grants));
    }

    fn attempts(&self) -> Vec<ExecutionAttemptId> {
        let subtasks = self.master.execution_graph().subtasks().iter();
        subtasks.map(|subtask| subtask.current().id()).collect()
    }

    fn report(&mut self, attempt: ExecutionAttemptId, state: ExecutionState) {
        self.handle(Event::TaskStateChanged { attempt, state, failure: None });
    }

    fn report_all(&mut self, state: ExecutionState) {
        for attempt in self.attempts() {
            self.report(attempt, state);
        }
    }

    fn fire(&mut self, is_it: impl Fn(&Timer) -> bool) {
        let timer = self.actions.iter().find_map(|action| match action {
            Action::StartTimer { timer, .. } if is_it(timer) => Some(*timer),
            _ => None,
        });
        let timer = timer.unwrap_or_else(|| panic!("no such timer in {:?}", self.actions));
        self.now += 2_000;
        self.handle(Event::TimerFired(timer));
    }

    fn request(&mut self, request: u64, kind: SnapshotKind) {
        let request = RequestId(request);
        self.handle(Event::SnapshotRequested { request, kind, target: None });
    }

    fn acknowledge(&mut self, attempt: ExecutionAttemptId, id: u64) {
        let checkpoint = CheckpointId(id);
        let acknowledgement = Box::<TaskAcknowledgement>::default();
        self.handle(Event::CheckpointAcknowledged { attempt, checkpoint, acknowledgement });
    }

    /// Lets all that run take part; returns what is to be written.
    fn acknowledge_all(&mut self, id: u64) -> CheckpointMetadata {
        let result = Ok(BTreeMap::new());
        self.handle(Event::SourcesSnapshotted { checkpoint: CheckpointId(id), result });
        for attempt in self.attempts() {
            let execution = self.master.execution_graph().execution(attempt).unwrap();
            if execution.state() == ExecutionState::Running {
                self.acknowledge(attempt, id);
            }
        }
        let metadata = self.actions.iter().find_map(|action| match action {
            Action::WriteCheckpoint(metadata) => Some((**metadata).clone()),
            _ => None,
        });
        metadata.unwrap_or_else(|| panic!("nothing to write in {:?}", self.actions))
    }

    /// Takes a checkpoint that has begun to its end.
    fn complete(&mut self, id: u64) -> CheckpointMetadata {
        let metadata = self.acknowledge_all(id);
        let result = Ok(pointer(&metadata));
        self.handle(Event::CheckpointWritten { checkpoint: CheckpointId(id), result });
        metadata
    }

    fn outcome(
        &self,
    ) -> Option<&Result<RequestOutcome, crate::checkpoint_coordinator::RequestFailure>> {
        self.actions.iter().find_map(|action| match action {
            Action::RequestDone { result, .. } => Some(result),
            _ => None,
        })
    }

    fn restored_from(&self) -> Vec<Option<CheckpointId>> {
        let restore = |action: &Action| match action {
            Action::Deploy { restore, .. } => Some(restore.as_ref().map(|r| r.checkpoint)),
            _ => None,
        };
        self.actions.iter().filter_map(restore).collect()
    }
}

fn pointer(metadata: &CheckpointMetadata) -> CheckpointPointer {
    CheckpointPointer { url: metadata.exclusive.as_str().into(), metadata_bytes: 10 }
}

fn is_periodic(timer: &Timer) -> bool {
    matches!(timer, Timer::Checkpoint(_))
}

#[test]
fn a_checkpoint_counts_once_it_is_written_and_takes_the_place_of_the_one_before() {
    let mut harness = Harness::running();
    harness.fire(is_periodic);
    let first = CheckpointId(1);
    assert!(harness.actions.contains(&Action::SnapshotSources { checkpoint: first }));
    harness.handle(Event::SourcesSnapshotted { checkpoint: first, result: Ok(BTreeMap::new()) });
    let triggered: Vec<_> = harness
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::TriggerCheckpoint { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    let attempts = harness.attempts();
    assert_eq!(triggered, attempts[..2], "barriers go to sources");
    for attempt in &attempts {
        harness.acknowledge(*attempt, 1);
    }
    let [Action::WriteCheckpoint(metadata)] = &harness.actions[..] else {
        panic!("{:?}", harness.actions)
    };
    let oldest = pointer(metadata);
    harness.handle(Event::CheckpointWritten { checkpoint: first, result: Ok(oldest.clone()) });
    let complete = Action::NotifyComplete { attempts, checkpoint: first };
    assert!(harness.actions.contains(&complete));
    harness.fire(is_periodic);
    harness.complete(2);
    let shared = Vec::new();
    let deletion = Action::DeleteCheckpoint { checkpoint: first, pointer: oldest, shared };
    assert!(harness.actions.contains(&deletion), "{:?}", harness.actions);
    let counts = harness.master.checkpoints().counts();
    assert_eq!((counts.total, counts.completed, counts.in_progress), (2, 2, 0));
}

#[test]
fn requests_are_refused_for_flink_s_reasons() {
    let mut harness = Harness::new(|options| options.checkpointing.savepoint_directory = None);
    let kind = SnapshotKind::Savepoint { format: SavepointFormat::Canonical, ending: None };
    harness.request(1, kind);
    let message = |harness: &Harness| harness.outcome().unwrap().clone().unwrap_err().message;
    assert!(message(&harness).starts_with("No savepoint directory configured."));
    harness.request(2, SnapshotKind::Checkpoint);
    assert_eq!(message(&harness), "Not all required tasks are currently running.");
    let mut harness = Harness::running();
    harness.request(3, STOP);
    assert_eq!(harness.outcome(), None);
    harness.request(4, kind);
    assert!(message(&harness).starts_with("Another stop-with-savepoint operation"));
}

#[test]
fn one_failure_too_many_restarts_the_job_from_the_latest_checkpoint() {
    let mut harness = Harness::running();
    harness.fire(is_periodic);
    harness.complete(1);
    for (id, status) in [(2, JobStatus::Running), (3, JobStatus::Restarting)] {
        harness.fire(is_periodic);
        let checkpoint = CheckpointId(id);
        let result = Err("no answer".to_owned());
        harness.handle(Event::SourcesSnapshotted { checkpoint, result });
        assert_eq!(harness.master.status(), status);
    }
    let failure = harness.master.exceptions().entries().next().unwrap();
    assert!(failure.root.cause.message.starts_with("Exceeded checkpoint tolerable failure"));
    let restart = harness.actions.iter().find_map(|action| match action {
        Action::StartTimer { timer: Timer::Restart(id), .. } => Some(Timer::Restart(*id)),
        _ => None,
    });
    harness.report_all(ExecutionState::Canceled);
    harness.handle(Event::TimerFired(restart.unwrap()));
    assert_eq!(harness.restored_from(), [Some(CheckpointId(1)); 4]);
}

#[test]
fn what_all_have_come_to_the_end_of_ends_with_a_checkpoint_at_once() {
    let mut harness = Harness::running();
    for attempt in harness.attempts() {
        harness.handle(Event::EndOfData(attempt));
    }
    let first = CheckpointId(1);
    assert!(harness.actions.contains(&Action::SnapshotSources { checkpoint: first }));
    harness.complete(1);
    harness.report_all(ExecutionState::Finished);
    assert_eq!(harness.master.status(), JobStatus::Finished);
    let is_deleted = |a: &Action| matches!(a, Action::DeleteCheckpoint { checkpoint, .. } if *checkpoint == first);
    assert!(harness.actions.iter().any(is_deleted), "{:?}", harness.actions);
}

/// Seed 28: what sinks had committed with the savepoint was committed again.
#[test]
fn a_job_that_fails_to_end_goes_on_from_the_savepoint_it_was_to_end_with() {
    let mut harness = Harness::running();
    harness.fire(is_periodic);
    harness.complete(1);
    harness.request(1, STOP);
    let savepoint = harness.complete(2);
    assert_eq!(harness.outcome(), None, "the job has to end first");
    let attempt = harness.attempts()[3];
    let failure = Some(FailureCause::new(Fault::Environment, "Oops", "no luck"));
    let state = ExecutionState::Failed;
    harness.handle(Event::TaskStateChanged { attempt, state, failure });
    let message = &harness.outcome().unwrap().as_ref().unwrap_err().message;
    assert!(message.starts_with("A savepoint has been created at: mem:///s/savepoint-"));
    harness.actions.retain(|action| matches!(action, Action::StartTimer { .. }));
    let timers = std::mem::take(&mut harness.actions);
    harness.report_all(ExecutionState::Canceled);
    harness.actions = timers;
    harness.fire(|timer| matches!(timer, Timer::Restart(_)));
    assert_eq!(harness.restored_from(), [Some(CheckpointId(2)); 4]);
    // Another master finds the same.
    let complete = |metadata: CheckpointMetadata| CompleteCheckpoint {
        pointer: pointer(&metadata),
        metadata: std::sync::Arc::new(metadata),
    };
    let mut other = Harness::new(|options| {
        options.initial =
            InitialState { checkpoints: vec![complete(savepoint)], ..InitialState::default() };
    });
    other.handle(Event::Start);
    other.grant();
    assert_eq!(other.restored_from(), [Some(CheckpointId(2)); 4]);
    other.report_all(ExecutionState::Running);
    other.fire(is_periodic);
    other.complete(3);
    let forget = Action::ForgetCheckpoint { checkpoint: CheckpointId(2) };
    assert!(other.actions.contains(&forget), "it stays, being the user's: {:?}", other.actions);
}

/// Seed 63: a savepoint's file was deleted that a task of an earlier life had written.
#[test]
fn late_acknowledgements_are_acted_on_only_in_the_life_that_they_belong_to() {
    let mut harness = Harness::running();
    let mut attempt = harness.attempts()[0];
    harness.fire(is_periodic);
    let result = Err("the disk is full".to_owned());
    harness.acknowledge_all(1);
    harness.handle(Event::CheckpointWritten { checkpoint: CheckpointId(1), result });
    let url: std::sync::Arc<str> = "mem:///c/job/chk-1/file".into();
    let data = StateData::File(StateFile { url: url.clone(), bytes: 1, checksum: 0 });
    let operator = Some(OperatorStateHandle { data, has_union: false });
    let state = OperatorSubtaskState { keyed: None, operator };
    let mut acknowledgement = TaskAcknowledgement::default();
    let id = sciurus_core::ids::OperatorId::from_bytes([1; 16]);
    acknowledgement.state.operators.insert(id, state);
    let acknowledgement = Box::new(acknowledgement);
    let checkpoint = CheckpointId(1);
    let event = |attempt| Event::CheckpointAcknowledged {
        attempt,
        checkpoint,
        acknowledgement: acknowledgement.clone(),
    };
    harness.handle(event(attempt));
    assert_eq!(harness.actions, [Action::DiscardFiles(vec![url])]);
    attempt.graph = sciurus_core::ids::ExecutionGraphId::random();
    harness.handle(event(attempt));
    assert_eq!(harness.actions, []);
}

#[test]
fn an_adaptive_job_runs_with_the_slots_that_there_are_and_grows() {
    let mut harness = Harness::new(|options| {
        options.scheduler = Scheduler::Adaptive(AdaptiveOptions {
            submission_stabilization: Duration::from_secs(1),
            cooldown: Duration::ZERO,
            ..AdaptiveOptions::default()
        });
    });
    harness.handle(Event::Start);
    assert_eq!(harness.master.slot_shortage().unwrap().total(), 1);
    harness.handle(Event::SlotsAvailable(1));
    harness.fire(|timer| matches!(timer, Timer::Resources(_)));
    let parallelism = |harness: &Harness| harness.master.graph().vertices[0].parallelism;
    assert_eq!(parallelism(&harness), 1);
    let is_change = |action: &Action| matches!(action, Action::ChangeGraph { .. });
    assert!(harness.actions.iter().any(is_change));
    harness.grant();
    harness.report_all(ExecutionState::Running);
    assert_eq!(harness.master.status(), JobStatus::Running);
    harness.handle(Event::SlotsAvailable(1));
    harness.complete(1);
    assert_eq!(harness.master.status(), JobStatus::Restarting);
    harness.report_all(ExecutionState::Canceled);
    assert_eq!(parallelism(&harness), 2);
    harness.grant();
    assert_eq!(harness.restored_from(), [Some(CheckpointId(1)); 4]);
    assert_eq!(harness.master.rescales().counts().completed, 2);
}

#[test]
fn other_parallelism_waits_for_the_tasks_to_run_where_nothing_can_be_restored() {
    let mut harness = Harness::new(|_| {});
    harness.handle(Event::Start);
    harness.grant();
    let vertices = &harness.master.graph().vertices;
    let one = ParallelismBounds { lower: 1, upper: 1 };
    let parallelism = vertices.iter().map(|vertex| (vertex.id, one)).collect();
    harness.handle(Event::RescaleRequested { request: RequestId(1), parallelism });
    assert_eq!(harness.outcome().unwrap().as_ref(), Ok(&RequestOutcome::Requirements));
    let is_cancel = |action: &Action| matches!(action, Action::CancelTask { .. });
    assert!(!harness.actions.iter().any(is_cancel));
    harness.report_all(ExecutionState::Running);
    assert_eq!(harness.master.status(), JobStatus::Running);
    harness.complete(1);
    assert_eq!(harness.master.status(), JobStatus::Restarting);
    harness.report_all(ExecutionState::Canceled);
    assert_eq!(harness.restored_from(), [Some(CheckpointId(1)); 2]);
}

#[test]
fn other_parallelism_needs_no_checkpoint_where_no_task_was_deployed() {
    let mut harness = Harness::new(|_| {});
    harness.handle(Event::Start);
    let vertices = &harness.master.graph().vertices;
    let one = ParallelismBounds { lower: 1, upper: 1 };
    let parallelism = vertices.iter().map(|vertex| (vertex.id, one)).collect();
    harness.handle(Event::RescaleRequested { request: RequestId(1), parallelism });
    assert_eq!(harness.master.graph().vertices[0].parallelism, 1);
    assert_eq!(harness.master.slot_shortage().unwrap().total(), 1);
}
