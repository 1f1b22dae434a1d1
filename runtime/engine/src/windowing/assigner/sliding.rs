//! Windows of one size that start at regular intervals and may overlap.

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

macro_rules! sliding {
    ($(#[$doc:meta])* $name:ident, $domain:ident, $trigger:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            size: i64,
            slide: i64,
            offset: i64,
        }

        impl $name {
            /// Makes windows of `size` that start every `slide`, one of them at the Unix epoch.
            ///
            /// # Panics
            /// Where size or slide is shorter than a millisecond.
            pub fn of(size: Duration, slide: Duration) -> Self {
                Self::with_offset(size, slide, 0)
            }

            /// Makes windows of `size` that start every `slide`, one of them `offset_ms`
            /// milliseconds after the Unix epoch.
            ///
            /// # Panics
            /// Where size or slide is shorter than a millisecond, or the offset not shorter than
            /// the slide.
            pub fn with_offset(size: Duration, slide: Duration, offset_ms: i64) -> Self {
                let (size, slide) = (millis(size), millis(slide));
                assert!(
                    size > 0 && slide > 0 && offset_ms.unsigned_abs() < slide.unsigned_abs(),
                    "sliding windows need a size and a slide of 1 ms at least and an offset \
                     shorter than the slide, not {size} ms, {slide} ms and {offset_ms} ms"
                );
                Self { size, slide, offset: offset_ms }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    concat!(stringify!($name), "({}, {}, {})"),
                    self.size, self.slide, self.offset
                )
            }
        }

        impl<T: Record> WindowAssigner<T> for $name {
            type Window = TimeWindow;
            type DefaultTrigger = $trigger;

            fn time_domain(&self) -> TimeDomain {
                TimeDomain::$domain
            }

            fn assign(&self, _: T::View<'_>, time: Timestamp, windows: &mut Vec<TimeWindow>) {
                let mut start = TimeWindow::start_with_offset(time, self.offset, self.slide);
                while start > time.saturating_sub(self.size) {
                    windows.push(TimeWindow::new(start, start.saturating_add(self.size)));
                    start = start.saturating_sub(self.slide);
                }
            }

            fn default_trigger(&self) -> $trigger {
                $trigger
            }

            fn slicing(&self) -> Option<Slicing> {
                Some(Slicing::sliding(self.size, self.slide, self.offset))
            }
        }
    };
}

sliding!(
    /// Windows of one size that start at regular intervals, by event time.
    SlidingEventTimeWindows,
    Event,
    EventTimeTrigger
);

sliding!(
    /// Windows of one size that start at regular intervals, by the machine's clock.
    SlidingProcessingTimeWindows,
    Processing,
    ProcessingTimeTrigger
);

#[cfg(test)]
mod tests {
    use super::super::tests::assigned;
    use super::*;

    fn windows(size: u64, slide: u64, offset: i64) -> SlidingEventTimeWindows {
        let (size, slide) = (Duration::from_millis(size), Duration::from_millis(slide));
        SlidingEventTimeWindows::with_offset(size, slide, offset)
    }

    #[test]
    fn a_record_belongs_to_all_windows_over_it_latest_first() {
        let five_of_one = windows(5, 1, 0);
        let around_zero = [(0, 5), (-1, 4), (-2, 3), (-3, 2), (-4, 1)];
        assert_eq!(assigned(&five_of_one, 0), around_zero);
        assert_eq!(assigned(&windows(10, 4, 1), 6), [(5, 15), (1, 11), (-3, 7)]);
        let by_clock =
            SlidingProcessingTimeWindows::of(Duration::from_millis(5), Duration::from_millis(1));
        assert_eq!(assigned(&by_clock, 0), around_zero);
    }

    #[test]
    fn a_record_between_windows_belongs_to_none() {
        assert_eq!(assigned(&windows(3, 10, 0), 2), [(0, 3)]);
        assert_eq!(assigned(&windows(3, 10, 0), 3), []);
    }

    #[test]
    fn windows_are_those_that_their_slices_are_made_for() {
        for assigner in [windows(10, 5, 0), windows(10, 3, 1), windows(3, 10, -2)] {
            let slicing = WindowAssigner::<i64>::slicing(&assigner).unwrap();
            for time in -30..30 {
                let windows = slicing.ends(slicing.slice_of(time)).map(|end| {
                    let window = slicing.window_ending(end);
                    (window.start, window.end)
                });
                assert_eq!(assigned(&assigner, time), windows.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    #[should_panic(expected = "shorter than the slide")]
    fn an_offset_of_a_whole_slide_is_refused() {
        let _ = windows(10, 5, 5);
    }
}
