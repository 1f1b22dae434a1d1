//! How a task's thread speaks to the worker's.

use std::sync::mpsc::SyncSender;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::TaskResult;
use sciurus_engine::task::TaskReporter;

use super::Message;
use crate::tasks::TaskListener;

/// Reports for one attempt. Where the worker's thread is gone the process ends.
pub(super) struct Reporter {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) inbox: SyncSender<Message>,
}

impl TaskReporter for Reporter {
    fn running(&mut self) {
        let _ = self.inbox.send(Message::Running(self.attempt));
    }

    fn request_split(&mut self) {
        let _ = self.inbox.send(Message::SplitRequested(self.attempt));
    }
}

impl TaskListener for Reporter {
    fn ended(&mut self, result: TaskResult) {
        let _ = self.inbox.send(Message::Ended(self.attempt, result));
    }
}
