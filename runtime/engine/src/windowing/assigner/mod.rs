//! Which windows a record belongs to.

mod global;
mod session;
mod sliding;
mod tumbling;

use std::fmt;

use sciurus_core::Record;
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

pub use global::GlobalWindows;
pub use session::{
    DynamicEventTimeSessionWindows, DynamicProcessingTimeSessionWindows, EventTimeSessionWindows,
    ProcessingTimeSessionWindows,
};
pub use sliding::{SlidingEventTimeWindows, SlidingProcessingTimeWindows};
pub use tumbling::{TumblingEventTimeWindows, TumblingProcessingTimeWindows};

use super::slicing::Slicing;
use super::trigger::Trigger;
use super::window::Window;

/// Assigns windows to records: Flink's `WindowAssigner`.
///
/// How it is displayed is how plans call it.
pub trait WindowAssigner<T: Record>: Clone + fmt::Display + Send + Sync + 'static {
    /// What its windows are.
    type Window: Window;
    /// What fires them unless another trigger is set.
    type DefaultTrigger: Trigger<T, Self::Window>;

    /// Returns the clock that the windows go by.
    fn time_domain(&self) -> TimeDomain;

    /// Appends the windows that a record belongs to. `time` is the record's timestamp where windows
    /// go by event time, else the machine's.
    fn assign(&self, element: T::View<'_>, time: Timestamp, windows: &mut Vec<Self::Window>);

    /// Returns the trigger that fires the windows unless another one is set.
    fn default_trigger(&self) -> Self::DefaultTrigger;

    /// Returns whether windows that overlap or touch are merged.
    fn is_merging(&self) -> bool {
        false
    }

    /// Returns how windows that are the same for all keys are cut into slices; `None` for others.
    fn slicing(&self) -> Option<Slicing> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windowing::window::TimeWindow;

    /// Start and end of the windows that a record of `time` belongs to.
    pub(super) fn assigned(
        assigner: &impl WindowAssigner<i64, Window = TimeWindow>,
        time: Timestamp,
    ) -> Vec<(Timestamp, Timestamp)> {
        let mut windows = Vec::new();
        assigner.assign(0, time, &mut windows);
        windows.into_iter().map(|window| (window.start, window.end)).collect()
    }
}
