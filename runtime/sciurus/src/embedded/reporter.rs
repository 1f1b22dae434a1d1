//! How a task's thread speaks to the thread that masters the job.

use std::sync::mpsc::Sender;

use sciurus_checkpoint::TaskAcknowledgement;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::TaskResult;
use sciurus_engine::checkpoint::CheckpointResponder;
use sciurus_engine::task::TaskReporter;

use super::master::Message;
use crate::tasks::TaskListener;

/// Reports for one attempt. Where the master is gone the job has ended, and nobody is to be told.
pub(super) struct Reporter {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) messages: Sender<Message>,
}

impl TaskReporter for Reporter {
    fn running(&mut self) {
        let _ = self.messages.send(Message::Running(self.attempt));
    }

    fn request_split(&mut self) {
        let _ = self.messages.send(Message::SplitRequested(self.attempt));
    }
}

impl TaskListener for Reporter {
    fn ended(&mut self, result: TaskResult) {
        let _ = self.messages.send(Message::Ended(self.attempt, result));
    }
}

/// Says for one attempt what becomes of checkpoints.
pub(super) struct Responder {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) messages: Sender<Message>,
}

impl CheckpointResponder for Responder {
    fn acknowledge(&self, checkpoint: CheckpointId, acknowledgement: TaskAcknowledgement) {
        let acknowledgement = Box::new(acknowledgement);
        let _ =
            self.messages.send(Message::Acknowledged(self.attempt, checkpoint, acknowledgement));
    }

    fn decline(&self, checkpoint: CheckpointId, reason: String) {
        let _ = self.messages.send(Message::Declined(self.attempt, checkpoint, reason));
    }

    fn end_of_data(&self) {
        let _ = self.messages.send(Message::EndOfData(self.attempt));
    }
}
