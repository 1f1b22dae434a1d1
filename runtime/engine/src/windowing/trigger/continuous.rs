//! Fires at regular intervals while a window lasts.

use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::time::{MAX_WATERMARK, Timestamp};

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::millis;
use crate::windowing::window::Window;

/// Fires whenever the watermark passes a multiple of an interval, and at the end of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContinuousEventTimeTrigger {
    interval: i64,
}

impl ContinuousEventTimeTrigger {
    /// Fires every `interval` of event time.
    ///
    /// # Panics
    /// Where the interval is shorter than a millisecond.
    pub fn of(interval: Duration) -> Self {
        Self { interval: positive(interval) }
    }

    fn register_next(
        self,
        time: Timestamp,
        window: &impl Window,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) {
        let next = next_fire(time, self.interval, window, context.current_watermark());
        // Of windows that were merged, the earliest counts.
        *state = Some(state.map_or(next, |state| state.min(next)));
        context.register_event_time_timer(next);
    }
}

/// The state is the next time to fire, where that isn't the end of the window.
impl<T: Record, W: Window> Trigger<T, W> for ContinuousEventTimeTrigger {
    type State = Option<Timestamp>;

    fn on_element(
        &self,
        _: T::View<'_>,
        timestamp: Option<Timestamp>,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if window.max_timestamp() <= context.current_watermark() {
            return TriggerResult::Fire;
        }
        context.register_event_time_timer(window.max_timestamp());
        if state.is_none() {
            let timestamp = timestamp.unwrap_or(Timestamp::MIN);
            self.register_next(timestamp - timestamp % self.interval, window, state, context);
        }
        TriggerResult::Continue
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if time == window.max_timestamp() {
            return TriggerResult::Fire;
        }
        if *state != Some(time) {
            return TriggerResult::Continue;
        }
        *state = None;
        self.register_next(time, window, state, context);
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        _: &W,
        state: &mut Option<Timestamp>,
        merged: &[Option<Timestamp>],
        context: &mut TriggerContext<'_>,
    ) {
        *state = merged.iter().flatten().copied().min();
        if let Some(next) = *state {
            context.register_event_time_timer(next);
        }
    }
}

/// Fires whenever the machine's clock passes a multiple of an interval, while there are records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContinuousProcessingTimeTrigger {
    interval: i64,
}

impl ContinuousProcessingTimeTrigger {
    /// Fires every `interval`.
    ///
    /// # Panics
    /// Where the interval is shorter than a millisecond.
    pub fn of(interval: Duration) -> Self {
        Self { interval: positive(interval) }
    }

    fn register_next(
        self,
        time: Timestamp,
        window: &impl Window,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) {
        let next = next_fire(time, self.interval, window, Timestamp::MIN);
        *state = Some(state.map_or(next, |state| state.min(next)));
        context.register_processing_time_timer(next);
    }
}

/// The state is the next time to fire.
impl<T: Record, W: Window> Trigger<T, W> for ContinuousProcessingTimeTrigger {
    type State = Option<Timestamp>;

    fn on_element(
        &self,
        _: T::View<'_>,
        _: Option<Timestamp>,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if state.is_none() {
            let now = context.current_processing_time();
            self.register_next(now - now % self.interval, window, state, context);
        }
        TriggerResult::Continue
    }

    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Option<Timestamp>,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if *state != Some(time) {
            return TriggerResult::Continue;
        }
        *state = None;
        self.register_next(time, window, state, context);
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(
        &self,
        _: &W,
        state: &mut Option<Timestamp>,
        merged: &[Option<Timestamp>],
        context: &mut TriggerContext<'_>,
    ) {
        *state = merged.iter().flatten().copied().min();
        if let Some(next) = *state {
            context.register_processing_time_timer(next);
        }
    }
}

fn positive(interval: Duration) -> i64 {
    let interval = millis(interval);
    assert!(interval > 0, "a continuous trigger's interval is one millisecond at least");
    interval
}

/// Returns the time to fire after `time`, which is not behind the end of the window.
fn next_fire(time: Timestamp, interval: i64, window: &impl Window, watermark: Timestamp) -> i64 {
    // Windows that never end would fire without end at the end of the input.
    if watermark == MAX_WATERMARK && window.max_timestamp() == Timestamp::MAX {
        return Timestamp::MAX;
    }
    time.saturating_add(interval).min(window.max_timestamp())
}

#[cfg(test)]
mod tests {
    use super::super::tests::Driver;
    use super::*;
    use crate::windowing::window::TimeWindow;

    const TEN: Duration = Duration::from_millis(10);

    #[test]
    fn fires_at_every_multiple_of_the_interval_and_at_the_end() {
        let mut driver = Driver::new(ContinuousEventTimeTrigger::of(TEN), TimeWindow::new(0, 35));
        assert_eq!(driver.element(7), TriggerResult::Continue);
        assert_eq!(driver.element(3), TriggerResult::Continue);
        assert_eq!(driver.watermark(9), []);
        assert_eq!(driver.watermark(10), [(10, TriggerResult::Fire)]);
        let fired = [20, 30, 34].map(|time| (time, TriggerResult::Fire));
        assert_eq!(driver.watermark(100), fired);
        assert_eq!(driver.element(7), TriggerResult::Fire);
    }

    #[test]
    fn the_earliest_of_merged_windows_fires_first() {
        let mut driver = Driver::new(ContinuousEventTimeTrigger::of(TEN), TimeWindow::new(20, 35));
        driver.element(25);
        driver.merge(TimeWindow::new(0, 35), vec![Some(10)]);
        driver.element(3);
        assert_eq!(driver.watermark(20), [10, 20].map(|time| (time, TriggerResult::Fire)));
    }

    #[test]
    fn the_clock_fires_while_there_are_records() {
        let mut driver =
            Driver::new(ContinuousProcessingTimeTrigger::of(TEN), TimeWindow::new(0, 35));
        driver.now = 3;
        driver.element(0);
        assert_eq!(driver.time(10), []);
        assert_eq!(driver.time(11), [(10, TriggerResult::Fire)]);
        // The timer of the next interval was set when this one fired.
        assert_eq!(driver.time(31), [20, 30].map(|time| (time, TriggerResult::Fire)));
    }
}
