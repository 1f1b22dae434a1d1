//! What waits to be sent to a TaskManager.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use prost::Message;
use sciurus_rpc::proto::JobManagerMessage;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;

/// How many bytes may wait for one TaskManager: the deployment of some ten thousand tasks. Who lets
/// more pile up doesn't read.
pub(super) const MAX_QUEUED_BYTES: usize = 64 << 20;

/// Says that a TaskManager doesn't read what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overflow;

/// The sending end. Nobody ever waits for a TaskManager: there is room, or it is lost.
#[derive(Debug)]
pub(super) struct Outbound {
    messages: Mutex<Option<mpsc::UnboundedSender<(usize, JobManagerMessage)>>>,
    queued_bytes: Arc<AtomicUsize>,
}

/// The receiving end, which ends after the last message once the other one is closed.
#[derive(Debug)]
pub(crate) struct OutboundStream {
    messages: mpsc::UnboundedReceiver<(usize, JobManagerMessage)>,
    queued_bytes: Arc<AtomicUsize>,
}

impl Outbound {
    pub(super) fn new() -> (Self, OutboundStream) {
        let (sender, messages) = mpsc::unbounded_channel();
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let outbound =
            Self { messages: Mutex::new(Some(sender)), queued_bytes: queued_bytes.clone() };
        (outbound, OutboundStream { messages, queued_bytes })
    }

    /// Queues a message; once the queue is closed nobody is there to get it.
    pub(super) fn send(&self, message: JobManagerMessage) -> Result<(), Overflow> {
        let bytes = message.encoded_len();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued > 0 && queued + bytes > MAX_QUEUED_BYTES {
            return Err(Overflow);
        }
        if let Some(messages) = &*self.messages.lock() {
            // Where the stream is gone so is the TaskManager; its session notices.
            let _ = messages.send((bytes, message));
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        self.messages.lock().take();
    }
}

impl Stream for OutboundStream {
    type Item = Result<JobManagerMessage, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context).map(|next| {
            next.map(|(bytes, message)| {
                self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Ok(message)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use sciurus_rpc::proto::{self, job_manager_message};

    use super::*;

    fn message(bytes: usize) -> JobManagerMessage {
        let directives = "x".repeat(bytes);
        let message = job_manager_message::Message::SetLogLevel(proto::SetLogLevel { directives });
        JobManagerMessage { leader: Vec::new().into(), message: Some(message) }
    }

    #[tokio::test]
    async fn who_does_not_read_is_noticed() {
        let (outbound, mut stream) = Outbound::new();
        for _ in 0..3 {
            assert_eq!(outbound.send(message(MAX_QUEUED_BYTES / 4)), Ok(()));
        }
        stream.next().await.unwrap().unwrap();
        assert_eq!(outbound.send(message(MAX_QUEUED_BYTES / 4)), Ok(()));
        assert_eq!(outbound.send(message(MAX_QUEUED_BYTES / 2)), Err(Overflow));
    }

    #[tokio::test]
    async fn what_was_sent_before_the_end_arrives() {
        let (outbound, stream) = Outbound::new();
        outbound.send(message(1)).unwrap();
        outbound.close();
        assert_eq!(outbound.send(message(1)), Ok(()));
        assert_eq!(stream.count().await, 1);
    }
}
