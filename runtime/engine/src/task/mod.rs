//! The thread that runs one subtask.

mod align;
mod checkpointing;
mod control;
mod gates;
mod markers;
pub mod panics;
mod run;
mod throttle;

pub use control::{TaskControl, TaskMail};
pub use run::{Task, TaskInput, TaskReporter};
pub use throttle::{Pace, SourceThrottle};
