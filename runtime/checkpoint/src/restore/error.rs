//! Why a job can't be restored from a checkpoint.

use std::fmt;

use sciurus_core::graph::ChainedOperator;
use sciurus_core::ids::OperatorId;

use crate::metadata::OperatorState;

/// State of an operator, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Homeless {
    /// The operator's id.
    pub id: OperatorId,
    /// The `uid` that the user gave.
    pub uid: Option<String>,
    /// What it was called.
    pub name: String,
    /// How many bytes its state is.
    pub bytes: u64,
}

impl Homeless {
    pub(super) fn of(state: &OperatorState) -> Self {
        let bytes = state.bytes();
        Self { id: state.id, uid: state.uid.clone(), name: state.name.clone(), bytes }
    }

    /// Goes by what the operator is called now.
    pub(super) fn named(self, operator: &ChainedOperator) -> Self {
        Self { name: operator.name.clone(), uid: operator.uid.clone(), ..self }
    }
}

impl fmt::Display for Homeless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, uid, name, bytes } = self;
        match uid {
            Some(uid) => write!(formatter, "'{name}' (uid '{uid}', id {id}, {bytes} bytes)"),
            None => write!(formatter, "'{name}' (without uid, id {id}, {bytes} bytes)"),
        }
    }
}

fn list(states: &[Homeless]) -> String {
    states.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Says why not, and how to go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The job has no operator for some state.
    #[error(
        "the job has no operator for the state of {}; give the operator the same uid again \
         (operators without uid are found by their place in the job), or go on without that state: \
         --allowNonRestoredState (execution.state-recovery.ignore-unclaimed-state: true)",
        list(states)
    )]
    NoOperator {
        /// The state.
        states: Vec<Homeless>,
    },
    /// The maximum parallelism differs, by which keys are spread.
    #[error(
        "the keyed state of {operator} was written with maximum parallelism {checkpoint}, the job \
         has {job}: it can't be changed; set it to {checkpoint} (set_max_parallelism of the \
         operator, or pipeline.max-parallelism)"
    )]
    MaxParallelism {
        /// The operator.
        operator: Homeless,
        /// That of the checkpoint.
        checkpoint: u32,
        /// That of the job.
        job: u32,
    },
    /// There are more subtasks than key groups.
    #[error(
        "{operator} has parallelism {parallelism}, which is above its maximum parallelism \
         {max_parallelism}: use at most {max_parallelism}"
    )]
    Parallelism {
        /// The operator.
        operator: Homeless,
        /// Its parallelism.
        parallelism: u32,
        /// Its maximum.
        max_parallelism: u32,
    },
    /// Two subtasks have the same key group.
    #[error(
        "key group {group} of {operator} is in the state of more than one subtask: the checkpoint \
         is unusable; use an older one"
    )]
    Overlap {
        /// The operator.
        operator: Homeless,
        /// The key group.
        group: u32,
    },
    /// A chain would have finished in part.
    #[error(
        "'{finished}' had finished when the checkpoint was taken, and is now chained to \
         '{unfinished}' in '{vertex}', which hadn't: a chain runs as a whole; start a new chain \
         between them (start_new_chain)"
    )]
    PartlyFinished {
        /// The chain.
        vertex: String,
        /// An operator that had finished.
        finished: String,
        /// One that hadn't.
        unfinished: String,
    },
}
