//! By which steps a worker is made to end. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// How often it is said that a killed process is still there.
const KILL_REMINDER: Duration = Duration::from_secs(10);

/// What is to be done to a worker that has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask it by SIGTERM.
    Terminate,
    /// End it by SIGKILL.
    Kill,
    /// Say that it is still there.
    Remind,
}

/// When a worker is asked, and when it is forced to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopping {
    terminate_at: Option<Instant>,
    kill_at: Instant,
    killed: bool,
}

impl Stopping {
    /// Ends it within the time: asked by a message before, by a signal after half of it, by force
    /// after all of it.
    pub(super) fn within(grace: Duration, now: Instant) -> Self {
        Self { terminate_at: Some(now + grace / 2), kill_at: now + grace, killed: false }
    }

    /// Ends it by force, now.
    pub(super) fn now(now: Instant) -> Self {
        Self { terminate_at: None, kill_at: now, killed: false }
    }

    /// Takes the earlier of two ends.
    pub(super) fn or_sooner(self, other: Self) -> Self {
        if self.killed || self.kill_at <= other.kill_at { self } else { other }
    }

    /// Returns when the next step is due.
    pub(super) fn next_at(&self) -> Instant {
        self.terminate_at.map_or(self.kill_at, |at| at.min(self.kill_at))
    }

    /// Returns the step that is due, once.
    pub(super) fn step(&mut self, now: Instant) -> Option<Step> {
        if now >= self.kill_at {
            self.terminate_at = None;
            self.kill_at = now + KILL_REMINDER;
            let step = if self.killed { Step::Remind } else { Step::Kill };
            self.killed = true;
            return Some(step);
        }
        self.terminate_at.take_if(|at| now >= *at).map(|_| Step::Terminate)
    }

    /// Tells whether force was used.
    pub(super) fn was_killed(&self) -> bool {
        self.killed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_asked_after_half_the_time_and_forced_after_all_of_it() {
        let start = Instant::now();
        let mut stopping = Stopping::within(4 * SECOND, start);
        assert_eq!(stopping.step(start), None);
        assert_eq!(stopping.next_at(), start + 2 * SECOND);
        assert_eq!(stopping.step(start + 2 * SECOND), Some(Step::Terminate));
        assert_eq!(stopping.step(start + 2 * SECOND), None);
        assert_eq!(stopping.next_at(), start + 4 * SECOND);
        assert_eq!(stopping.step(start + 4 * SECOND), Some(Step::Kill));
        assert!(stopping.was_killed());
        assert_eq!(stopping.step(start + 4 * SECOND), None);
        assert_eq!(stopping.step(start + 14 * SECOND), Some(Step::Remind));
    }

    #[test]
    fn the_sooner_of_two_ends_counts() {
        let start = Instant::now();
        let long = Stopping::within(60 * SECOND, start);
        let mut sooner = long.or_sooner(Stopping::now(start));
        assert_eq!(sooner.step(start), Some(Step::Kill));
        assert_eq!(sooner.or_sooner(Stopping::now(start)), sooner);
        assert_eq!(Stopping::within(Duration::ZERO, start).step(start), Some(Step::Kill));
    }
}
