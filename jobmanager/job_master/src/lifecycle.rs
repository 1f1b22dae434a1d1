//! A state, since when it lasts, and when the earlier ones were entered.

use std::fmt;

use sciurus_core::time::Timestamp;
use thiserror::Error;

/// A set of states with legal transitions between them.
pub trait State: Copy + Eq + fmt::Debug + fmt::Display {
    /// Says whether this state may be followed by `next`.
    fn may_become(self, next: Self) -> bool;
}

/// Says that a state was to follow one that it can't follow: a bug of whoever tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{from} can't become {to}")]
pub struct IllegalTransition<S: State> {
    /// The state that stays.
    pub from: S,
    /// The state that was to follow.
    pub to: S,
}

/// The states that something has been in, with the time at which each was last entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle<S> {
    /// Each state once, in the order in which they were last entered.
    entered: Vec<(S, Timestamp)>,
    current: S,
}

impl<S: State> Lifecycle<S> {
    /// Starts in a state.
    pub fn new(first: S, now: Timestamp) -> Self {
        Self { entered: vec![(first, now)], current: first }
    }

    /// Returns the current state.
    pub fn current(&self) -> S {
        self.current
    }

    /// Returns when a state was last entered, `None` if it never was.
    pub fn entered(&self, state: S) -> Option<Timestamp> {
        self.entered.iter().find(|(entered, _)| *entered == state).map(|&(_, at)| at)
    }

    /// Returns the states that were entered with the time of the last entry, in that order.
    pub fn history(&self) -> &[(S, Timestamp)] {
        &self.entered
    }

    /// Enters a state, unless it can't follow the current one.
    pub fn transition(&mut self, next: S, now: Timestamp) -> Result<(), IllegalTransition<S>> {
        if !self.current.may_become(next) {
            return Err(IllegalTransition { from: self.current, to: next });
        }
        self.entered.retain(|(entered, _)| *entered != next);
        self.entered.push((next, now));
        self.current = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobStatus;

    #[test]
    fn the_last_entry_of_each_state_is_kept() {
        let mut lifecycle = Lifecycle::new(JobStatus::Initializing, 1);
        for (next, now) in [
            (JobStatus::Created, 2),
            (JobStatus::Running, 3),
            (JobStatus::Restarting, 4),
            (JobStatus::Running, 5),
        ] {
            lifecycle.transition(next, now).unwrap();
        }
        assert_eq!(lifecycle.entered(JobStatus::Running), Some(5));
        assert_eq!(lifecycle.entered(JobStatus::Failed), None);
        assert_eq!(lifecycle.history().len(), 4);
    }

    #[test]
    fn an_illegal_transition_changes_nothing() {
        let mut lifecycle = Lifecycle::new(JobStatus::Initializing, 1);
        let error = lifecycle.transition(JobStatus::Finished, 2).unwrap_err();
        assert_eq!(error.to_string(), "INITIALIZING can't become FINISHED");
        assert_eq!(lifecycle, Lifecycle::new(JobStatus::Initializing, 1));
    }
}
