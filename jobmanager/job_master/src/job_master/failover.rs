//! From failures to restarts, or to the end of the job.

use std::collections::BTreeSet;

use sciurus_core::ids::TaskManagerId;
use sciurus_core::time::Timestamp;

use super::{Action, JobMaster, Timer, TimerId};
use crate::checkpoint_coordinator::CheckpointFailure;
use crate::execution_graph::SubtaskPosition;
use crate::failure::{FailedTask, Failure, FailureCause, JobFailure};
use crate::{ExecutionState, JobStatus};

/// Subtasks that are run again once they have stopped and the delay is over.
#[derive(Clone, Debug)]
pub(super) struct PendingRestart {
    pub(super) timer: TimerId,
    pub(super) is_delay_over: bool,
    pub(super) subtasks: BTreeSet<SubtaskPosition>,
}

impl JobMaster {
    /// Decides what follows from the failure of some subtasks, which have ended or are to be ended.
    pub(super) fn fail_subtasks(
        &mut self,
        failed: impl IntoIterator<Item = SubtaskPosition>,
        cause: FailureCause,
        task: Option<FailedTask>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let failure = Failure { cause, timestamp: now, task };
        match self.status() {
            JobStatus::Initializing
            | JobStatus::Created
            | JobStatus::Running
            | JobStatus::Restarting
            | JobStatus::Reconciling => {}
            // The job is ending already: the first cause stays the cause.
            _ => {
                self.exceptions.add_concurrent(failure);
                self.go_on(now, actions);
                return;
            }
        }
        // What the savepoint has let take effect that the job ends with, only it knows of.
        let is_everything = self.coordinator.is_past_stop() || self.restarts_as_a_whole();
        self.suspend_checkpoints(&CheckpointFailure::JobFailover, now, actions);
        self.note_failure_in_change(&failure.cause, now);
        let has_started = self.status() != JobStatus::Initializing;
        if !failure.cause.retriable || !has_started {
            let reason =
                if has_started { "a restart would not help" } else { "the job had not started" };
            let refusal = reason.to_owned();
            self.exceptions.add_root(failure.clone());
            self.fail_job(failure, refusal, now, actions);
            return;
        }
        let is_new = self.restart_strategy.notify_failure(now);
        if is_new {
            self.exceptions.add_root(failure.clone());
        } else {
            self.exceptions.add_concurrent(failure.clone());
        }
        if !self.restart_strategy.can_restart(now) {
            let refusal = format!("Recovery is suppressed by {}", self.restart_strategy);
            self.fail_job(failure, refusal, now, actions);
            return;
        }
        self.restarts += u64::from(is_new);
        let subtasks = if is_everything {
            (0..self.executions.subtasks().len()).collect()
        } else {
            self.regions.to_restart(failed, |input| self.has_result(input))
        };
        self.plan_restart(subtasks, now, actions);
    }

    fn plan_restart(
        &mut self,
        subtasks: BTreeSet<SubtaskPosition>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        // The latest failure decides when a subtask starts again.
        for earlier in &mut self.pending_restarts {
            earlier.subtasks.retain(|subtask| !subtasks.contains(subtask));
        }
        self.pending_restarts.retain(|restart| !restart.subtasks.is_empty());
        if self.status() != JobStatus::Restarting {
            self.set_status(JobStatus::Restarting, now, actions);
        }
        for &subtask in &subtasks {
            // What hasn't begun can stay as it is.
            if self.executions.subtasks()[subtask].current().state() != ExecutionState::Created {
                self.cancel_task(subtask, now, actions);
            }
        }
        let timer = self.next_timer();
        self.pending_restarts.push(PendingRestart { timer, is_delay_over: false, subtasks });
        let delay = self.restart_strategy.backoff(now);
        actions.push(Action::StartTimer { timer: Timer::Restart(timer), delay });
        self.request_slots(now, actions);
        self.deploy_scheduled(now, actions);
    }

    pub(super) fn note_restart_timer(
        &mut self,
        timer: TimerId,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        for restart in &mut self.pending_restarts {
            restart.is_delay_over |= restart.timer == timer;
        }
        self.go_on(now, actions);
    }

    /// Begins new attempts of all that was to be restarted, has stopped and has waited, and
    /// schedules what can run now.
    pub(super) fn restart_what_has_stopped(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let mut is_anything_new = false;
        let mut waiting = Vec::new();
        for restart in std::mem::take(&mut self.pending_restarts) {
            let has_stopped = |subtask: &SubtaskPosition| {
                let state = self.executions.subtasks()[*subtask].current().state();
                state.is_terminal() || state == ExecutionState::Created
            };
            if !restart.is_delay_over || !restart.subtasks.iter().all(has_stopped) {
                waiting.push(restart);
                continue;
            }
            if self.restarts_as_a_whole() {
                self.pending_restarts.clear();
                self.redeploy(false, now, actions);
                return;
            }
            is_anything_new = true;
            for subtask in restart.subtasks {
                self.lost_results.remove(&subtask);
                if self.executions.subtasks()[subtask].current().state().is_terminal() {
                    self.executions.begin_attempt(subtask, now);
                }
            }
        }
        self.pending_restarts = waiting;
        if is_anything_new || self.regions.has_blocking_exchanges() {
            self.schedule_ready_regions(now, actions);
        }
    }

    fn fail_job(
        &mut self,
        failure: Failure,
        refusal: String,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        self.failure = Some(JobFailure { failure, refusal, restarts: self.restarts });
        self.set_status(JobStatus::Failing, now, actions);
        self.note_change_over("JOB_FAILED", now);
        self.stop_everything(now, actions);
    }

    pub(super) fn fail_globally(
        &mut self,
        cause: FailureCause,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        self.fail_subtasks(0..self.executions.subtasks().len(), cause, None, now, actions);
    }

    /// Gives up all that ran on a TaskManager: one failure, however many tasks there were.
    pub(super) fn lose_tasks_at(
        &mut self,
        task_manager: &TaskManagerId,
        cause: &FailureCause,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let mut failed = Vec::new();
        for subtask in 0..self.executions.subtasks().len() {
            let execution = self.executions.subtasks()[subtask].current();
            if execution.slot().is_none_or(|slot| slot.location.id != *task_manager) {
                continue;
            }
            match execution.state() {
                ExecutionState::Finished => {
                    self.lost_results.insert(subtask);
                    if self.is_result_wanted(subtask) {
                        failed.push(subtask);
                    }
                }
                ExecutionState::Canceling => {
                    self.end_task(subtask, ExecutionState::Canceled, now);
                }
                state if state.is_deployed() => {
                    let result = self.executions.update(subtask, |e| e.fail(cause.clone(), now));
                    debug_assert!(result.is_ok(), "{result:?}");
                    failed.push(subtask);
                }
                _ => {}
            }
        }
        // Where its slots are gone, too, tasks that are about to be deployed there need others.
        self.request_slots(now, actions);
        match failed.first() {
            Some(&first) => {
                let task = self.failed_task(first);
                self.fail_subtasks(failed, cause.clone(), task, now, actions);
            }
            None => self.go_on(now, actions),
        }
    }

    /// Says whether anybody still has to read a subtask's kept result.
    fn is_result_wanted(&self, subtask: SubtaskPosition) -> bool {
        let is_finished = |reader: SubtaskPosition| {
            self.executions.subtasks()[reader].current().state() == ExecutionState::Finished
        };
        let readers = self.regions.readers_of(self.regions.region_of(subtask));
        readers.into_iter().any(|reader| !is_finished(reader))
    }

    /// Names a subtask's current attempt for the exception history.
    pub(super) fn failed_task(&self, subtask: SubtaskPosition) -> Option<FailedTask> {
        let execution = self.executions.subtasks()[subtask].current();
        let location = execution.slot().map(|slot| slot.location.clone());
        let name = self.executions.task_name(execution.id())?;
        let parallelism = self.executions.job_vertex_at(subtask).parallelism();
        Some(FailedTask { attempt: execution.id(), name, parallelism, location })
    }
}
