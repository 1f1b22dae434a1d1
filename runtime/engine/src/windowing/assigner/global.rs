//! The one window of all records of a key.

use std::fmt;

use sciurus_core::Record;
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

use super::WindowAssigner;
use crate::windowing::trigger::NeverTrigger;
use crate::windowing::window::GlobalWindow;

/// Puts all records of a key into one window, which never ends: only of use with a trigger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GlobalWindows;

impl GlobalWindows {
    /// Makes the assigner.
    pub fn create() -> Self {
        Self
    }
}

impl fmt::Display for GlobalWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlobalWindows()")
    }
}

impl<T: Record> WindowAssigner<T> for GlobalWindows {
    type Window = GlobalWindow;
    type DefaultTrigger = NeverTrigger;

    fn time_domain(&self) -> TimeDomain {
        // Records need no timestamps, and none is ever late.
        TimeDomain::Processing
    }

    fn assign(&self, _: T::View<'_>, _: Timestamp, windows: &mut Vec<GlobalWindow>) {
        windows.push(GlobalWindow);
    }

    fn default_trigger(&self) -> NeverTrigger {
        NeverTrigger
    }
}
