//! Fires at the end of the window, by the machine's clock.

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::window::Window;

/// Fires when processing time passes the end of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessingTimeTrigger;

impl<T: Record, W: Window> Trigger<T, W> for ProcessingTimeTrigger {
    type State = ();

    fn on_element(
        &self,
        _: T::View<'_>,
        _: Option<Timestamp>,
        window: &W,
        (): &mut (),
        context: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        context.register_processing_time_timer(window.max_timestamp());
        TriggerResult::Continue
    }

    fn on_processing_time(
        &self,
        _: Timestamp,
        _: &W,
        (): &mut (),
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, window: &W, (): &mut (), _: &[()], context: &mut TriggerContext<'_>) {
        if window.max_timestamp() > context.current_processing_time() {
            context.register_processing_time_timer(window.max_timestamp());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Driver;
    use super::*;
    use crate::windowing::window::TimeWindow;

    #[test]
    fn fires_when_the_clock_passes_the_end() {
        let mut driver = Driver::new(ProcessingTimeTrigger, TimeWindow::new(0, 10));
        assert_eq!(driver.element(3), TriggerResult::Continue);
        assert_eq!(driver.time(9), []);
        assert_eq!(driver.time(10), [(9, TriggerResult::Fire)]);
    }

    #[test]
    fn a_merged_window_fires_at_its_own_end() {
        let mut driver = Driver::new(ProcessingTimeTrigger, TimeWindow::new(0, 10));
        driver.element(3);
        driver.merge(TimeWindow::new(0, 15), vec![()]);
        assert_eq!(driver.time(20), [(14, TriggerResult::Fire)]);
    }
}
