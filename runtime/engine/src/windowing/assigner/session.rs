//! Windows that last while records come.

use std::fmt;
use std::time::Duration;

use sciurus_core::Record;
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

use super::WindowAssigner;
use crate::windowing::millis;
use crate::windowing::trigger::{EventTimeTrigger, ProcessingTimeTrigger};
use crate::windowing::window::TimeWindow;

macro_rules! session {
    (
        $(#[$doc:meta])* $name:ident,
        $(#[$dynamic_doc:meta])* $dynamic:ident,
        $domain:ident, $trigger:ident
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            gap: i64,
        }

        impl $name {
            /// Ends a session when no record has come for `gap`.
            ///
            /// # Panics
            /// Where the gap is shorter than a millisecond.
            pub fn with_gap(gap: Duration) -> Self {
                let gap = millis(gap);
                assert!(gap > 0, "sessions need a gap of 1 ms at least");
                Self { gap }
            }

            /// Ends a session when no record has come for a gap that depends on the records: each
            /// keeps its session alive for the time that `gap` returns for it. A gap shorter than
            /// a millisecond fails the job.
            pub fn with_dynamic_gap<T: Record>(
                gap: impl for<'a> Fn(T::View<'a>) -> Duration + Clone + Send + Sync + 'static,
            ) -> $dynamic<impl for<'a> Fn(T::View<'a>) -> Duration + Clone + Send + Sync + 'static>
            {
                $dynamic { gap }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.gap)
            }
        }

        impl<T: Record> WindowAssigner<T> for $name {
            type Window = TimeWindow;
            type DefaultTrigger = $trigger;

            fn time_domain(&self) -> TimeDomain {
                TimeDomain::$domain
            }

            fn assign(&self, _: T::View<'_>, time: Timestamp, windows: &mut Vec<TimeWindow>) {
                windows.push(TimeWindow::new(time, time.saturating_add(self.gap)));
            }

            fn default_trigger(&self) -> $trigger {
                $trigger
            }

            fn is_merging(&self) -> bool {
                true
            }
        }

        $(#[$dynamic_doc])*
        #[derive(Clone)]
        pub struct $dynamic<F> {
            gap: F,
        }

        impl<F> fmt::Debug for $dynamic<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($dynamic))
            }
        }

        impl<F> fmt::Display for $dynamic<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($dynamic), "()"))
            }
        }

        impl<T, F> WindowAssigner<T> for $dynamic<F>
        where
            T: Record,
            F: for<'a> Fn(T::View<'a>) -> Duration + Clone + Send + Sync + 'static,
        {
            type Window = TimeWindow;
            type DefaultTrigger = $trigger;

            fn time_domain(&self) -> TimeDomain {
                TimeDomain::$domain
            }

            fn assign(&self, element: T::View<'_>, time: Timestamp, windows: &mut Vec<TimeWindow>) {
                let gap = millis((self.gap)(element));
                assert!(gap > 0, "a session's gap is one millisecond at least");
                windows.push(TimeWindow::new(time, time.saturating_add(gap)));
            }

            fn default_trigger(&self) -> $trigger {
                $trigger
            }

            fn is_merging(&self) -> bool {
                true
            }
        }
    };
}

session!(
    /// Windows that last while records come, by event time.
    EventTimeSessionWindows,
    /// Windows that last while records come, by event time and a gap that depends on the records.
    DynamicEventTimeSessionWindows,
    Event,
    EventTimeTrigger
);

session!(
    /// Windows that last while records come, by the machine's clock.
    ProcessingTimeSessionWindows,
    /// Windows that last while records come, by the machine's clock and a gap that depends on the
    /// records.
    DynamicProcessingTimeSessionWindows,
    Processing,
    ProcessingTimeTrigger
);

#[cfg(test)]
mod tests {
    use super::super::tests::assigned;
    use super::*;

    #[test]
    fn a_record_starts_a_session_as_long_as_the_gap() {
        let sessions = EventTimeSessionWindows::with_gap(Duration::from_millis(5));
        assert_eq!(assigned(&sessions, 3), [(3, 8)]);
        assert!(WindowAssigner::<i64>::is_merging(&sessions));
    }

    #[test]
    fn a_dynamic_gap_depends_on_the_record() {
        let sessions = ProcessingTimeSessionWindows::with_dynamic_gap::<i64>(|element| {
            Duration::from_millis(element as u64)
        });
        let mut windows = Vec::new();
        WindowAssigner::<i64>::assign(&sessions, 7, 100, &mut windows);
        assert_eq!(windows, [TimeWindow::new(100, 107)]);
    }

    #[test]
    #[should_panic(expected = "one millisecond at least")]
    fn a_dynamic_gap_of_nothing_is_refused() {
        let sessions = EventTimeSessionWindows::with_dynamic_gap::<i64>(|_| Duration::ZERO);
        WindowAssigner::<i64>::assign(&sessions, 7, 100, &mut Vec::new());
    }
}
