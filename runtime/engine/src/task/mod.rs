//! The thread that runs one subtask.

mod control;
mod run;

pub use control::{TaskControl, TaskMail};
pub use run::{Task, TaskInput, TaskReporter};
