//! Windows of one size that follow one another.

use std::fmt;
use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

use super::WindowAssigner;
use crate::windowing::millis;
use crate::windowing::slicing::Slicing;
use crate::windowing::trigger::{EventTimeTrigger, ProcessingTimeTrigger};
use crate::windowing::window::TimeWindow;

macro_rules! tumbling {
    ($(#[$doc:meta])* $name:ident, $domain:ident, $trigger:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            size: i64,
            offset: i64,
        }

        impl $name {
            /// Makes windows of `size`, one of which starts at the Unix epoch.
            ///
            /// # Panics
            /// Where the size is shorter than a millisecond.
            pub fn of(size: Duration) -> Self {
                Self::with_offset(size, 0)
            }

            /// Makes windows of `size`, one of which starts `offset_ms` milliseconds after the Unix
            /// epoch: with a size of one day and an offset of −8 hours, windows are the days of
            /// UTC+08:00.
            ///
            /// # Panics
            /// Where the size is shorter than a millisecond, or the offset not shorter than the
            /// size.
            pub fn with_offset(size: Duration, offset_ms: i64) -> Self {
                let size = millis(size);
                assert!(
                    size > 0 && offset_ms.unsigned_abs() < size.unsigned_abs(),
                    "tumbling windows need a size of 1 ms at least and a shorter offset, \
                     not {size} ms and {offset_ms} ms"
                );
                Self { size, offset: offset_ms }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}, {})"), self.size, self.offset)
            }
        }

        impl<T: Record> WindowAssigner<T> for $name {
            type Window = TimeWindow;
            type DefaultTrigger = $trigger;

            fn time_domain(&self) -> TimeDomain {
                TimeDomain::$domain
            }

            fn assign(&self, _: T::View<'_>, time: Timestamp, windows: &mut Vec<TimeWindow>) {
                let start = TimeWindow::start_with_offset(time, self.offset, self.size);
                windows.push(TimeWindow::new(start, start.saturating_add(self.size)));
            }

            fn default_trigger(&self) -> $trigger {
                $trigger
            }

            fn slicing(&self) -> Option<Slicing> {
                Some(Slicing::tumbling(self.size, self.offset))
            }
        }
    };
}

tumbling!(
    /// Windows of one size that follow one another, by event time.
    TumblingEventTimeWindows,
    Event,
    EventTimeTrigger
);

tumbling!(
    /// Windows of one size that follow one another, by the machine's clock.
    TumblingProcessingTimeWindows,
    Processing,
    ProcessingTimeTrigger
);

#[cfg(test)]
mod tests {
    use super::super::tests::assigned;
    use super::*;

    #[test]
    fn windows_follow_one_another() {
        let windows = TumblingEventTimeWindows::of(Duration::from_secs(5));
        assert_eq!(assigned(&windows, 0), [(0, 5000)]);
        assert_eq!(assigned(&windows, 4999), [(0, 5000)]);
        assert_eq!(assigned(&windows, 5000), [(5000, 10_000)]);
        assert_eq!(assigned(&windows, -1), [(-5000, 0)]);
        let windows = TumblingProcessingTimeWindows::of(Duration::from_secs(5));
        assert_eq!(assigned(&windows, 4999), [(0, 5000)]);
    }

    #[test]
    fn an_offset_shifts_the_windows() {
        let windows = TumblingEventTimeWindows::with_offset(Duration::from_secs(5), 100);
        assert_eq!(assigned(&windows, 99), [(-4900, 100)]);
        assert_eq!(assigned(&windows, 100), [(100, 5100)]);
        let windows = TumblingEventTimeWindows::with_offset(Duration::from_secs(5), -100);
        assert_eq!(assigned(&windows, 4900), [(4900, 9900)]);
    }

    #[test]
    #[should_panic(expected = "shorter offset")]
    fn an_offset_of_a_whole_window_is_refused() {
        let _ = TumblingEventTimeWindows::with_offset(Duration::from_secs(5), -5000);
    }

    #[test]
    #[should_panic(expected = "not 0 ms")]
    fn windows_without_size_are_refused() {
        let _ = TumblingEventTimeWindows::of(Duration::ZERO);
    }
}
