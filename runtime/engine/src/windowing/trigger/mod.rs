//! When a window's contents go out.

mod continuous;
mod count;
mod event_time;
mod never;
mod processing_time;
mod purging;
mod timers;

use sciurus_core::Record;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;

pub use continuous::{ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger};
pub use count::CountTrigger;
pub use event_time::EventTimeTrigger;
pub use never::NeverTrigger;
pub use processing_time::ProcessingTimeTrigger;
pub use purging::PurgingTrigger;
pub use timers::{TimerSet, WindowTimers};

use super::window::Window;

/// What is to be done with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerResult {
    /// Nothing.
    Continue,
    /// The window function is called; the contents stay.
    Fire,
    /// The contents are forgotten; the window itself stays.
    Purge,
    /// The window function is called, then the contents are forgotten.
    FireAndPurge,
}

impl TriggerResult {
    /// Returns whether the window function is called.
    pub fn is_fire(self) -> bool {
        matches!(self, Self::Fire | Self::FireAndPurge)
    }

    /// Returns whether the contents are forgotten.
    pub fn is_purge(self) -> bool {
        matches!(self, Self::Purge | Self::FireAndPurge)
    }
}

/// Decides when the contents of a window go out: Flink's `Trigger`.
///
/// One trigger serves all windows of a subtask. What it has to remember of a window is its
/// [`State`](Self::State), which the operator keeps, by key and window.
pub trait Trigger<T: Record, W: Window>: Clone + Send + Sync + 'static {
    /// What the trigger remembers of a window; the default is that of a new window.
    type State: RowCodec + Default + PartialEq;

    /// A record was added to the window.
    fn on_element(
        &self,
        element: T::View<'_>,
        timestamp: Option<Timestamp>,
        window: &W,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult;

    /// The watermark has reached an event-time timer of the window.
    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let _ = (time, window, state, context);
        TriggerResult::Continue
    }

    /// Processing time has gone past a processing-time timer of the window.
    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut Self::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let _ = (time, window, state, context);
        TriggerResult::Continue
    }

    /// Returns whether windows that the trigger serves can be merged.
    fn can_merge(&self) -> bool {
        false
    }

    /// Windows were merged into `window`, which has no timers yet. `state` is new; the states of
    /// the windows that were merged, which end here, are `merged`.
    fn on_merge(
        &self,
        window: &W,
        state: &mut Self::State,
        merged: &[Self::State],
        context: &mut TriggerContext<'_>,
    ) {
        let _ = (window, state, merged, context);
    }

    /// The window ends: its state and its timers are forgotten next.
    fn clear(&self, window: &W, state: &mut Self::State) {
        let _ = (window, state);
    }
}

/// What a trigger knows of time, and the timers of one window.
#[derive(Debug)]
pub struct TriggerContext<'a> {
    /// The watermark.
    watermark: Timestamp,
    /// Processing time.
    processing_time: Timestamp,
    timers: &'a mut WindowTimers,
}

impl<'a> TriggerContext<'a> {
    /// Makes the context of a call.
    pub fn new(
        watermark: Timestamp,
        processing_time: Timestamp,
        timers: &'a mut WindowTimers,
    ) -> Self {
        Self { watermark, processing_time, timers }
    }

    /// Returns the watermark.
    pub fn current_watermark(&self) -> Timestamp {
        self.watermark
    }

    /// Returns the time of the machine, in milliseconds since the Unix epoch.
    pub fn current_processing_time(&self) -> Timestamp {
        self.processing_time
    }

    /// Asks for [`Trigger::on_event_time`] when the watermark reaches `time`; where it has already,
    /// with the next watermark.
    pub fn register_event_time_timer(&mut self, time: Timestamp) {
        self.timers.event.insert(time);
    }

    /// Asks for [`Trigger::on_processing_time`] when processing time has gone past `time`.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) {
        self.timers.processing.insert(time);
    }

    /// Takes back an event-time timer.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) {
        self.timers.event.remove(time);
    }

    /// Takes back a processing-time timer.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) {
        self.timers.processing.remove(time);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::windowing::window::TimeWindow;

    /// A window with its trigger, driven by hand.
    pub(in crate::windowing) struct Driver<G: Trigger<i64, TimeWindow>> {
        pub trigger: G,
        pub window: TimeWindow,
        pub state: G::State,
        pub timers: WindowTimers,
        pub watermark: Timestamp,
        pub now: Timestamp,
    }

    impl<G: Trigger<i64, TimeWindow>> Driver<G> {
        pub fn new(trigger: G, window: TimeWindow) -> Self {
            let state = G::State::default();
            let timers = WindowTimers::default();
            Self { trigger, window, state, timers, watermark: Timestamp::MIN, now: 0 }
        }

        pub fn element(&mut self, timestamp: Timestamp) -> TriggerResult {
            let mut context = TriggerContext::new(self.watermark, self.now, &mut self.timers);
            self.trigger.on_element(0, Some(timestamp), &self.window, &mut self.state, &mut context)
        }

        /// Moves the watermark and returns which timers fired and what came of it.
        pub fn watermark(&mut self, watermark: Timestamp) -> Vec<(Timestamp, TriggerResult)> {
            self.watermark = watermark;
            let mut results = Vec::new();
            while let Some(time) = self.timers.event.first().filter(|time| *time <= watermark) {
                self.timers.event.remove(time);
                let mut context = TriggerContext::new(watermark, self.now, &mut self.timers);
                let result =
                    self.trigger.on_event_time(time, &self.window, &mut self.state, &mut context);
                results.push((time, result));
            }
            results
        }

        /// Moves processing time and returns which timers fired and what came of it.
        pub fn time(&mut self, now: Timestamp) -> Vec<(Timestamp, TriggerResult)> {
            self.now = now;
            let mut results = Vec::new();
            while let Some(time) = self.timers.processing.first().filter(|time| *time < now) {
                self.timers.processing.remove(time);
                let mut context = TriggerContext::new(self.watermark, now, &mut self.timers);
                let result = self.trigger.on_processing_time(
                    time,
                    &self.window,
                    &mut self.state,
                    &mut context,
                );
                results.push((time, result));
            }
            results
        }

        /// Merges the window with others of these states into `window`.
        pub fn merge(&mut self, window: TimeWindow, others: Vec<G::State>) {
            self.window = window;
            self.timers = WindowTimers::default();
            let mut merged = others;
            merged.insert(0, std::mem::take(&mut self.state));
            let mut context = TriggerContext::new(self.watermark, self.now, &mut self.timers);
            self.trigger.on_merge(&self.window, &mut self.state, &merged, &mut context);
        }
    }
}
