//! The thread that runs one subtask.

mod control;
pub mod panics;
mod run;

pub use control::{TaskControl, TaskMail};
pub use run::{Task, TaskInput, TaskReporter};
