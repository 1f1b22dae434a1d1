//! How a task says what becomes of checkpoints.

use std::sync::mpsc::SyncSender;

use sciurus_checkpoint::TaskAcknowledgement;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::checkpoint::CheckpointResponder;
use sciurus_rpc::convert::TaskCheckpointNews;
use sciurus_rpc::framing;

use super::Message;

/// Answers for one attempt. Where the worker's thread is gone the process ends.
pub(super) struct Responder {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) inbox: SyncSender<Message>,
}

impl Responder {
    fn tell(&self, news: TaskCheckpointNews) {
        let _ = self.inbox.send(Message::Checkpoint(self.attempt, news));
    }
}

impl CheckpointResponder for Responder {
    fn acknowledge(&self, checkpoint: CheckpointId, acknowledgement: TaskAcknowledgement) {
        let TaskAcknowledgement { state, metrics } = acknowledgement;
        let state = state.encode();
        if state.len() > framing::MAX_MESSAGE_BYTES / 2 {
            let reason = format!(
                "what the task's state consists of takes {} bytes, more than can be sent: lower \
                 execution.checkpointing.data-inline-threshold",
                state.len()
            );
            self.decline(checkpoint, reason);
            return;
        }
        let state = state.into();
        self.tell(TaskCheckpointNews::Acknowledged { checkpoint, state, metrics });
    }

    fn decline(&self, checkpoint: CheckpointId, reason: String) {
        self.tell(TaskCheckpointNews::Declined { checkpoint, reason });
    }

    fn end_of_data(&self) {
        self.tell(TaskCheckpointNews::EndOfData);
    }
}
