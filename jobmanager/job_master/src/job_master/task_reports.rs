//! What tasks report, and how they are stopped.

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_core::time::Timestamp;

use super::{Action, JobMaster};
use crate::ExecutionState;
use crate::execution_graph::SubtaskPosition;
use crate::failure::{Failure, FailureCause, Fault};

impl JobMaster {
    /// Takes note of what a task reports; what comes from an attempt that doesn't count changes
    /// nothing, but if it runs it is told to stop.
    pub(super) fn note_report(
        &mut self,
        attempt: ExecutionAttemptId,
        reported: ExecutionState,
        failure: Option<FailureCause>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let current = self
            .executions
            .position_of(attempt.execution_vertex())
            .map(|position| (position, self.executions.subtasks()[position].current()))
            .filter(|(_, execution)| execution.id() == attempt)
            .map(|(position, execution)| (position, execution.state()));
        match current {
            Some((position, state)) if state.is_deployed() => {
                self.note_current_report(position, state, reported, failure, now, actions);
            }
            _ if reported.is_terminal() => {}
            _ => actions.push(Action::CancelTask { attempt }),
        }
    }

    fn note_current_report(
        &mut self,
        position: SubtaskPosition,
        state: ExecutionState,
        reported: ExecutionState,
        failure: Option<FailureCause>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        match (state, reported) {
            // However it ended: it was told to stop, and has.
            (ExecutionState::Canceling, _) if reported.is_terminal() => {
                if let (ExecutionState::Failed, Some(cause)) = (reported, failure) {
                    let task = self.failed_task(position);
                    self.exceptions.add_concurrent(Failure { cause, timestamp: now, task });
                }
                self.end_task(position, ExecutionState::Canceled, now);
                self.go_on(now, actions);
            }
            (_, ExecutionState::Finished) => {
                let finished = ExecutionState::Finished;
                let result = self.executions.update(position, |e| e.advance(finished, now));
                debug_assert!(result.is_ok(), "{result:?}");
                let attempt = self.executions.subtasks()[position].current().id();
                self.coordinate(now, actions, |coordinator, tasks, actions| {
                    coordinator.task_finished(attempt, tasks, now, actions)
                });
                self.go_on(now, actions);
            }
            (_, ExecutionState::Failed | ExecutionState::Canceled) => {
                let cause = failure.unwrap_or_else(|| unexplained(reported));
                let task = self.failed_task(position);
                let result = self.executions.update(position, |e| e.fail(cause.clone(), now));
                debug_assert!(result.is_ok(), "{result:?}");
                self.fail_subtasks([position], cause, task, now, actions);
            }
            (ExecutionState::Deploying, ExecutionState::Initializing)
            | (
                ExecutionState::Deploying
                | ExecutionState::Initializing
                | ExecutionState::Reconciling,
                ExecutionState::Running,
            ) => {
                let result = self.executions.update(position, |e| e.advance(reported, now));
                debug_assert!(result.is_ok(), "{result:?}");
                self.coordinate(now, actions, |coordinator, tasks, actions| {
                    coordinator.tasks_changed(tasks, now, actions)
                });
            }
            // Old news.
            _ => {}
        }
    }

    /// Stops a task; one that was never deployed has stopped at once.
    pub(super) fn cancel_task(
        &mut self,
        position: SubtaskPosition,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let execution = self.executions.subtasks()[position].current();
        let (attempt, state) = (execution.id(), execution.state());
        match state {
            ExecutionState::Created | ExecutionState::Scheduled => {
                self.end_task(position, ExecutionState::Canceled, now);
            }
            ExecutionState::Deploying
            | ExecutionState::Initializing
            | ExecutionState::Running
            | ExecutionState::Reconciling => {
                self.end_task(position, ExecutionState::Canceling, now);
                actions.push(Action::CancelTask { attempt });
            }
            ExecutionState::Finished
            | ExecutionState::Canceling
            | ExecutionState::Canceled
            | ExecutionState::Failed => {}
        }
    }

    /// Brings a task to its end or on the way there.
    pub(super) fn end_task(
        &mut self,
        position: SubtaskPosition,
        state: ExecutionState,
        now: Timestamp,
    ) {
        self.scheduled.remove(&position);
        let result = self.executions.update(position, |e| e.transition(state, now));
        debug_assert!(result.is_ok(), "{result:?}");
    }
}

fn unexplained(reported: ExecutionState) -> FailureCause {
    let message = match reported {
        ExecutionState::Canceled => "the task stopped though nobody had told it to",
        _ => "the task failed and gave no reason",
    };
    FailureCause::new(Fault::Bug, "UnexplainedEnd", message)
}
