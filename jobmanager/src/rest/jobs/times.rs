//! When jobs and tasks entered their states, as Flink shows it: -1 or 0 for never.

use std::collections::BTreeMap;

use sciurus_core::time::Timestamp;
use sciurus_job_master::execution_graph::Execution;
use sciurus_job_master::{ExecutionState, JobStatus, Lifecycle};
use serde::{Serialize, Serializer};

/// Stands for a time that hasn't come.
pub const NEVER: Timestamp = -1;

/// From when to when something ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Span {
    /// When it began, [`NEVER`] if it didn't.
    pub start_time: Timestamp,
    /// When it ended, [`NEVER`] if it didn't.
    pub end_time: Timestamp,
    /// Milliseconds up to its end or now; -1 if it didn't begin.
    pub duration: Timestamp,
}

impl Span {
    /// Measures from a beginning to an end or now.
    pub fn new(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp) -> Self {
        let duration = start.map_or(NEVER, |start| end.unwrap_or(now).saturating_sub(start).max(0));
        Self {
            start_time: start.unwrap_or(NEVER),
            end_time: end.filter(|_| start.is_some()).unwrap_or(NEVER),
            duration,
        }
    }

    /// Measures a job.
    pub fn of_job(lifecycle: &Lifecycle<JobStatus>, now: Timestamp) -> Self {
        let start = lifecycle.entered(JobStatus::Initializing);
        let end = lifecycle.current();
        let end = end.is_terminal().then(|| lifecycle.entered(end)).flatten();
        Self::new(start, end, now)
    }

    /// Measures an attempt to run a subtask, from its deployment.
    pub fn of_execution(execution: &Execution, now: Timestamp) -> Self {
        let lifecycle = execution.lifecycle();
        Self::new(lifecycle.entered(ExecutionState::Deploying), end_of(execution), now)
    }

    /// Measures several attempts together.
    pub fn of_executions<'a>(
        executions: impl Iterator<Item = &'a Execution> + Clone,
        now: Timestamp,
    ) -> Self {
        let deployed =
            |execution: &Execution| execution.lifecycle().entered(ExecutionState::Deploying);
        let start = executions.clone().filter_map(deployed).min();
        let has_ended = executions.clone().all(|execution| execution.state().is_terminal());
        let end = has_ended.then(|| executions.filter_map(end_of).max()).flatten();
        Self::new(start, end, now)
    }
}

fn end_of(execution: &Execution) -> Option<Timestamp> {
    let state = execution.state();
    state.is_terminal().then(|| execution.lifecycle().entered(state)).flatten()
}

/// Returns when a job entered each status, 0 for never.
pub fn job_timestamps(lifecycle: &Lifecycle<JobStatus>) -> BTreeMap<&'static str, Timestamp> {
    let entered = |status: JobStatus| (status.name(), lifecycle.entered(status).unwrap_or(0));
    JobStatus::ALL.into_iter().map(entered).collect()
}

/// Returns when an attempt entered each state, 0 for never.
pub fn task_timestamps(lifecycle: &Lifecycle<ExecutionState>) -> BTreeMap<&'static str, Timestamp> {
    let entered = |state: ExecutionState| (state.name(), lifecycle.entered(state).unwrap_or(0));
    ExecutionState::ALL.into_iter().map(entered).collect()
}

/// The states whose durations Flink shows.
pub const TIMED_STATES: [ExecutionState; 5] = [
    ExecutionState::Created,
    ExecutionState::Scheduled,
    ExecutionState::Deploying,
    ExecutionState::Initializing,
    ExecutionState::Running,
];

/// For how many milliseconds an attempt was in each of [`TIMED_STATES`], -1 for those it wasn't in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateDurations([Timestamp; TIMED_STATES.len()]);

impl StateDurations {
    /// Measures up to now.
    pub fn of(lifecycle: &Lifecycle<ExecutionState>, now: Timestamp) -> Self {
        Self(TIMED_STATES.map(|state| {
            let place = lifecycle.history().iter().position(|(entered, _)| *entered == state);
            place.map_or(NEVER, |place| {
                let begin = lifecycle.history()[place].1;
                let end = lifecycle.history().get(place + 1).map_or(now, |(_, entered)| *entered);
                end.saturating_sub(begin).max(0)
            })
        }))
    }

    /// Goes through the states.
    pub fn iter(&self) -> impl Iterator<Item = (ExecutionState, Timestamp)> {
        TIMED_STATES.into_iter().zip(self.0)
    }
}

impl Serialize for StateDurations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(state, duration)| (state.name(), duration)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_begun_has_no_times() {
        let never = Span { start_time: -1, end_time: -1, duration: -1 };
        assert_eq!(Span::new(None, None, 5), never);
        assert_eq!(Span::new(None, Some(3), 5), never);
        assert_eq!(Span::new(Some(2), None, 5).duration, 3);
        assert_eq!(
            Span::new(Some(2), Some(3), 5),
            Span { start_time: 2, end_time: 3, duration: 1 }
        );
    }

    #[test]
    fn a_state_lasts_until_the_next_one_is_entered() {
        let mut lifecycle = Lifecycle::new(ExecutionState::Created, 10);
        lifecycle.transition(ExecutionState::Scheduled, 12).unwrap();
        lifecycle.transition(ExecutionState::Deploying, 15).unwrap();
        assert_eq!(StateDurations::of(&lifecycle, 20), StateDurations([2, 3, 5, -1, -1]));
    }
}
