//! Fires at the end of the window, by the watermark.

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::window::Window;

/// Fires when the watermark passes the end of the window, and for each late record at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTimeTrigger;

impl<T: Record, W: Window> Trigger<T, W> for EventTimeTrigger {
    type State = ();

    fn on_element(
        &self,
        _: T::View<'_>,
        _: Option<Timestamp>,
        window: &W,
        (): &mut (),
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if window.max_timestamp() <= context.current_watermark() {
            return TriggerResult::Fire;
        }
        context.register_event_time_timer(window.max_timestamp());
        TriggerResult::Continue
    }

    fn on_event_time(
        &self,
        time: Timestamp,
        window: &W,
        (): &mut (),
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if time == window.max_timestamp() { TriggerResult::Fire } else { TriggerResult::Continue }
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, window: &W, (): &mut (), _: &[()], context: &mut TriggerContext<'_>) {
        // A window that has fired fires again with the next record: no timer for it.
        if window.max_timestamp() > context.current_watermark() {
            context.register_event_time_timer(window.max_timestamp());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Driver;
    use super::*;
    use crate::windowing::window::TimeWindow;

    #[test]
    fn fires_when_the_watermark_passes_the_end_and_for_each_late_record() {
        let mut driver = Driver::new(EventTimeTrigger, TimeWindow::new(0, 10));
        assert_eq!(driver.element(3), TriggerResult::Continue);
        assert_eq!(driver.watermark(8), []);
        assert_eq!(driver.watermark(9), [(9, TriggerResult::Fire)]);
        assert_eq!(driver.element(4), TriggerResult::Fire);
        assert_eq!(driver.watermark(100), []);
    }

    #[test]
    fn a_merged_window_fires_at_its_own_end() {
        let mut driver = Driver::new(EventTimeTrigger, TimeWindow::new(0, 10));
        driver.element(3);
        driver.merge(TimeWindow::new(0, 15), vec![()]);
        assert_eq!(driver.watermark(20), [(14, TriggerResult::Fire)]);
    }
}
