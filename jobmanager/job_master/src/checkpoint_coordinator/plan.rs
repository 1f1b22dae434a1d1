//! Which tasks take part in a checkpoint.

use std::collections::BTreeSet;

use sciurus_core::graph::{ExchangeMode, JobGraph};
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId, SubtaskIndex};

use super::CheckpointFailure;
use crate::ExecutionState;
use crate::execution_graph::{Execution, ExecutionGraph, ExecutionVertex};

/// The tasks of a job as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tasks<'a> {
    pub(crate) graph: &'a JobGraph,
    pub(crate) executions: &'a ExecutionGraph,
}

impl Tasks<'_> {
    /// Returns those of these attempts that run and count.
    pub(crate) fn running(
        &self,
        attempts: impl IntoIterator<Item = ExecutionAttemptId>,
    ) -> Vec<ExecutionAttemptId> {
        attempts
            .into_iter()
            .filter(|attempt| {
                let execution = self.executions.execution(*attempt);
                execution.is_some_and(|e| e.state() == ExecutionState::Running)
            })
            .collect()
    }

    /// Returns the attempts that run.
    pub(crate) fn all_running(&self) -> Vec<ExecutionAttemptId> {
        let subtasks = self.executions.subtasks().iter();
        subtasks
            .map(ExecutionVertex::current)
            .filter(|execution| execution.state() == ExecutionState::Running)
            .map(Execution::id)
            .collect()
    }

    /// Says whether every task runs or has finished, and some run.
    pub(crate) fn are_up(&self) -> bool {
        let mut some_run = false;
        self.executions.subtasks().iter().all(|subtask| match subtask.current().state() {
            ExecutionState::Running => {
                some_run = true;
                true
            }
            state => state == ExecutionState::Finished,
        }) && some_run
    }
}

/// Which tasks take part in a checkpoint: by the rules of Flink's `DefaultCheckpointPlanCalculator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointPlan {
    /// The tasks that barriers are sent to: those that run and that no running task sends to.
    pub(crate) triggered: Vec<ExecutionAttemptId>,
    /// The tasks that acknowledge: all that run.
    pub(crate) running: BTreeSet<ExecutionAttemptId>,
    /// The subtasks that have finished.
    pub(crate) finished: BTreeSet<ExecutionVertexId>,
}

impl CheckpointPlan {
    /// Decides which tasks take part in a checkpoint that is triggered now.
    pub(crate) fn new(tasks: &Tasks<'_>, after_finish: bool) -> Result<Self, CheckpointFailure> {
        let executions = tasks.executions;
        if tasks.graph.edges.iter().any(|edge| edge.exchange == ExchangeMode::Blocking) {
            return Err(CheckpointFailure::BlockingExchange);
        }
        let mut plan =
            Self { triggered: Vec::new(), running: BTreeSet::new(), finished: BTreeSet::new() };
        for subtask in executions.subtasks() {
            let execution = subtask.current();
            match execution.state() {
                ExecutionState::Running => {
                    plan.running.insert(execution.id());
                }
                ExecutionState::Finished => {
                    plan.finished.insert(subtask.id());
                }
                _ => return Err(CheckpointFailure::NotAllTasksRunning),
            }
        }
        if plan.running.is_empty() {
            return Err(CheckpointFailure::NotAllTasksRunning);
        }
        if !after_finish && !plan.finished.is_empty() {
            return Err(CheckpointFailure::TasksFinished);
        }
        let first = |attempt: &&ExecutionAttemptId| !plan.has_running_producer(tasks, attempt);
        plan.triggered = plan.running.iter().filter(first).copied().collect();
        Ok(plan)
    }

    fn has_running_producer(&self, tasks: &Tasks<'_>, attempt: &ExecutionAttemptId) -> bool {
        tasks.graph.inputs_of(attempt.vertex).any(|edge| {
            let Some(wiring) = tasks.graph.wiring(edge) else { return false };
            wiring.producers_of(attempt.subtask).iter().any(|subtask: SubtaskIndex| {
                !self.finished.contains(&ExecutionVertexId { vertex: edge.source_vertex, subtask })
            })
        })
    }
}
