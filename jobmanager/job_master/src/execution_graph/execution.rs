//! One attempt to run a subtask.

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_core::time::Timestamp;

use crate::failure::FailureCause;
use crate::slots::SlotGrant;
use crate::{ExecutionState, IllegalTransition, Lifecycle};

/// One attempt to run a subtask.
#[derive(Clone, Debug)]
pub struct Execution {
    id: ExecutionAttemptId,
    lifecycle: Lifecycle<ExecutionState>,
    slot: Option<SlotGrant>,
    failure: Option<FailureCause>,
}

impl Execution {
    pub(crate) fn new(id: ExecutionAttemptId, now: Timestamp) -> Self {
        let lifecycle = Lifecycle::new(ExecutionState::Created, now);
        Self { id, lifecycle, slot: None, failure: None }
    }

    /// Returns the id of the attempt.
    pub fn id(&self) -> ExecutionAttemptId {
        self.id
    }

    /// Returns the current state.
    pub fn state(&self) -> ExecutionState {
        self.lifecycle.current()
    }

    /// Returns when each state was entered.
    pub fn lifecycle(&self) -> &Lifecycle<ExecutionState> {
        &self.lifecycle
    }

    /// Returns the slot that it was deployed to.
    pub fn slot(&self) -> Option<&SlotGrant> {
        self.slot.as_ref()
    }

    /// Returns why it failed.
    pub fn failure(&self) -> Option<&FailureCause> {
        self.failure.as_ref()
    }

    pub(crate) fn transition(
        &mut self,
        next: ExecutionState,
        now: Timestamp,
    ) -> Result<(), IllegalTransition<ExecutionState>> {
        self.lifecycle.transition(next, now)
    }

    /// Goes through the states up to `reached`: a report of a later one stands for those before.
    pub(crate) fn advance(
        &mut self,
        reached: ExecutionState,
        now: Timestamp,
    ) -> Result<(), IllegalTransition<ExecutionState>> {
        let from = self.state();
        while self.state() != reached {
            let Some(next) = self.state().successor() else {
                return Err(IllegalTransition { from, to: reached });
            };
            self.lifecycle.transition(next, now)?;
        }
        Ok(())
    }

    pub(crate) fn deploy(
        &mut self,
        slot: SlotGrant,
        now: Timestamp,
    ) -> Result<(), IllegalTransition<ExecutionState>> {
        self.lifecycle.transition(ExecutionState::Deploying, now)?;
        self.slot = Some(slot);
        Ok(())
    }

    pub(crate) fn fail(
        &mut self,
        cause: FailureCause,
        now: Timestamp,
    ) -> Result<(), IllegalTransition<ExecutionState>> {
        self.lifecycle.transition(ExecutionState::Failed, now)?;
        self.failure = Some(cause);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::{AttemptNumber, ExecutionGraphId, JobVertexId, SubtaskIndex};

    use super::*;

    fn execution() -> Execution {
        let id = ExecutionAttemptId {
            graph: ExecutionGraphId::from_bytes([1; 16]),
            vertex: JobVertexId::from_bytes([2; 16]),
            subtask: SubtaskIndex(0),
            attempt: AttemptNumber(0),
        };
        Execution::new(id, 1)
    }

    #[test]
    fn a_report_stands_for_the_states_before_it() {
        let mut execution = execution();
        execution.transition(ExecutionState::Scheduled, 2).unwrap();
        execution.advance(ExecutionState::Running, 5).unwrap();
        assert_eq!(execution.lifecycle().entered(ExecutionState::Initializing), Some(5));
        assert_eq!(execution.lifecycle().entered(ExecutionState::Scheduled), Some(2));
        assert!(execution.advance(ExecutionState::Initializing, 6).is_err());
    }
}
