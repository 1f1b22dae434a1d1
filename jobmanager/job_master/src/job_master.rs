//! Decides what is run, cancelled and restarted.

mod failover;
mod protocol;
mod rescaling;
mod scheduling;
mod task_reports;

use std::collections::{BTreeMap, BTreeSet};

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{JobId, JobVertexId};
use sciurus_core::time::Timestamp;

use crate::checkpoint_coordinator::{
    CheckpointCoordinator, CheckpointFailure, CheckpointStatistics, Tasks,
};
use crate::execution_graph::{ExecutionGraph, SubtaskPosition};
use crate::failure::{ExceptionHistory, FailureCause, JobFailure};
use crate::region::PipelinedRegions;
use crate::rescale::{ParallelismBounds, RescaleHistory, Scheduler};
use crate::restart::RestartStrategy;
use crate::slots::SlotBook;
use crate::{JobStatus, Lifecycle};
use failover::PendingRestart;
use rescaling::Parallelism;
use scheduling::SlotWait;

pub use protocol::{Action, Event, JobMasterOptions, Timer, TimerId};
pub use scheduling::SlotShortage;

#[cfg(test)]
mod checkpoint_tests;
#[cfg(test)]
mod tests;

/// The master of one job: takes [`Event`]s, answers with [`Action`]s.
///
/// A task that fails is run again with all that share its pipelined region, once all of these have
/// stopped and the restart strategy's delay is over; other regions go on. All tasks that wait to
/// run are deployed together, when there are slots for all of them. Each attempt has an id of its
/// own, and news of an attempt that doesn't count any more changes nothing.
#[derive(Debug)]
pub struct JobMaster {
    job_id: JobId,
    graph: JobGraph,
    executions: ExecutionGraph,
    regions: PipelinedRegions,
    lifecycle: Lifecycle<JobStatus>,
    options: JobMasterOptions,
    slots: SlotBook,
    /// The subtasks that wait to be deployed.
    scheduled: BTreeSet<SubtaskPosition>,
    slot_wait: Option<SlotWait>,
    restart_strategy: Box<dyn RestartStrategy>,
    pending_restarts: Vec<PendingRestart>,
    /// Finished subtasks whose kept results were lost with their TaskManager.
    lost_results: BTreeSet<SubtaskPosition>,
    restarts: u64,
    timers: u64,
    failure: Option<JobFailure>,
    exceptions: ExceptionHistory,
    coordinator: CheckpointCoordinator,
    parallelism: Parallelism,
}

impl JobMaster {
    /// Takes a job over; nothing runs before [`Event::Start`].
    pub fn new(
        job_id: JobId,
        graph: JobGraph,
        restart_strategy: Box<dyn RestartStrategy>,
        mut options: JobMasterOptions,
        now: Timestamp,
    ) -> Self {
        let history_size = options.attempts_history_size;
        let bounds = graph
            .vertices
            .iter()
            .map(|vertex| (vertex.id, ParallelismBounds { lower: 1, upper: vertex.parallelism }))
            .collect();
        let history = options.scheduler.adaptive().map_or(0, |options| options.history_size);
        let executions = ExecutionGraph::new(&graph, options.execution_graph_id, history_size, now);
        Self {
            job_id,
            regions: PipelinedRegions::of(&graph, &executions),
            graph,
            executions,
            lifecycle: Lifecycle::new(JobStatus::Initializing, now),
            exceptions: ExceptionHistory::new(options.exception_history_size),
            coordinator: CheckpointCoordinator::new(
                job_id,
                options.execution_graph_id,
                options.checkpointing.clone(),
                std::mem::take(&mut options.initial),
            ),
            options,
            slots: SlotBook::default(),
            scheduled: BTreeSet::new(),
            slot_wait: None,
            restart_strategy,
            pending_restarts: Vec::new(),
            lost_results: BTreeSet::new(),
            restarts: 0,
            timers: 0,
            failure: None,
            parallelism: Parallelism::new(bounds, history),
        }
    }

    /// Takes note of an event and returns what is to be done about it, in order.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::SlotsGranted(grants) => self.take_slots(grants, now, &mut actions),
            Event::TaskStateChanged { attempt, state, failure } => {
                self.note_report(attempt, state, failure, now, &mut actions);
            }
            Event::CheckpointAcknowledged { attempt, checkpoint, acknowledgement } => {
                let tasks = Tasks { graph: &self.graph, executions: &self.executions };
                let part = *acknowledgement;
                self.coordinator.acknowledge(attempt, checkpoint, part, &tasks, now, &mut actions);
            }
            Event::CheckpointWritten { checkpoint, result } => {
                self.coordinate(now, &mut actions, |coordinator, tasks, actions| {
                    coordinator.written(checkpoint, result, tasks, now, actions)
                });
                self.go_on(now, &mut actions);
            }
            Event::SnapshotRequested { request, kind, target } => {
                self.coordinate(now, &mut actions, |coordinator, tasks, actions| {
                    coordinator.request(request, kind, target, tasks, now, actions)
                });
            }
            Event::RescaleRequested { request, parallelism } => {
                self.rescale(request, parallelism, now, &mut actions);
            }
            _ if self.status().is_terminal() => {}
            Event::Start => self.start(now, &mut actions),
            Event::TaskManagerLost { task_manager, cause } => {
                self.slots.lose(&task_manager);
                self.lose_tasks_at(&task_manager, &cause, now, &mut actions);
            }
            Event::WorkerLost { task_manager, cause } => {
                self.lose_tasks_at(&task_manager, &cause, now, &mut actions);
            }
            Event::GlobalFailure(cause) => self.fail_globally(cause, now, &mut actions),
            Event::CancelRequested => self.cancel(now, &mut actions),
            Event::TimerFired(timer) => self.note_timer(timer, now, &mut actions),
            Event::CheckpointDeclined { attempt, checkpoint, reason } => {
                self.coordinate(now, &mut actions, |coordinator, tasks, actions| {
                    coordinator.decline(attempt, checkpoint, &reason, tasks, now, actions)
                });
            }
            Event::EndOfData(attempt) => {
                self.coordinate(now, &mut actions, |coordinator, tasks, actions| {
                    coordinator.end_of_data(attempt, tasks, now, actions)
                });
            }
            Event::SourcesSnapshotted { checkpoint, result } => {
                self.coordinate(now, &mut actions, |coordinator, tasks, actions| {
                    coordinator.sources_snapshotted(checkpoint, result, tasks, now, actions)
                });
            }
            Event::RestoreFailed { checkpoint, reason } => {
                self.coordinate(now, &mut actions, |coordinator, _, _| {
                    coordinator.restore_failed(checkpoint, &reason)
                });
            }
            Event::SlotsAvailable(free) => self.note_free_slots(free, now, &mut actions),
        }
        actions
    }

    /// Returns the job's id.
    pub fn job_id(&self) -> JobId {
        self.job_id
    }

    /// Returns the job's graph.
    pub fn graph(&self) -> &JobGraph {
        &self.graph
    }

    /// Returns the job's status.
    pub fn status(&self) -> JobStatus {
        self.lifecycle.current()
    }

    /// Returns when the job entered each status.
    pub fn lifecycle(&self) -> &Lifecycle<JobStatus> {
        &self.lifecycle
    }

    /// Returns the subtasks with their attempts.
    pub fn execution_graph(&self) -> &ExecutionGraph {
        &self.executions
    }

    /// Returns the division of the subtasks into regions that restart together.
    pub fn regions(&self) -> &PipelinedRegions {
        &self.regions
    }

    /// Returns the restart strategy, to be shown.
    pub fn restart_strategy(&self) -> &dyn RestartStrategy {
        self.restart_strategy.as_ref()
    }

    /// Returns how often the job was restarted (the metric `numRestarts`).
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Returns the latest failures.
    pub fn exceptions(&self) -> &ExceptionHistory {
        &self.exceptions
    }

    /// Returns what is shown of the job's checkpoints.
    pub fn checkpoints(&self) -> &CheckpointStatistics {
        self.coordinator.statistics()
    }

    /// Returns how many subtasks each vertex may have.
    pub fn requirements(&self) -> &BTreeMap<JobVertexId, ParallelismBounds> {
        &self.parallelism.bounds
    }

    /// Returns how the job deals with slots that come and go.
    pub fn scheduler(&self) -> &Scheduler {
        &self.options.scheduler
    }

    /// Returns the latest changes of the job's parallelism.
    pub fn rescales(&self) -> &RescaleHistory {
        &self.parallelism.history
    }

    /// Returns why the job is failing or has failed.
    pub fn failure(&self) -> Option<&JobFailure> {
        self.failure.as_ref()
    }

    fn set_status(&mut self, next: JobStatus, now: Timestamp, actions: &mut Vec<Action>) {
        let result = self.lifecycle.transition(next, now);
        debug_assert!(result.is_ok(), "{result:?}");
        if result.is_ok() {
            actions.push(Action::ReportStatus(next));
        }
    }

    /// Lets the coordinator of checkpoints do something, which may be too much for the job.
    pub(super) fn coordinate(
        &mut self,
        now: Timestamp,
        actions: &mut Vec<Action>,
        act: impl FnOnce(
            &mut CheckpointCoordinator,
            &Tasks<'_>,
            &mut Vec<Action>,
        ) -> Option<FailureCause>,
    ) {
        let tasks = Tasks { graph: &self.graph, executions: &self.executions };
        if let Some(cause) = act(&mut self.coordinator, &tasks, actions) {
            self.fail_globally(cause, now, actions);
        }
        self.go_on_with_change(now, actions);
    }

    /// Gives up all checkpoints that are under way.
    pub(super) fn suspend_checkpoints(
        &mut self,
        reason: &CheckpointFailure,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let tasks = Tasks { graph: &self.graph, executions: &self.executions };
        self.coordinator.suspend(reason, &tasks, now, actions);
    }

    fn next_timer(&mut self) -> TimerId {
        self.timers += 1;
        TimerId(self.timers)
    }

    fn note_timer(&mut self, timer: Timer, now: Timestamp, actions: &mut Vec<Action>) {
        match timer {
            Timer::Restart(id) => self.note_restart_timer(id, now, actions),
            Timer::SlotRequest(id) => self.note_slot_timer(id, now, actions),
            Timer::Checkpoint(id) => {
                self.coordinate(now, actions, |coordinator, tasks, actions| {
                    coordinator.on_timer(id, tasks, now, actions)
                });
            }
            Timer::CheckpointTimeout(id) => {
                self.coordinate(now, actions, |coordinator, tasks, actions| {
                    coordinator.on_timeout(id, tasks, now, actions)
                });
                self.go_on(now, actions);
            }
            Timer::Resources(id) => self.note_resource_timer(id, now, actions),
        }
    }

    fn cancel(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.status() == JobStatus::Cancelling {
            return;
        }
        self.set_status(JobStatus::Cancelling, now, actions);
        self.note_change_over("JOB_CANCELED", now);
        self.suspend_checkpoints(&CheckpointFailure::Suspended, now, actions);
        self.stop_everything(now, actions);
    }

    /// Stops all tasks, and then the job.
    fn stop_everything(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for position in 0..self.executions.subtasks().len() {
            self.cancel_task(position, now, actions);
        }
        self.request_slots(now, actions);
        self.go_on(now, actions);
    }

    /// Draws the consequences of tasks having ended.
    fn go_on(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let end = match self.status() {
            JobStatus::Cancelling if self.executions.is_all_terminal() => JobStatus::Canceled,
            JobStatus::Failing if self.executions.is_all_terminal() => JobStatus::Failed,
            JobStatus::Running if self.executions.is_all_finished() => JobStatus::Finished,
            JobStatus::Running | JobStatus::Restarting | JobStatus::Created => {
                self.restart_what_has_stopped(now, actions);
                return;
            }
            _ => return,
        };
        let tasks = Tasks { graph: &self.graph, executions: &self.executions };
        self.coordinator.prepare_end(end, &tasks, now, actions);
        if self.coordinator.is_anything_written() {
            return;
        }
        self.coordinator.end(end, actions);
        self.note_change_over("JOB_FINISHED", now);
        let allocations = self.slots.release();
        if !allocations.is_empty() {
            actions.push(Action::ReleaseSlots(allocations));
        }
        self.set_status(end, now, actions);
        let failure = (end == JobStatus::Failed).then(|| self.failure.clone()).flatten();
        actions.push(Action::JobReachedTerminal { status: end, failure });
    }
}
