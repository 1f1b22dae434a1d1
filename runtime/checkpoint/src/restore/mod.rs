//! Which state of a checkpoint goes to which subtask of a job: at any parallelism, by operator id.
//!
//! Pure: nothing is read.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::graph::{ChainedOperator, JobGraph, JobVertex};
use sciurus_core::ids::{JobVertexId, OperatorId};
use sciurus_core::key::KeyGroupRange;

pub use error::{Homeless, RestoreError};

use crate::metadata::{CheckpointMetadata, OperatorRestore, OperatorState, SubtaskRestore};

/// Says what each subtask of a job starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePlan {
    checkpoint: CheckpointId,
    vertices: BTreeMap<JobVertexId, VertexPlan>,
    operators: BTreeMap<OperatorId, OperatorState>,
    left_out: Vec<Homeless>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct VertexPlan {
    parallelism: u32,
    operators: Vec<OperatorId>,
    is_finished: bool,
}

/// Plans the restore of a job from a checkpoint.
///
/// # Errors
/// Where state has no operator in the job, unless that is allowed, or can't be shared out among its
/// subtasks.
pub fn plan(
    metadata: &CheckpointMetadata,
    graph: &JobGraph,
    allow_non_restored: bool,
) -> Result<RestorePlan, RestoreError> {
    let known: BTreeSet<_> =
        operators_of(graph).map(|(_, operator)| operator.operator_id).collect();
    let homeless = metadata.operators.iter().filter(|operator| operator.has_state());
    let homeless = homeless.filter(|operator| !known.contains(&operator.id));
    let left_out: Vec<_> = homeless.map(Homeless::of).collect();
    if !left_out.is_empty() && !allow_non_restored {
        return Err(RestoreError::NoOperator { states: left_out });
    }
    let states: BTreeMap<_, _> = metadata.operators.iter().map(|state| (state.id, state)).collect();
    let mut operators = BTreeMap::new();
    for (vertex, operator) in operators_of(graph) {
        if let Some(state) = states.get(&operator.operator_id) {
            check(state, vertex, operator)?;
            operators.insert(state.id, (*state).clone());
        }
    }
    let vertices = graph.vertices.iter().map(|vertex| {
        let ids: Vec<_> = vertex.operators.iter().map(|operator| operator.operator_id).collect();
        let is_finished = |id| operators.get(id).is_some_and(|state| state.is_finished);
        let plan = VertexPlan {
            parallelism: vertex.parallelism,
            is_finished: !ids.is_empty() && ids.iter().all(is_finished),
            operators: ids,
        };
        (vertex.id, plan)
    });
    let vertices = vertices.collect();
    check_finished(&operators, graph)?;
    Ok(RestorePlan { checkpoint: metadata.id, vertices, operators, left_out })
}

impl RestorePlan {
    /// Returns the checkpoint that is restored from.
    pub fn checkpoint(&self) -> CheckpointId {
        self.checkpoint
    }

    /// Returns the state that no operator takes and that is left out.
    pub fn left_out(&self) -> &[Homeless] {
        &self.left_out
    }

    /// Returns what a subtask starts with: handles of all that overlaps its key groups, its own
    /// operator state, or that of all former subtasks where it has to be shared out anew.
    pub fn subtask(&self, vertex: JobVertexId, subtask: u32) -> SubtaskRestore {
        let mut restore =
            SubtaskRestore { checkpoint: self.checkpoint, ..SubtaskRestore::default() };
        let Some(plan) = self.vertices.get(&vertex) else { return restore };
        restore.is_finished = plan.is_finished;
        for id in &plan.operators {
            if let Some(state) = self.operators.get(id) {
                restore.operators.insert(*id, share(state, subtask, plan.parallelism));
            }
        }
        restore
    }

    /// Returns the state of a source's enumerator, if the checkpoint has any.
    pub fn enumerator(&self, operator: OperatorId) -> Option<Bytes> {
        self.operators.get(&operator)?.enumerator.clone()
    }
}

fn operators_of(graph: &JobGraph) -> impl Iterator<Item = (&JobVertex, &ChainedOperator)> {
    graph
        .vertices
        .iter()
        .flat_map(|vertex| vertex.operators.iter().map(move |operator| (vertex, operator)))
}

/// Checks that an operator can take its state.
fn check(
    state: &OperatorState,
    vertex: &JobVertex,
    operator: &ChainedOperator,
) -> Result<(), RestoreError> {
    let named = || Homeless::of(state).named(operator);
    let mut keyed = state.subtasks.values().filter_map(|subtask| subtask.keyed.as_ref()).peekable();
    if keyed.peek().is_some() && state.max_parallelism != vertex.max_parallelism {
        // Key groups are counted by it.
        return Err(RestoreError::MaxParallelism {
            operator: named(),
            checkpoint: state.max_parallelism,
            job: vertex.max_parallelism,
        });
    }
    if vertex.parallelism > vertex.max_parallelism {
        return Err(RestoreError::Parallelism {
            operator: named(),
            parallelism: vertex.parallelism,
            max_parallelism: vertex.max_parallelism,
        });
    }
    let mut ranges: Vec<_> = keyed
        .map(crate::handle::KeyedStateHandle::range)
        .filter(|range| !range.is_empty())
        .collect();
    ranges.sort_by_key(|range| range.start);
    for pair in ranges.windows(2) {
        if pair[0].end > pair[1].start {
            return Err(RestoreError::Overlap { operator: named(), group: pair[1].start });
        }
    }
    Ok(())
}

/// A chain runs as a whole or not at all: what had finished can't be chained to what hadn't.
fn check_finished(
    operators: &BTreeMap<OperatorId, OperatorState>,
    graph: &JobGraph,
) -> Result<(), RestoreError> {
    for vertex in &graph.vertices {
        let finished = |operator: &&ChainedOperator| {
            operators.get(&operator.operator_id).is_some_and(|state| state.is_finished)
        };
        let with_state =
            |operator: &&ChainedOperator| operators.contains_key(&operator.operator_id);
        let Some(done) = vertex.operators.iter().find(finished) else { continue };
        let left = vertex.operators.iter().filter(with_state).find(|operator| !finished(operator));
        let left = left.or_else(|| vertex.operators.iter().find(|operator| !finished(operator)));
        if let Some(left) = left {
            return Err(RestoreError::PartlyFinished {
                vertex: vertex.name.clone(),
                finished: done.name.clone(),
                unfinished: left.name.clone(),
            });
        }
    }
    Ok(())
}

/// Returns what one of `parallelism` new subtasks gets of an operator's state.
fn share(state: &OperatorState, subtask: u32, parallelism: u32) -> OperatorRestore {
    let handles = || state.subtasks.iter();
    let keyed = if handles().any(|(_, state)| state.keyed.is_some()) {
        let own = KeyGroupRange::of_subtask(subtask, parallelism, state.max_parallelism);
        let keyed = handles().filter_map(|(_, state)| state.keyed.as_ref());
        keyed.filter(|handle| overlap(handle.range(), own)).cloned().collect()
    } else {
        Vec::new()
    };
    let has_union =
        handles().any(|(_, state)| state.operator.as_ref().is_some_and(|state| state.has_union));
    // What isn't shared out anew stays with the subtask of the same index.
    let needs_all = has_union || parallelism != state.parallelism;
    let operator = handles().filter(|(index, _)| needs_all || **index == subtask);
    let operator = operator.filter_map(|(index, state)| Some((*index, state.operator.clone()?)));
    OperatorRestore { keyed, operator: operator.collect(), old_parallelism: state.parallelism }
}

fn overlap(one: KeyGroupRange, other: KeyGroupRange) -> bool {
    one.start.max(other.start) < one.end.min(other.end)
}
