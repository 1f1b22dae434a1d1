//! The thread of a task.

use std::sync::mpsc::Sender;
use std::thread;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::task::{Task, TaskReporter, panics};
use sciurus_engine::{TaskError, TaskResult};

use super::master::Message;

/// Runs a task on a thread of its own, which ends with a [`Message::Ended`].
///
/// # Errors
/// [`TaskError::Connector`] where the operating system refuses a thread.
pub(super) fn spawn(
    attempt: ExecutionAttemptId,
    name: &str,
    mut task: Task,
    messages: Sender<Message>,
) -> TaskResult {
    let run = move || {
        let mut reporter = Reporter { attempt, messages };
        let result = task.run(&mut reporter);
        // Where the master is gone nobody waits for the result.
        let _ = reporter.messages.send(Message::Ended(attempt, result));
        // Only now may others find that the task's channels are gone. What fails here comes too
        // late to matter.
        let _ = panics::catch(|| {
            drop(task);
            Ok(())
        });
    };
    thread::Builder::new()
        .name(name.replace('\0', " "))
        .spawn(run)
        .map(drop)
        .map_err(|error| TaskError::connector(error.into()))
}

struct Reporter {
    attempt: ExecutionAttemptId,
    messages: Sender<Message>,
}

impl TaskReporter for Reporter {
    fn running(&mut self) {
        // Where the master is gone the job has ended.
        let _ = self.messages.send(Message::Running(self.attempt));
    }

    fn request_split(&mut self) {
        let _ = self.messages.send(Message::SplitRequested(self.attempt));
    }
}
