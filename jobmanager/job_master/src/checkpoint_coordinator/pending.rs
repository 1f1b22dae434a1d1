//! A checkpoint that isn't complete.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sciurus_checkpoint::{CheckpointMetadata, OperatorState, SubtaskState};
use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId, JobId, OperatorId, SubtaskIndex};
use sciurus_core::time::Timestamp;

use super::plan::CheckpointPlan;
use super::request::Requester;

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The enumerators of the sources are asked for their state.
    Sources,
    /// Tasks take their snapshots.
    Tasks,
    /// All is in, and its metadata is being written.
    Writing,
}

/// A checkpoint that isn't complete.
#[derive(Clone, Debug)]
pub(crate) struct PendingCheckpoint {
    pub(crate) id: CheckpointId,
    pub(crate) kind: SnapshotKind,
    pub(crate) timestamp: Timestamp,
    pub(crate) alignment: Alignment,
    pub(crate) exclusive: String,
    pub(crate) shared: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) plan: CheckpointPlan,
    /// The tasks whose acknowledgement is missing.
    pub(crate) missing: BTreeSet<ExecutionAttemptId>,
    /// The tasks that had come to their end before it began: they end with it.
    pub(crate) ending: BTreeSet<ExecutionAttemptId>,
    /// The subtasks that have nothing to do any more: they have finished, or were restored as such.
    pub(crate) finished: BTreeSet<ExecutionVertexId>,
    pub(crate) states: BTreeMap<ExecutionVertexId, SubtaskState>,
    pub(crate) enumerators: BTreeMap<OperatorId, Bytes>,
    pub(crate) request: Option<Requester>,
}

impl PendingCheckpoint {
    /// Returns what is sent to the tasks that begin.
    pub(crate) fn barrier(&self) -> CheckpointBarrier {
        CheckpointBarrier {
            id: self.id,
            timestamp: self.timestamp,
            kind: self.kind,
            alignment: self.alignment,
            exclusive: self.exclusive.clone(),
            shared: self.shared.clone(),
        }
    }

    /// Puts together what it holds, all being in.
    pub(crate) fn metadata(&self, job: JobId, graph: &JobGraph) -> CheckpointMetadata {
        let mut operators = Vec::new();
        for vertex in &graph.vertices {
            let subtasks = (0..vertex.parallelism)
                .map(|index| ExecutionVertexId { vertex: vertex.id, subtask: SubtaskIndex(index) });
            let is_finished = subtasks.clone().all(|s| self.finished.contains(&s));
            for operator in &vertex.operators {
                let states = subtasks.clone().filter_map(|subtask| {
                    let state = self.states.get(&subtask)?.operators.get(&operator.operator_id)?;
                    Some((subtask.subtask.0, state.clone()))
                });
                operators.push(OperatorState {
                    id: operator.operator_id,
                    uid: operator.uid.clone(),
                    name: operator.name.clone(),
                    parallelism: vertex.parallelism,
                    max_parallelism: vertex.max_parallelism,
                    subtasks: states.collect(),
                    enumerator: self.enumerators.get(&operator.operator_id).cloned(),
                    is_finished,
                });
            }
        }
        CheckpointMetadata {
            job,
            job_name: graph.job_name.clone(),
            id: self.id,
            kind: self.kind,
            timestamp: self.timestamp,
            exclusive: self.exclusive.clone(),
            operators,
        }
    }
}
