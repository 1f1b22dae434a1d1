//! Forgets a window's contents whenever it fires.

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::window::Window;

/// Fires when another trigger does, and forgets the window's contents each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgingTrigger<G> {
    nested: G,
}

impl<G> PurgingTrigger<G> {
    /// Makes `nested` forget the contents whenever it fires.
    pub fn of(nested: G) -> Self {
        Self { nested }
    }
}

fn purging(result: TriggerResult) -> TriggerResult {
    if result.is_fire() { TriggerResult::FireAndPurge } else { result }
}

impl<T: Record, W: Window, G: Trigger<T, W>> Trigger<T, W> for PurgingTrigger<G> {
    type State = G::State;

    fn on_element(
        &self,
        element: T::View<'_>,
        timestamp: Option<Timestamp>,
        window: &W,
        state: &mut G::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.nested.on_element(element, timestamp, window, state, context))
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut G::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.nested.on_event_time(time, window, state, context))
    }

    fn on_processing_time(
        &self,
        time: Timestamp,
        window: &W,
        state: &mut G::State,
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        purging(self.nested.on_processing_time(time, window, state, context))
    }

    fn can_merge(&self) -> bool {
        self.nested.can_merge()
    }

    fn on_merge(
        &self,
        window: &W,
        state: &mut G::State,
        merged: &[G::State],
        context: &mut TriggerContext<'_>,
    ) {
        self.nested.on_merge(window, state, merged, context);
    }

    fn clear(&self, window: &W, state: &mut G::State) {
        self.nested.clear(window, state);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Driver;
    use super::super::{CountTrigger, EventTimeTrigger};
    use super::*;
    use crate::windowing::window::TimeWindow;

    #[test]
    fn purges_whenever_the_other_trigger_fires() {
        let mut driver =
            Driver::new(PurgingTrigger::of(CountTrigger::of(2)), TimeWindow::new(0, 10));
        assert_eq!(driver.element(0), TriggerResult::Continue);
        assert_eq!(driver.element(0), TriggerResult::FireAndPurge);
        let mut driver = Driver::new(PurgingTrigger::of(EventTimeTrigger), TimeWindow::new(0, 10));
        driver.element(0);
        assert_eq!(driver.watermark(9), [(9, TriggerResult::FireAndPurge)]);
    }
}
