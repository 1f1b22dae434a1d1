//! Running with other parallelism: by a user's wish, and with the slots that there are.
//!
//! A job changes its parallelism when none of its tasks runs: it takes a checkpoint, stops
//! everything, and starts again from that checkpoint with another graph.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sciurus_core::ids::JobVertexId;
use sciurus_core::time::Timestamp;

use super::failover::PendingRestart;
use super::{Action, JobMaster, Timer, TimerId};
use crate::checkpoint_coordinator::{CheckpointFailure, RequestFailure, RequestId, RequestOutcome};
use crate::execution_graph::{ExecutionGraph, SubtaskPosition};
use crate::failure::{FailureCause, Fault};
use crate::region::PipelinedRegions;
use crate::rescale::{
    AdaptiveOptions, ParallelismBounds, Rescale, RescaleEnd, RescaleHistory, RescaleTrigger,
    RescaledGroup, RescaledVertex, allocate, bounds_of_groups, check_bounds,
};
use crate::{ExecutionState, JobStatus};

/// What a job has to do with its parallelism.
#[derive(Clone, Debug)]
pub(super) struct Parallelism {
    /// How many subtasks each vertex may have.
    pub(super) bounds: BTreeMap<JobVertexId, ParallelismBounds>,
    /// How many slots are free besides those that the job holds.
    free_slots: u32,
    /// The change that is under way.
    change: Option<Change>,
    /// The wait for slots that is going on before the job runs.
    wait: Option<ResourceWait>,
    /// The timer that looks again whether the job can grow.
    growth: Option<Growth>,
    /// Numbers the bounds that were in force.
    requirements: u64,
    /// When tasks were deployed last.
    deployed: Option<Timestamp>,
    pub(super) history: RescaleHistory,
}

/// A change of parallelism that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Nothing can be restored yet: the tasks are to run first, so that there is a checkpoint.
    Starting,
    /// A checkpoint is taken first.
    Checkpointing,
    /// All tasks are being stopped.
    Stopping,
}

/// A wait for slots before the job runs.
#[derive(Clone, Copy, Debug)]
struct ResourceWait {
    since: Timestamp,
    timeout: TimerId,
    /// Runs once there are enough slots.
    stabilization: Option<TimerId>,
}

#[derive(Clone, Copy, Debug)]
struct Growth {
    since: Timestamp,
    timer: TimerId,
}

impl Parallelism {
    pub(super) fn new(
        bounds: BTreeMap<JobVertexId, ParallelismBounds>,
        history_size: usize,
    ) -> Self {
        Self {
            bounds,
            free_slots: 0,
            change: None,
            wait: None,
            growth: None,
            requirements: 1,
            deployed: None,
            history: RescaleHistory::new(history_size),
        }
    }

    /// Returns since when the job waits for slots with which it could begin.
    pub(super) fn waiting_since(&self) -> Option<Timestamp> {
        self.wait.map(|wait| wait.since)
    }

    /// Takes note that slots were given to the job, until it is told how many are left.
    pub(super) fn take_slots(&mut self, slots: usize) {
        self.free_slots = self.free_slots.saturating_sub(u32::try_from(slots).unwrap_or(u32::MAX));
    }
}

impl JobMaster {
    fn adaptive(&self) -> Option<AdaptiveOptions> {
        self.options.scheduler.adaptive().cloned()
    }

    /// Says whether all tasks start again together, whatever fails: with a graph that can change.
    pub(super) fn restarts_as_a_whole(&self) -> bool {
        self.options.scheduler.adaptive().is_some() || self.parallelism.change.is_some()
    }

    pub(super) fn rescale(
        &mut self,
        request: RequestId,
        bounds: BTreeMap<JobVertexId, ParallelismBounds>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let result = self.check_rescale(&bounds);
        let is_accepted = result.is_ok();
        let result = result.map(|()| RequestOutcome::Requirements);
        actions.push(Action::RequestDone { request, result });
        if !is_accepted {
            return;
        }
        self.parallelism.bounds = bounds;
        self.parallelism.requirements += 1;
        if self.status() == JobStatus::Created && self.adaptive().is_none() {
            // Nothing was deployed: it waits for other slots from now on.
            self.note_rescale(RescaleTrigger::UpdateRequirement, now);
            self.redeploy(true, now, actions);
            return;
        }
        if self.status() != JobStatus::Running {
            // It counts when the job is deployed next.
            self.look_at_resources(now, actions);
            return;
        }
        match self.wanted_parallelism() {
            Some(wanted) if wanted != self.current_parallelism() => {
                self.begin_change(RescaleTrigger::UpdateRequirement, now, actions);
            }
            _ => self.consider_growth(now, actions),
        }
    }

    fn check_rescale(
        &self,
        bounds: &BTreeMap<JobVertexId, ParallelismBounds>,
    ) -> Result<(), RequestFailure> {
        let failure = |message: String| {
            RequestFailure::new(
                "org.apache.flink.runtime.rest.handler.RestHandlerException",
                message,
            )
        };
        check_bounds(&self.graph, bounds).map_err(|error| failure(error.to_string()))?;
        let status = self.status();
        if matches!(status, JobStatus::Cancelling | JobStatus::Failing) || status.is_terminal() {
            return Err(failure(format!("The job is {status}: it can't be rescaled.")));
        }
        if self.coordinator.is_stopping() {
            let reason = "The job is being stopped with a savepoint: it can't be rescaled.";
            return Err(failure(reason.to_owned()));
        }
        if self.regions.has_blocking_exchanges() {
            let reason = "The job keeps results between its tasks: it can't be rescaled.";
            return Err(failure(reason.to_owned()));
        }
        Ok(())
    }

    pub(super) fn note_free_slots(&mut self, free: u32, now: Timestamp, actions: &mut Vec<Action>) {
        self.parallelism.free_slots = free;
        self.look_at_resources(now, actions);
    }

    pub(super) fn note_resource_timer(
        &mut self,
        timer: TimerId,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if self.parallelism.growth.is_some_and(|growth| growth.timer == timer) {
            self.consider_growth(now, actions);
            return;
        }
        let Some(wait) = self.parallelism.wait else { return };
        if wait.stabilization == Some(timer) {
            self.redeploy(true, now, actions);
        } else if wait.timeout == timer {
            self.parallelism.wait = None;
            let groups = bounds_of_groups(&self.graph, &self.parallelism.bounds);
            let needed: u32 = groups.values().map(|group| group.lower).sum();
            let (total, waited) = (self.total_slots(), now.saturating_sub(wait.since));
            let message = format!(
                "Not enough resources available for scheduling: the job needs {needed} slots at \
                 least, and there were {total} after {waited} ms: add TaskManagers or slots, lower \
                 the bounds of its parallelism, or raise \
                 jobmanager.adaptive-scheduler.submission.resource-wait-timeout"
            );
            let cause = FailureCause::new(Fault::Environment, "NoResourceAvailable", message);
            self.fail_globally(cause, now, actions);
        }
    }

    /// Looks whether the job can begin, or grow, with the slots that there are.
    fn look_at_resources(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.adaptive().is_none() {
            return;
        }
        if self.parallelism.wait.is_some() {
            self.redeploy(false, now, actions);
        } else {
            self.consider_growth(now, actions);
        }
    }

    pub(super) fn total_slots(&self) -> u32 {
        self.slots.held_count().saturating_add(self.parallelism.free_slots)
    }

    fn current_parallelism(&self) -> BTreeMap<JobVertexId, u32> {
        self.graph.vertices.iter().map(|vertex| (vertex.id, vertex.parallelism)).collect()
    }

    fn desired_parallelism(&self) -> BTreeMap<JobVertexId, u32> {
        self.parallelism.bounds.iter().map(|(id, bounds)| (*id, bounds.upper)).collect()
    }

    /// Returns how many subtasks each vertex is to have; `None` if there are too few slots.
    fn wanted_parallelism(&self) -> Option<BTreeMap<JobVertexId, u32>> {
        if self.adaptive().is_none() {
            // It waits for what it needs.
            return Some(self.desired_parallelism());
        }
        allocate(&self.graph, &self.parallelism.bounds, self.total_slots())
    }

    /// Changes the parallelism of an adaptive job that runs, if it can grow and has waited enough.
    fn consider_growth(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(options) = self.adaptive() else { return };
        let is_steady = self.status() == JobStatus::Running
            && self.parallelism.change.is_none()
            && !self.slots.is_waiting()
            && !self.coordinator.is_stopping()
            && !self.executions.is_all_terminal();
        let current = self.current_parallelism();
        let grows = |wanted: &BTreeMap<JobVertexId, u32>| {
            let of = |id| current.get(id).copied().unwrap_or(0);
            wanted.iter().any(|(id, parallelism)| *parallelism > of(id))
        };
        let wanted = self.wanted_parallelism().filter(|wanted| is_steady && grows(wanted));
        let Some(wanted) = wanted else {
            self.parallelism.growth = None;
            return;
        };
        let since = self.parallelism.growth.map_or(now, |growth| growth.since);
        let cooled_down = after(self.parallelism.deployed.unwrap_or(now), options.cooldown);
        let stable = if wanted == self.desired_parallelism() {
            now
        } else {
            after(since, options.executing_stabilization)
        };
        let due = cooled_down.max(stable);
        if due <= now {
            self.begin_change(RescaleTrigger::NewResourceAvailable, now, actions);
            return;
        }
        let timer = self.next_timer();
        self.parallelism.growth = Some(Growth { since, timer });
        let delay = Duration::from_millis(u64::try_from(due.saturating_sub(now)).unwrap_or(0));
        actions.push(Action::StartTimer { timer: Timer::Resources(timer), delay });
    }

    /// Begins to change the parallelism of a job that runs.
    fn begin_change(&mut self, trigger: RescaleTrigger, now: Timestamp, actions: &mut Vec<Action>) {
        self.parallelism.growth = None;
        self.note_rescale(trigger, now);
        if self.parallelism.change.is_some() {
            // It takes the bounds that are in force when everything has stopped.
            return;
        }
        if self.coordinator.has_restore_point() {
            self.checkpoint_for_change(now, actions);
        } else if self.all_tasks_are(&[ExecutionState::Created, ExecutionState::Scheduled]) {
            // They have done nothing that could be lost.
            self.stop_for_change(now, actions);
        } else {
            self.parallelism.change = Some(Change::Starting);
            self.go_on_with_change(now, actions);
        }
    }

    fn all_tasks_are(&self, states: &[ExecutionState]) -> bool {
        let subtasks = self.executions.subtasks();
        subtasks.iter().all(|subtask| states.contains(&subtask.current().state()))
    }

    fn checkpoint_for_change(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.parallelism.change = Some(Change::Checkpointing);
        self.coordinate(now, actions, |coordinator, tasks, actions| {
            coordinator.checkpoint_for_rescale(tasks, now, actions)
        });
    }

    /// Goes on with a change of parallelism whose tasks run now, or whose checkpoint is complete or
    /// came to nothing.
    pub(super) fn go_on_with_change(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.parallelism.change == Some(Change::Starting) {
            if self.all_tasks_are(&[ExecutionState::Running, ExecutionState::Finished]) {
                self.checkpoint_for_change(now, actions);
            }
            return;
        }
        let Some(result) = self.coordinator.take_rescale_checkpoint() else { return };
        if self.parallelism.change != Some(Change::Checkpointing) {
            return;
        }
        if let (Err(failure), false) = (&result, self.coordinator.has_restore_point()) {
            // Without any checkpoint the job would start anew.
            self.parallelism.change = None;
            self.parallelism.history.end(RescaleEnd::Failed(failure.clone()), now);
            return;
        }
        self.stop_for_change(now, actions);
    }

    /// Stops all tasks, so that the job starts again with other parallelism.
    fn stop_for_change(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.parallelism.change = Some(Change::Stopping);
        self.suspend_checkpoints(&CheckpointFailure::Rescaled, now, actions);
        self.set_status(JobStatus::Restarting, now, actions);
        let subtasks: BTreeSet<SubtaskPosition> = (0..self.executions.subtasks().len()).collect();
        for &subtask in &subtasks {
            let state = self.executions.subtasks()[subtask].current().state();
            if state != ExecutionState::Created {
                self.cancel_task(subtask, now, actions);
            }
        }
        let timer = self.next_timer();
        self.pending_restarts.clear();
        self.pending_restarts.push(PendingRestart { timer, is_delay_over: true, subtasks });
        self.request_slots(now, actions);
        self.go_on(now, actions);
    }

    /// Starts the whole job, of which nothing runs, with the parallelism that it is to have, or
    /// waits for slots. `is_stable` says that it has waited for more than the least.
    pub(super) fn redeploy(&mut self, is_stable: bool, now: Timestamp, actions: &mut Vec<Action>) {
        let wanted = self.wanted_parallelism();
        if let Some(options) = self.adaptive() {
            let is_enough = wanted
                .as_ref()
                .is_some_and(|wanted| is_stable || *wanted == self.desired_parallelism());
            if !is_enough {
                self.wait_for_resources(wanted.is_some(), &options, now, actions);
                return;
            }
        }
        let Some(wanted) = wanted else { return };
        self.parallelism.wait = None;
        self.parallelism.change = None;
        if wanted != self.current_parallelism() && !self.change_graph(&wanted, now, actions) {
            return;
        }
        for subtask in 0..self.executions.subtasks().len() {
            if self.executions.subtasks()[subtask].current().state().is_terminal() {
                self.executions.begin_attempt(subtask, now);
            }
        }
        self.lost_results.clear();
        self.schedule_ready_regions(now, actions);
    }

    fn wait_for_resources(
        &mut self,
        is_sufficient: bool,
        options: &AdaptiveOptions,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let mut wait = if let Some(wait) = self.parallelism.wait {
            wait
        } else {
            let timeout = self.next_timer();
            let timer = Timer::Resources(timeout);
            actions.push(Action::StartTimer { timer, delay: options.submission_wait });
            ResourceWait { since: now, timeout, stabilization: None }
        };
        if !is_sufficient {
            wait.stabilization = None;
        } else if wait.stabilization.is_none() {
            let stabilization = self.next_timer();
            let timer = Timer::Resources(stabilization);
            actions.push(Action::StartTimer { timer, delay: options.submission_stabilization });
            wait.stabilization = Some(stabilization);
        }
        self.parallelism.wait = Some(wait);
    }

    /// Lays the job out with other parallelism; says whether that worked.
    fn change_graph(
        &mut self,
        wanted: &BTreeMap<JobVertexId, u32>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> bool {
        let mut graph = self.graph.clone();
        if let Err(error) = graph.override_parallelism(wanted) {
            let cause = FailureCause::new(Fault::Bug, "IllegalParallelism", error.to_string());
            self.fail_globally(cause.not_retriable(), now, actions);
            return false;
        }
        let history_size = self.options.attempts_history_size;
        let first = self.executions.next_attempts();
        let id = self.executions.id();
        self.executions = ExecutionGraph::continued(&graph, id, history_size, &first, now);
        self.regions = PipelinedRegions::of(&graph, &self.executions);
        self.graph = graph;
        self.scheduled.clear();
        self.pending_restarts.clear();
        self.lost_results.clear();
        self.coordinator.graph_changed();
        let surplus = self.slots.release_except(&self.all_slots());
        if !surplus.is_empty() {
            self.parallelism.free_slots += surplus.len() as u32;
            actions.push(Action::ReleaseSlots(surplus));
        }
        actions.push(Action::ChangeGraph { overrides: wanted.clone() });
        true
    }

    /// Takes note that tasks are being deployed.
    pub(super) fn note_deployment(&mut self, now: Timestamp) {
        self.parallelism.deployed = Some(now);
        self.parallelism.growth = None;
        let after = self.current_parallelism();
        let slots = self.slots_by_group();
        if let Some(open) = self.parallelism.history.open() {
            for (id, vertex) in &mut open.vertices {
                vertex.after = after.get(id).copied();
            }
            for (group, rescaled) in &mut open.groups {
                rescaled.after = slots.get(group).copied();
            }
            self.parallelism.history.end(RescaleEnd::Completed, now);
        }
    }

    /// Takes note of a failure: all tasks stop, as they were to.
    pub(super) fn note_failure_in_change(&mut self, cause: &FailureCause, now: Timestamp) {
        let _ = self.coordinator.take_rescale_checkpoint();
        self.parallelism.wait = None;
        self.parallelism.growth = None;
        if self.parallelism.change.is_some() {
            self.parallelism.change = Some(Change::Stopping);
        } else if self.options.scheduler.adaptive().is_some() {
            self.parallelism.history.end(RescaleEnd::Failed(cause.to_string()), now);
            self.note_rescale(RescaleTrigger::RecoverableFailover, now);
        }
    }

    /// Takes note that the job has ended or failed in the midst of a change.
    pub(super) fn note_change_over(&mut self, reason: &'static str, now: Timestamp) {
        self.parallelism.change = None;
        self.parallelism.growth = None;
        self.parallelism.wait = None;
        self.parallelism.history.end(RescaleEnd::Ignored(reason), now);
    }

    pub(super) fn note_rescale(&mut self, trigger: RescaleTrigger, now: Timestamp) {
        let has_run = self.parallelism.deployed.is_some();
        let slots = self.slots_by_group();
        let vertices = self.graph.vertices.iter().map(|vertex| {
            let bounds = self.parallelism.bounds.get(&vertex.id).copied();
            let bounds = bounds.unwrap_or(ParallelismBounds { lower: 1, upper: 1 });
            let rescaled = RescaledVertex {
                name: vertex.name.clone(),
                group: vertex.slot_sharing_group.clone(),
                desired: bounds.upper,
                sufficient: bounds.lower,
                before: has_run.then_some(vertex.parallelism),
                after: None,
            };
            (vertex.id, rescaled)
        });
        let vertices = vertices.collect();
        let groups = bounds_of_groups(&self.graph, &self.parallelism.bounds);
        let groups = groups.into_iter().map(|(group, bounds)| {
            let before = slots.get(&group).copied().filter(|_| has_run);
            let (desired, minimal) = (bounds.upper, bounds.lower);
            (group, RescaledGroup { desired, minimal, before, after: None })
        });
        self.parallelism.history.begin(Rescale {
            number: 0,
            requirements: self.parallelism.requirements,
            trigger,
            started: now,
            ended: None,
            vertices,
            groups: groups.collect(),
        });
    }

    fn slots_by_group(&self) -> BTreeMap<String, u32> {
        let slots = self.graph.slots_by_group();
        slots.into_iter().map(|(group, slots)| (group.to_owned(), slots)).collect()
    }
}

/// Returns the time a while after another.
fn after(time: Timestamp, pause: Duration) -> Timestamp {
    time.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}
