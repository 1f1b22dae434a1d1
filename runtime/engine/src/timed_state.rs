//! Keyed state together with how far its operator has come in time.
//!
//! Flink keeps no watermarks: a restored operator starts at the beginning of time. What was late
//! then isn't any more until the watermark has come back, and a window that has fired and is kept
//! fires for late records in another way than without the failure. Here an operator to whose state
//! time matters keeps it, and a restored one waits until the watermark has come as far as it had
//! been before.

use sciurus_core::key::KeyGroupRange;
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};
use sciurus_state::operator::OperatorListState;
use sciurus_state::{KeyedBackend, KeyedStateBackend, OperatorBackend};

use crate::checkpoint::SnapshotContext;
use crate::error::TaskResult;
use crate::operator::OperatorContext;

/// The name of the list that keeps how far time has come.
const TIME: &str = "time";

/// How far time had come for some key groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupTime {
    /// The key groups.
    pub(crate) groups: KeyGroupRange,
    /// The time.
    pub(crate) time: Timestamp,
}

/// The state of a keyed operator.
pub(crate) struct TimedState {
    /// Keyed state and timers.
    pub(crate) keyed: KeyedBackend,
    /// Operator state.
    pub(crate) operator: OperatorBackend,
    /// How far time has come, by key groups: a union list of the operator state. At a barrier where
    /// channels are aligned all subtasks have the same watermark; but the clocks of machines differ.
    time: OperatorListState<(u32, u32, Timestamp)>,
    groups: KeyGroupRange,
    /// Whether there may be state that nobody has registered.
    is_restored: bool,
}

impl TimedState {
    /// Makes the state of a subtask, and returns with it how far time had come where the subtask is
    /// restored, for its own key groups, in their order.
    pub(crate) fn open(context: &OperatorContext) -> TaskResult<(Self, Vec<GroupTime>)> {
        let keyed = context.keyed_backend()?;
        let mut operator = context.operator_backend()?;
        let mut time = OperatorListState::union(TIME);
        operator.register(&mut time)?;
        let groups = context.subtask.key_groups();
        let restored = time.get(&operator)?.iter().filter_map(|(start, end, time)| {
            let (start, end) = (groups.start.max(*start), groups.end.min(*end));
            let groups = KeyGroupRange { start, end };
            (start < end).then_some(GroupTime { groups, time: *time })
        });
        let mut restored: Vec<_> = restored.collect();
        restored.sort_unstable_by_key(|kept| kept.groups.start);
        let is_restored = context.state.is_restored();
        Ok((Self { keyed, operator, time, groups, is_restored }, restored))
    }

    /// Makes the state of a subtask, and returns with it the watermark that it had come to where it
    /// is restored.
    pub(crate) fn open_with_watermark(context: &OperatorContext) -> TaskResult<(Self, Timestamp)> {
        let (state, restored) = Self::open(context)?;
        Ok((state, least(&restored)))
    }

    /// Puts a view of the state into a snapshot. Time has come to `time`, but for some key groups
    /// to what `ahead` says, where that is later.
    pub(crate) fn snapshot(
        &mut self,
        time: Timestamp,
        ahead: &[GroupTime],
        snapshot: &mut SnapshotContext<'_>,
    ) -> TaskResult {
        let times = self.times(time, ahead);
        self.time.update(&mut self.operator, times)?;
        snapshot.keyed = Some(self.keyed.snapshot());
        snapshot.operator = Some(self.operator.snapshot());
        Ok(())
    }

    /// Puts a view into a snapshot of an operator that may have no keyed state at all, and then no
    /// use for the time.
    pub(crate) fn snapshot_if_used(
        &mut self,
        uses_keyed_state: bool,
        watermark: Timestamp,
        snapshot: &mut SnapshotContext<'_>,
    ) -> TaskResult {
        use sciurus_state::TimeDomain::{Event, Processing};
        let timers = self.keyed.timer_count(Event) + self.keyed.timer_count(Processing);
        if uses_keyed_state || self.is_restored || timers > 0 {
            return self.snapshot(watermark, &[], snapshot);
        }
        self.time.clear(&mut self.operator)?;
        let operator = self.operator.snapshot();
        let is_used = operator.states.iter().any(|state| state.name != TIME);
        snapshot.operator = is_used.then_some(operator);
        Ok(())
    }

    /// The end of time is not kept: nothing waits for it, and a job that is resumed behind it has
    /// new records.
    fn times(&self, time: Timestamp, ahead: &[GroupTime]) -> Vec<(u32, u32, Timestamp)> {
        if time == MAX_WATERMARK {
            return Vec::new();
        }
        let mut times = Vec::new();
        // What lies between those that are ahead is at `time`.
        let mut start = self.groups.start;
        for GroupTime { groups, time: later } in ahead.iter().filter(|ahead| ahead.time > time) {
            times.push((start, groups.start, time));
            times.push((groups.start, groups.end, *later));
            start = groups.end;
        }
        times.push((start, self.groups.end, time));
        times.retain(|(start, end, time)| start < end && *time > MIN_WATERMARK);
        times
    }
}

/// Returns the least time; the beginning of time where there is none.
pub(crate) fn least(times: &[GroupTime]) -> Timestamp {
    times.iter().map(|kept| kept.time).min().unwrap_or(MIN_WATERMARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_groups_that_are_ahead_is_kept_too() {
        let range = |start, end| KeyGroupRange { start, end };
        let state = TimedState {
            keyed: KeyedBackend::heap(sciurus_state::BackendConfig::new(128, range(10, 20))),
            operator: OperatorBackend::new(),
            time: OperatorListState::union(TIME),
            groups: range(10, 20),
            is_restored: false,
        };
        assert_eq!(state.times(5, &[]), [(10, 20, 5)]);
        let ahead = [(10, 12, 9), (15, 16, 4), (17, 18, 7)];
        let ahead = ahead.map(|(start, end, time)| GroupTime { groups: range(start, end), time });
        let expected = [(10, 12, 9), (12, 17, 5), (17, 18, 7), (18, 20, 5)];
        assert_eq!(state.times(5, &ahead), expected);
        assert_eq!(state.times(MIN_WATERMARK, &ahead).len(), 3);
        assert!(state.times(MAX_WATERMARK, &ahead).is_empty());
    }
}
