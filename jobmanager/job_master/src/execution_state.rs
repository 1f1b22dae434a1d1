//! The states of one attempt to run a subtask.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::State;

/// Says how far an attempt to run a subtask has come: Flink's `ExecutionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionState {
    /// Nothing has been done yet.
    Created,
    /// It waits for a slot.
    Scheduled,
    /// It was sent to its TaskManager, which hasn't answered yet.
    Deploying,
    /// Its operators are opened and their state is restored.
    Initializing,
    /// It processes records.
    Running,
    /// It has processed all of its input.
    Finished,
    /// It was told to stop, but may still run.
    Canceling,
    /// It was stopped.
    Canceled,
    /// It stopped because of an error.
    Failed,
    /// A new JobManager found it running and hasn't taken it over yet.
    Reconciling,
}

impl ExecutionState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Scheduled,
        Self::Deploying,
        Self::Initializing,
        Self::Running,
        Self::Finished,
        Self::Canceling,
        Self::Canceled,
        Self::Failed,
        Self::Reconciling,
    ];

    /// Says whether no state follows.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Canceled | Self::Failed)
    }

    /// Says whether a TaskManager may be running it.
    pub const fn is_deployed(self) -> bool {
        matches!(
            self,
            Self::Deploying
                | Self::Initializing
                | Self::Running
                | Self::Canceling
                | Self::Reconciling
        )
    }

    /// Returns the state that follows when all goes well.
    pub const fn successor(self) -> Option<Self> {
        match self {
            Self::Created => Some(Self::Scheduled),
            Self::Scheduled => Some(Self::Deploying),
            Self::Deploying => Some(Self::Initializing),
            Self::Initializing | Self::Reconciling => Some(Self::Running),
            Self::Running => Some(Self::Finished),
            Self::Canceling => Some(Self::Canceled),
            Self::Finished | Self::Canceled | Self::Failed => None,
        }
    }

    /// Returns Flink's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Scheduled => "SCHEDULED",
            Self::Deploying => "DEPLOYING",
            Self::Initializing => "INITIALIZING",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Canceling => "CANCELING",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
            Self::Reconciling => "RECONCILING",
        }
    }
}

impl State for ExecutionState {
    fn may_become(self, next: Self) -> bool {
        if self.is_terminal() {
            return false;
        }
        match next {
            Self::Failed => true,
            Self::Canceling => self.is_deployed() && self != Self::Canceling,
            // What never reached a TaskManager need not be stopped there.
            Self::Canceled => !self.is_deployed() || self == Self::Canceling,
            Self::Reconciling => self == Self::Created,
            _ => self.successor() == Some(next),
        }
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How many of something are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionStateCounts([u32; ExecutionState::ALL.len()]);

impl ExecutionStateCounts {
    /// Returns how many are in a state.
    pub const fn of(&self, state: ExecutionState) -> u32 {
        self.0[state as usize]
    }

    /// Returns how many there are.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Goes through all states with how many are in each.
    pub fn iter(&self) -> impl Iterator<Item = (ExecutionState, u32)> {
        ExecutionState::ALL.into_iter().map(|state| (state, self.of(state)))
    }

    /// Sums up a vertex whose subtasks these are, by Flink's rule: the worst news wins, and a
    /// vertex of which some subtasks have finished still runs.
    pub fn aggregate(&self) -> ExecutionState {
        let news = [
            ExecutionState::Failed,
            ExecutionState::Canceling,
            ExecutionState::Canceled,
            ExecutionState::Initializing,
            ExecutionState::Running,
        ];
        if let Some(state) = news.into_iter().find(|&state| self.of(state) > 0) {
            return state;
        }
        match self.of(ExecutionState::Finished) {
            0 => ExecutionState::Created,
            finished if finished == self.total() => ExecutionState::Finished,
            _ => ExecutionState::Running,
        }
    }
}

impl FromIterator<ExecutionState> for ExecutionStateCounts {
    fn from_iter<I: IntoIterator<Item = ExecutionState>>(states: I) -> Self {
        let mut counts = Self::default();
        for state in states {
            counts.0[state as usize] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExecutionState::{
        Canceled, Canceling, Created, Deploying, Failed, Finished, Initializing, Reconciling,
        Running, Scheduled,
    };

    #[test]
    fn legal_transitions_are_these() {
        let legal: [(ExecutionState, &[ExecutionState]); 10] = [
            (Created, &[Scheduled, Canceled, Failed, Reconciling]),
            (Scheduled, &[Deploying, Canceled, Failed]),
            (Deploying, &[Initializing, Canceling, Failed]),
            (Initializing, &[Running, Canceling, Failed]),
            (Running, &[Finished, Canceling, Failed]),
            (Finished, &[]),
            (Canceling, &[Canceled, Failed]),
            (Canceled, &[]),
            (Failed, &[]),
            (Reconciling, &[Running, Canceling, Failed]),
        ];
        for (from, next) in legal {
            for to in ExecutionState::ALL {
                assert_eq!(from.may_become(to), next.contains(&to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_state_s_number_is_its_place_among_all() {
        for (place, state) in ExecutionState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place);
        }
    }

    #[test]
    fn the_worst_news_wins() {
        let aggregate = |states: &[ExecutionState]| {
            states.iter().copied().collect::<ExecutionStateCounts>().aggregate()
        };
        assert_eq!(aggregate(&[Running, Failed, Canceling]), Failed);
        assert_eq!(aggregate(&[Running, Canceled, Canceling]), Canceling);
        assert_eq!(aggregate(&[Running, Initializing]), Initializing);
        assert_eq!(aggregate(&[Finished, Scheduled]), Running);
        assert_eq!(aggregate(&[Finished, Finished]), Finished);
        assert_eq!(aggregate(&[Scheduled, Deploying]), Created);
    }
}
