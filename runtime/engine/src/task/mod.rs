//! The thread that runs one subtask.

mod control;
pub mod panics;
mod run;
mod throttle;

pub use control::{TaskControl, TaskMail};
pub use run::{Task, TaskInput, TaskReporter};
pub use throttle::{Pace, SourceThrottle};
