//! The two ends of a channel between workers, as tasks have them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use sciurus_core::element::StreamElement;

use super::channel::ChannelId;
use super::codec::BatchEncoder;
use super::frame::{MAX_BODY_BYTES, OutgoingFrame};
use super::inbound::InputState;
use super::link::Link;
use super::options::Compression;
use crate::error::{TaskError, TaskResult};
use crate::exchange::credit::Credit;
use crate::exchange::gate::{ChannelSender, RemoteProducer};

/// The sending end of a channel to a task of another worker; dropping it closes the channel.
pub struct RemoteChannel {
    link: Arc<Link>,
    number: u32,
    credit: Arc<Credit>,
    /// Why nobody will read what is sent, once that is so.
    fate: Arc<OnceLock<TaskError>>,
    encoder: BatchEncoder,
    is_compressed: bool,
    has_ended: bool,
}

impl RemoteChannel {
    pub(super) fn open(link: Arc<Link>, id: ChannelId, credit: Credit) -> Self {
        let (credit, fate) = (Arc::new(credit), Arc::new(OnceLock::new()));
        let number = link.open_output(id, credit.clone(), fate.clone());
        let compression = link.context.options.compression;
        let is_compressed = compression != Compression::None;
        let encoder = BatchEncoder::new(compression);
        Self { link, number, credit, fate, encoder, is_compressed, has_ended: false }
    }
}

impl ChannelSender for RemoteChannel {
    fn send(&mut self, element: StreamElement, bytes: usize) -> TaskResult {
        if let Some(error) = self.fate.get() {
            return Err(error.clone());
        }
        let number = self.number;
        let frame = match element {
            StreamElement::Batch(batch) => {
                let encoded = self.encoder.encode(&batch)?;
                let frame = OutgoingFrame::batch(number, bytes, encoded, self.is_compressed);
                let frame = frame.ok_or_else(too_long)?;
                self.credit.take(bytes);
                frame
            }
            StreamElement::Watermark(watermark) => OutgoingFrame::watermark(number, watermark),
            StreamElement::WatermarkStatus(status) => OutgoingFrame::status(number, status),
            StreamElement::Barrier(barrier) => OutgoingFrame::barrier(number, &barrier),
            StreamElement::LatencyMarker(marker) => OutgoingFrame::latency_marker(number, &marker),
            StreamElement::EndOfInput => OutgoingFrame::end_of_input(number),
            StreamElement::EndOfPartition => {
                self.has_ended = true;
                OutgoingFrame::end(number)
            }
        };
        self.link.push(frame);
        Ok(())
    }

    fn has_credit(&self) -> bool {
        // Where the consumer is gone sending says so: nothing to wait for.
        self.credit.is_available() || self.fate.get().is_some()
    }

    fn credit(&self) -> Option<Arc<Credit>> {
        Some(self.credit.clone())
    }
}

impl Drop for RemoteChannel {
    fn drop(&mut self) {
        self.link.close_output(self.number);
        if !self.has_ended && self.fate.get().is_none() {
            self.link.push(OutgoingFrame::close(self.number));
        }
    }
}

fn too_long() -> TaskError {
    let reason = format!("it takes more than {MAX_BODY_BYTES} bytes");
    TaskError::Frame { reason: reason.into() }
}

/// The hold of a consumer's gate on a channel.
pub(super) struct RemoteInput {
    pub(super) link: Arc<Link>,
    pub(super) id: ChannelId,
    pub(super) state: Arc<InputState>,
}

impl RemoteProducer for RemoteInput {
    fn give_back(&self, bytes: usize) {
        // What was read has come over an open channel, which has a number.
        if let Some(number) = self.state.number.get() {
            self.link.push(OutgoingFrame::credit(*number, bytes));
        }
    }

    fn ended(&self) {
        self.state.is_ended.store(true, Ordering::Release);
    }
}

impl Drop for RemoteInput {
    fn drop(&mut self) {
        if !self.state.is_ended() {
            self.link.close_input(self.id, &self.state);
        }
    }
}
