//! Fires after so many records.

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::{Trigger, TriggerContext, TriggerResult};
use crate::windowing::window::Window;

/// Fires whenever so many records were added to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountTrigger {
    records: u64,
}

impl CountTrigger {
    /// Fires after every `records` records.
    ///
    /// # Panics
    /// Where `records` is zero.
    pub fn of(records: u64) -> Self {
        assert!(records > 0, "a count trigger fires after one record at least");
        Self { records }
    }
}

impl<T: Record, W: Window> Trigger<T, W> for CountTrigger {
    type State = u64;

    fn on_element(
        &self,
        _: T::View<'_>,
        _: Option<Timestamp>,
        _: &W,
        count: &mut u64,
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        *count += 1;
        if *count < self.records {
            return TriggerResult::Continue;
        }
        *count = 0;
        TriggerResult::Fire
    }

    fn can_merge(&self) -> bool {
        true
    }

    fn on_merge(&self, _: &W, count: &mut u64, merged: &[u64], _: &mut TriggerContext<'_>) {
        *count = merged.iter().sum();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Driver;
    use super::*;
    use crate::windowing::window::TimeWindow;

    #[test]
    fn fires_after_every_so_many_records() {
        let mut driver = Driver::new(CountTrigger::of(3), TimeWindow::new(0, 10));
        let results: Vec<_> = (0..7).map(|_| driver.element(0).is_fire()).collect();
        assert_eq!(results, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn merged_windows_count_together() {
        let mut driver = Driver::new(CountTrigger::of(3), TimeWindow::new(0, 10));
        driver.element(0);
        driver.merge(TimeWindow::new(0, 15), vec![1]);
        assert_eq!(driver.element(0), TriggerResult::Fire);
        assert_eq!(driver.state, 0);
    }
}
