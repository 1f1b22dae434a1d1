//! What a job master does in the situations that matter, one at a time.

use std::time::Duration;

use sciurus_core::graph::{ExchangeMode, NodeKind, Partitioning};
use sciurus_core::graph::{StreamEdge, StreamGraph, StreamNode};
use sciurus_core::ids::{AllocationId, ExecutionAttemptId, NodeId, TaskManagerId};

use super::*;
use crate::ExecutionState;
use crate::failure::{FailureCause, Fault};
use crate::restart::{ExponentialDelaySettings, FixedDelaySettings, RestartStrategySettings};
use crate::slots::{SharedSlot, SlotGrant, TaskManagerLocation};

const DELAY: Duration = Duration::from_millis(500);

/// A job master with a clock and a list of what it wants done.
struct Harness {
    master: JobMaster,
    now: Timestamp,
    actions: Vec<Action>,
}

impl Harness {
    /// A source and a reader of so many subtasks each, with these between them.
    fn new(
        parallelism: u32,
        partitioning: Partitioning,
        exchange: ExchangeMode,
        restarts: u32,
    ) -> Self {
        let settings = FixedDelaySettings { attempts: restarts, delay: DELAY };
        let settings = RestartStrategySettings::FixedDelay(settings);
        Self::with(parallelism, partitioning, exchange, settings)
    }

    fn with(
        parallelism: u32,
        partitioning: Partitioning,
        exchange: ExchangeMode,
        settings: RestartStrategySettings,
    ) -> Self {
        let mut graph = StreamGraph::new("test");
        graph.parallelism = parallelism;
        graph.chaining_enabled = false;
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", source));
        graph.nodes.push(StreamNode::new(NodeId(1), "reader", NodeKind::OneInput));
        let mut edge = StreamEdge::new(NodeId(0), NodeId(1));
        edge.partitioning = Some(partitioning);
        edge.exchange = exchange;
        graph.edges.push(edge);
        Self::of(&graph, settings)
    }

    fn of(graph: &StreamGraph, settings: RestartStrategySettings) -> Self {
        let strategy = settings.build(fastrand::Rng::with_seed(0)).unwrap();
        let master = JobMaster::new(
            JobId::random(),
            graph.to_job_graph().unwrap(),
            strategy,
            JobMasterOptions::default(),
            1,
        );
        Self { master, now: 1, actions: Vec::new() }
    }

    fn shuffle(parallelism: u32, restarts: u32) -> Self {
        Self::new(parallelism, Partitioning::Hash, ExchangeMode::Pipelined, restarts)
    }

    fn pipelines(parallelism: u32, restarts: u32) -> Self {
        Self::new(parallelism, Partitioning::Forward, ExchangeMode::Pipelined, restarts)
    }

    fn handle(&mut self, event: Event) -> &[Action] {
        self.now += 1;
        self.actions = self.master.handle(event, self.now);
        &self.actions
    }

    /// Starts the job and gives it all slots that it wants, slot by slot on the next TaskManager.
    fn deploy(&mut self, task_managers: &[&str]) -> &[Action] {
        self.handle(Event::Start);
        self.grant_what_is_requested(task_managers)
    }

    fn grant_what_is_requested(&mut self, task_managers: &[&str]) -> &[Action] {
        let wanted: Vec<SharedSlot> = self
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::RequestSlots(slots) => Some(slots.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let grant = |slot: SharedSlot| {
            let name = task_managers[slot.index as usize % task_managers.len()];
            let id = TaskManagerId::new(name);
            let location = TaskManagerLocation { id, endpoint: name.to_owned() };
            SlotGrant { slot, allocation: AllocationId::random(), location }
        };
        self.handle(Event::SlotsGranted(wanted.into_iter().map(grant).collect()))
    }

    fn attempt(&self, position: SubtaskPosition) -> ExecutionAttemptId {
        self.master.execution_graph().subtasks()[position].current().id()
    }

    fn state(&self, position: SubtaskPosition) -> ExecutionState {
        self.master.execution_graph().subtasks()[position].current().state()
    }

    fn states(&self) -> Vec<ExecutionState> {
        (0..self.master.execution_graph().subtasks().len()).map(|p| self.state(p)).collect()
    }

    fn report(&mut self, position: SubtaskPosition, state: ExecutionState) -> &[Action] {
        let attempt = self.attempt(position);
        self.handle(Event::TaskStateChanged { attempt, state, failure: None })
    }

    fn report_all(&mut self, state: ExecutionState) {
        for position in 0..self.master.execution_graph().subtasks().len() {
            self.report(position, state);
        }
    }

    fn fail(&mut self, position: SubtaskPosition, cause: FailureCause) -> &[Action] {
        let attempt = self.attempt(position);
        let failure = Some(cause);
        self.handle(Event::TaskStateChanged { attempt, state: ExecutionState::Failed, failure })
    }

    fn fire(&mut self, timer: Timer) -> &[Action] {
        self.handle(Event::TimerFired(timer))
    }

    fn started_timer(&self) -> Option<Timer> {
        self.actions.iter().find_map(|action| match action {
            Action::StartTimer { timer, .. } => Some(*timer),
            _ => None,
        })
    }

    fn deployed(&self) -> Vec<ExecutionAttemptId> {
        let attempt = |action: &Action| match action {
            Action::Deploy { attempt, .. } => Some(*attempt),
            _ => None,
        };
        self.actions.iter().filter_map(attempt).collect()
    }

    fn cancelled(&self) -> Vec<ExecutionAttemptId> {
        let attempt = |action: &Action| match action {
            Action::CancelTask { attempt } => Some(*attempt),
            _ => None,
        };
        self.actions.iter().filter_map(attempt).collect()
    }
}

fn oops() -> FailureCause {
    FailureCause::new(Fault::User, "Oops", "no luck").in_operator("reader")
}

fn lost(task_manager: &str) -> Event {
    let cause = FailureCause::new(Fault::Environment, "TaskManagerLost", "no heartbeat");
    Event::TaskManagerLost { task_manager: TaskManagerId::new(task_manager), cause }
}

#[test]
fn a_job_runs_once_it_has_its_slots() {
    let mut harness = Harness::shuffle(2, 0);
    harness.handle(Event::Start);
    assert_eq!(harness.master.status(), JobStatus::Created);
    let shortage = harness.master.slot_shortage().unwrap();
    assert_eq!((shortage.total(), shortage.since), (2, 2));
    harness.grant_what_is_requested(&["a"]);
    assert_eq!(harness.master.slot_shortage(), None);
    assert_eq!(harness.master.status(), JobStatus::Running);
    let in_order: Vec<_> = (0..4).map(|position| harness.attempt(position)).collect();
    assert_eq!(harness.deployed(), in_order);
    assert_eq!(harness.states(), [ExecutionState::Deploying; 4]);
}

#[test]
fn nothing_is_deployed_while_a_slot_is_missing() {
    let mut harness = Harness::pipelines(2, 0);
    let [Action::ReportStatus(JobStatus::Created), Action::RequestSlots(wanted), _] =
        harness.handle(Event::Start)
    else {
        panic!("{:?}", harness.actions)
    };
    let location = TaskManagerLocation { id: TaskManagerId::new("a"), endpoint: "a".into() };
    let allocation = AllocationId::random();
    let grants = vec![SlotGrant { slot: wanted[0].clone(), allocation, location }];
    assert_eq!(harness.handle(Event::SlotsGranted(grants)), []);
    assert_eq!(harness.master.slot_shortage().unwrap().total(), 1);
    assert_eq!(harness.states(), [ExecutionState::Scheduled; 4]);
}

#[test]
fn waiting_too_long_for_slots_is_a_failure_that_says_so() {
    let mut harness = Harness::shuffle(3, 0);
    harness.handle(Event::Start);
    let timer = harness.started_timer().unwrap();
    harness.fire(timer);
    assert_eq!(harness.master.status(), JobStatus::Failed);
    let failure = harness.master.failure().unwrap().to_string();
    assert!(failure.contains("3 slots were still missing after 300s"), "{failure}");
    assert!(
        matches!(harness.actions[0], Action::WithdrawSlotRequests(ref slots) if slots.len() == 3)
    );
}

#[test]
fn a_slot_timer_of_a_wait_that_is_over_means_nothing() {
    let mut harness = Harness::shuffle(1, 0);
    harness.handle(Event::Start);
    let timer = harness.started_timer().unwrap();
    harness.grant_what_is_requested(&["a"]);
    assert_eq!(harness.fire(timer), []);
}

#[test]
fn a_job_finishes_when_its_last_task_has() {
    let mut harness = Harness::shuffle(1, 0);
    harness.deploy(&["a"]);
    harness.report_all(ExecutionState::Running);
    harness.report(0, ExecutionState::Finished);
    assert_eq!(harness.master.status(), JobStatus::Running);
    let actions = harness.report(1, ExecutionState::Finished);
    let end = Action::JobReachedTerminal { status: JobStatus::Finished, failure: None };
    assert!(matches!(actions[0], Action::ReleaseSlots(ref slots) if slots.len() == 1));
    assert_eq!(actions[1..], [Action::ReportStatus(JobStatus::Finished), end]);
    assert_eq!(harness.handle(Event::CancelRequested), []);
}

#[test]
fn a_failure_restarts_the_region_when_it_has_stopped_and_the_delay_is_over() {
    let mut harness = Harness::shuffle(1, 1);
    harness.deploy(&["a"]);
    harness.report_all(ExecutionState::Running);
    harness.fail(1, oops());
    assert_eq!(harness.master.status(), JobStatus::Restarting);
    assert_eq!(harness.cancelled(), [harness.attempt(0)]);
    let timer = harness.started_timer().unwrap();
    assert!(harness.actions.contains(&Action::StartTimer { timer, delay: DELAY }));
    assert_eq!(harness.fire(timer), [], "the source hasn't stopped");
    harness.report(0, ExecutionState::Canceled);
    assert_eq!(harness.deployed().len(), 2);
    assert_eq!(harness.master.status(), JobStatus::Running);
    assert_eq!(harness.attempt(0).attempt.0, 1);
    assert_eq!(harness.master.restarts(), 1);
}

#[test]
fn the_delay_is_waited_for_even_if_all_has_stopped() {
    let mut harness = Harness::shuffle(1, 1);
    harness.deploy(&["a"]);
    harness.fail(1, oops());
    let timer = harness.started_timer().unwrap();
    assert_eq!(harness.report(0, ExecutionState::Canceled), []);
    harness.fire(timer);
    assert_eq!(harness.deployed().len(), 2);
    assert_eq!(harness.fire(timer), [], "a timer fires once");
}

#[test]
fn other_regions_go_on() {
    let mut harness = Harness::pipelines(2, 1);
    harness.deploy(&["a"]);
    harness.report_all(ExecutionState::Running);
    harness.fail(0, oops());
    assert_eq!(harness.cancelled(), [harness.attempt(2)]);
    let timer = harness.started_timer().unwrap();
    harness.report(1, ExecutionState::Finished);
    harness.report(2, ExecutionState::Canceled);
    harness.fire(timer);
    assert_eq!(harness.deployed(), [harness.attempt(0), harness.attempt(2)]);
    let states = harness.states();
    assert_eq!((states[1], states[3]), (ExecutionState::Finished, ExecutionState::Running));
}

#[test]
fn a_finished_task_runs_again_with_its_region() {
    let mut harness = Harness::shuffle(1, 1);
    harness.deploy(&["a"]);
    harness.report(0, ExecutionState::Finished);
    harness.fail(1, oops());
    let timer = harness.started_timer().unwrap();
    harness.fire(timer);
    assert_eq!(harness.deployed().len(), 2);
}

#[test]
fn the_first_cause_ends_the_job_and_later_ones_are_kept_with_it() {
    let mut harness = Harness::shuffle(2, 0);
    harness.deploy(&["a"]);
    harness.report_all(ExecutionState::Running);
    harness.fail(1, oops());
    assert_eq!(harness.master.status(), JobStatus::Failing);
    harness.fail(0, FailureCause::new(Fault::Environment, "Later", "connection reset"));
    harness.report(2, ExecutionState::Canceled);
    let actions = harness.report(3, ExecutionState::Finished);
    let Some(Action::JobReachedTerminal { status: JobStatus::Failed, failure: Some(failure) }) =
        actions.last()
    else {
        panic!("{actions:?}")
    };
    assert_eq!(
        failure.to_string(),
        "Source: numbers (2/2) - execution #0: Oops: in operator 'reader': no luck (Recovery is \
         suppressed by FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=0, \
         backoffTimeMS=500))"
    );
    let entry = harness.master.exceptions().entries().next().unwrap();
    assert_eq!(entry.root.cause, oops());
    assert_eq!(entry.concurrent[0].cause.kind, "Later");
    let ends: Vec<_> = harness.states();
    assert_eq!(ends[1], ExecutionState::Failed);
    assert_eq!([ends[0], ends[2], ends[3]], [ExecutionState::Canceled; 3]);
}

#[test]
fn what_a_restart_can_t_mend_is_not_restarted() {
    let mut harness = Harness::shuffle(1, 9);
    harness.deploy(&["a"]);
    harness.fail(0, oops().not_retriable());
    assert_eq!(harness.master.status(), JobStatus::Failing);
    assert_eq!(harness.master.restarts(), 0);
}

#[test]
fn cancelling_stops_all_tasks_and_then_the_job() {
    let mut harness = Harness::shuffle(1, 1);
    harness.deploy(&["a"]);
    harness.handle(Event::CancelRequested);
    assert_eq!(harness.cancelled().len(), 2);
    assert_eq!(harness.master.status(), JobStatus::Cancelling);
    assert_eq!(harness.handle(Event::CancelRequested), []);
    harness.report(0, ExecutionState::Finished);
    harness.fail(1, oops());
    assert_eq!(harness.master.status(), JobStatus::Canceled);
    assert_eq!(harness.states(), [ExecutionState::Canceled; 2]);
}

#[test]
fn a_job_that_waits_is_cancelled_at_once() {
    let mut waiting_for_slots = Harness::shuffle(1, 1);
    waiting_for_slots.handle(Event::Start);
    waiting_for_slots.handle(Event::CancelRequested);
    assert_eq!(waiting_for_slots.master.status(), JobStatus::Canceled);
    let mut waiting_for_restart = Harness::shuffle(1, 1);
    waiting_for_restart.deploy(&["a"]);
    waiting_for_restart.fail(0, oops());
    let timer = waiting_for_restart.started_timer().unwrap();
    waiting_for_restart.report(1, ExecutionState::Canceled);
    waiting_for_restart.handle(Event::CancelRequested);
    assert_eq!(waiting_for_restart.master.status(), JobStatus::Canceled);
    assert_eq!(waiting_for_restart.fire(timer), []);
    let mut not_started = Harness::shuffle(1, 1);
    not_started.handle(Event::CancelRequested);
    assert_eq!(not_started.master.status(), JobStatus::Canceled);
}

#[test]
fn a_failing_job_can_be_cancelled() {
    let mut harness = Harness::shuffle(1, 0);
    harness.deploy(&["a"]);
    harness.fail(0, oops());
    harness.handle(Event::CancelRequested);
    let actions = harness.report(1, ExecutionState::Canceled);
    let end = Action::JobReachedTerminal { status: JobStatus::Canceled, failure: None };
    assert_eq!(actions.last(), Some(&end));
}

#[test]
fn news_of_an_old_attempt_changes_nothing_but_stops_it() {
    let mut harness = Harness::shuffle(1, 1);
    harness.deploy(&["a"]);
    let old = harness.attempt(0);
    harness.fail(1, oops());
    let timer = harness.started_timer().unwrap();
    harness.report(0, ExecutionState::Canceled);
    harness.fire(timer);
    let report = |state| Event::TaskStateChanged { attempt: old, state, failure: Some(oops()) };
    let before = harness.states();
    assert_eq!(harness.handle(report(ExecutionState::Failed)), []);
    let stop = [Action::CancelTask { attempt: old }];
    assert_eq!(harness.handle(report(ExecutionState::Running)), stop);
    assert_eq!(harness.states(), before);
    assert!(harness.master.execution_graph().execution(old).is_some(), "it is remembered");
}

#[test]
fn a_lost_task_manager_is_one_failure_and_its_slots_are_replaced() {
    let mut harness = Harness::pipelines(4, 1);
    harness.deploy(&["a", "b"]);
    harness.report_all(ExecutionState::Running);
    harness.handle(lost("b"));
    assert_eq!(harness.master.restarts(), 1);
    let timer = harness.started_timer().unwrap();
    harness.fire(timer);
    assert_eq!(harness.master.status(), JobStatus::Restarting);
    assert_eq!(harness.master.slot_shortage().unwrap().total(), 2);
    harness.grant_what_is_requested(&["c"]);
    assert_eq!(harness.deployed().len(), 4);
    assert_eq!(harness.master.status(), JobStatus::Running);
    assert_eq!(harness.state(0), ExecutionState::Running);
    assert!(harness.handle(lost("b")).is_empty());
}

#[test]
fn a_task_manager_lost_while_its_tasks_stop_needs_no_answer_from_them() {
    let mut harness = Harness::shuffle(2, 1);
    harness.deploy(&["a", "b"]);
    harness.handle(Event::CancelRequested);
    harness.handle(lost("a"));
    assert_eq!(harness.master.status(), JobStatus::Cancelling);
    harness.handle(lost("b"));
    assert_eq!(harness.master.status(), JobStatus::Canceled);
}

#[test]
fn a_slot_that_is_lost_before_it_is_used_is_asked_for_again() {
    let mut harness = Harness::pipelines(2, 1);
    harness.handle(Event::Start);
    let Action::RequestSlots(wanted) = harness.actions[1].clone() else {
        panic!("{:?}", harness.actions)
    };
    let location = TaskManagerLocation { id: TaskManagerId::new("a"), endpoint: "a".into() };
    let allocation = AllocationId::random();
    let grant = SlotGrant { slot: wanted[0].clone(), allocation, location };
    harness.handle(Event::SlotsGranted(vec![grant]));
    let again = [Action::RequestSlots(vec![wanted[0].clone()])];
    assert_eq!(harness.handle(lost("a")), again);
    assert_eq!(harness.master.restarts(), 0);
}

#[test]
fn a_global_failure_restarts_everything() {
    let mut harness = Harness::pipelines(2, 1);
    harness.deploy(&["a"]);
    harness.handle(Event::GlobalFailure(oops()));
    assert_eq!(harness.cancelled().len(), 4);
    let mut too_early = Harness::pipelines(1, 1);
    too_early.handle(Event::GlobalFailure(oops()));
    assert_eq!(too_early.master.status(), JobStatus::Failed);
}

#[test]
fn of_two_restarts_of_a_task_the_later_counts() {
    let mut harness = Harness::pipelines(2, 2);
    harness.deploy(&["a"]);
    harness.fail(0, oops());
    let first = harness.started_timer().unwrap();
    harness.handle(Event::GlobalFailure(oops()));
    let second = harness.started_timer().unwrap();
    for position in 1..4 {
        harness.report(position, ExecutionState::Canceled);
    }
    assert_eq!(harness.fire(first), []);
    harness.fire(second);
    assert_eq!(harness.deployed().len(), 4);
    assert_eq!(harness.master.status(), JobStatus::Running);
}

#[test]
fn failures_that_the_strategy_merges_are_one_restart_with_one_root_cause() {
    let settings = ExponentialDelaySettings { jitter_factor: 0.0, ..Default::default() };
    let settings = RestartStrategySettings::ExponentialDelay(settings);
    let exchange = ExchangeMode::Pipelined;
    let mut harness = Harness::with(2, Partitioning::Forward, exchange, settings);
    harness.deploy(&["a"]);
    harness.fail(0, oops());
    harness.fail(1, oops());
    let delay = Duration::from_millis(999);
    let timer = harness.started_timer().unwrap();
    assert!(harness.actions.contains(&Action::StartTimer { timer, delay }));
    assert_eq!(harness.master.restarts(), 1);
    let entries: Vec<_> = harness.master.exceptions().entries().collect();
    assert_eq!((entries.len(), entries[0].concurrent.len()), (1, 1));
}

#[test]
fn a_task_that_stops_by_itself_has_failed() {
    let mut harness = Harness::shuffle(1, 0);
    harness.deploy(&["a"]);
    harness.report(0, ExecutionState::Canceled);
    let failure = harness.master.failure().unwrap();
    assert_eq!(failure.failure.cause.fault, Fault::Bug);
}

#[test]
fn readers_of_kept_results_start_when_these_are_complete() {
    let mut harness = Harness::new(2, Partitioning::Hash, ExchangeMode::Blocking, 9);
    harness.deploy(&["a", "b"]);
    assert_eq!(harness.deployed().len(), 2);
    harness.report(0, ExecutionState::Finished);
    assert_eq!(harness.state(2), ExecutionState::Created);
    harness.report(1, ExecutionState::Finished);
    assert_eq!(harness.deployed(), [harness.attempt(2), harness.attempt(3)]);
    // A reader fails alone; a lost result is made anew first.
    harness.fail(2, oops());
    assert_eq!(harness.cancelled(), []);
    let timer = harness.started_timer().unwrap();
    harness.fire(timer);
    assert_eq!(harness.deployed(), [harness.attempt(2)]);
    harness.handle(lost("a"));
    let timer = harness.started_timer().unwrap();
    assert_eq!(harness.cancelled(), [harness.attempt(3)]);
    harness.report(3, ExecutionState::Canceled);
    harness.fire(timer);
    harness.grant_what_is_requested(&["b"]);
    assert_eq!(harness.deployed(), [harness.attempt(0)]);
    harness.report(0, ExecutionState::Finished);
    assert_eq!(harness.deployed(), [harness.attempt(2), harness.attempt(3)]);
    assert_eq!(harness.master.status(), JobStatus::Running);
}

/// A harness whose source has slots of its own and keeps its results, and one more operator behind
/// the reader.
fn kept_results(source_parallelism: u32, parallelism: u32, partitioning: Partitioning) -> Harness {
    let mut graph = StreamGraph::new("test");
    graph.parallelism = parallelism;
    graph.chaining_enabled = false;
    let kinds = [NodeKind::Source { bounded: true }, NodeKind::OneInput, NodeKind::OneInput];
    for (id, kind) in (0..).zip(kinds) {
        graph.nodes.push(StreamNode::new(NodeId(id), "op", kind));
        graph.nodes[id as usize].slot_sharing_group = Some(kind.input_count().to_string());
    }
    graph.nodes[0].parallelism = Some(source_parallelism);
    graph.edges.push(StreamEdge::new(NodeId(0), NodeId(1)));
    graph.edges.push(StreamEdge::new(NodeId(1), NodeId(2)));
    graph.edges[0].partitioning = Some(partitioning);
    graph.edges[0].exchange = ExchangeMode::Blocking;
    let settings = FixedDelaySettings { attempts: 9, delay: DELAY };
    Harness::of(&graph, RestartStrategySettings::FixedDelay(settings))
}

#[test]
fn a_result_that_nobody_wanted_when_it_was_lost_is_made_anew_when_it_is_wanted() {
    let mut harness = kept_results(1, 1, Partitioning::Forward);
    harness.deploy(&["a"]);
    harness.report(0, ExecutionState::Finished);
    harness.grant_what_is_requested(&["b"]);
    harness.report(1, ExecutionState::Finished);
    assert_eq!(harness.handle(lost("a")), []);
    harness.fail(2, oops());
    let timer = harness.started_timer().unwrap();
    harness.fire(timer);
    harness.grant_what_is_requested(&["c"]);
    assert_eq!(harness.deployed(), [harness.attempt(0)]);
    harness.report(0, ExecutionState::Finished);
    assert_eq!(harness.deployed(), [harness.attempt(1), harness.attempt(2)]);
}

#[test]
fn tasks_stop_waiting_for_the_slots_of_tasks_that_are_to_restart() {
    let mut harness = kept_results(2, 2, Partitioning::Forward);
    harness.deploy(&["a", "b"]);
    harness.report(0, ExecutionState::Finished);
    let requests = harness.actions.clone();
    harness.report(1, ExecutionState::Finished);
    let second_requests = harness.actions.clone();
    harness.actions = requests;
    harness.grant_what_is_requested(&["c"]);
    assert_eq!(harness.deployed(), [], "the other reader lacks its slot");
    harness.handle(lost("b"));
    assert_eq!(harness.deployed(), [harness.attempt(2), harness.attempt(4)]);
    harness.actions = second_requests;
    let actions = harness.grant_what_is_requested(&["d"]);
    assert!(matches!(actions, [Action::ReleaseSlots(slots)] if slots.len() == 1));
}
