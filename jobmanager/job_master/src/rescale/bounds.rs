//! How many subtasks a vertex may have.

use std::fmt;

/// How many subtasks a vertex may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParallelismBounds {
    /// At least so many, or the job doesn't run.
    pub lower: u32,
    /// So many if there are slots for them.
    pub upper: u32,
}

impl fmt::Display for ParallelismBounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..={}", self.lower, self.upper)
    }
}
