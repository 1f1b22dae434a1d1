//! Logs of managers and of jobs' processes: the form of their lines ([`lines()`]) and how much is
//! logged ([`Levels`]), which may change at any time.

mod levels;
mod lines;

pub use levels::{LEVEL_VARIABLE, LevelError, Levels, configured_levels, parse_levels};
pub use lines::{FORMAT_VARIABLE, Form, Lines, lines};
