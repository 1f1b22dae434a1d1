//! The receiving end of an exchange: all channels into one input of a task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use sciurus_core::element::StreamElement;

use crate::error::{TaskError, TaskResult};
use crate::notify::Notifier;

/// The sending end of one channel.
///
/// Elements arrive in the order in which they were sent. Sending never waits: whoever sends looks
/// at [`has_credit`](Self::has_credit) first.
pub trait ChannelSender: Send {
    /// Sends an element that takes `bytes` bytes.
    ///
    /// # Errors
    /// [`TaskError::PeerGone`] where nobody will read it.
    fn send(&mut self, element: StreamElement, bytes: usize) -> TaskResult;

    /// Returns whether less than the channel's limit is in flight.
    fn has_credit(&self) -> bool;
}

/// The channels into one input of a task, in this process.
pub struct InputGate {
    shared: Arc<GateShared>,
    ended: usize,
}

struct GateShared {
    queue: Mutex<VecDeque<Queued>>,
    channels: Vec<Channel>,
    consumer: Notifier,
    closed: AtomicBool,
}

struct Queued {
    channel: usize,
    bytes: usize,
    element: StreamElement,
}

struct Channel {
    in_flight: AtomicUsize,
    limit: usize,
    producer: Notifier,
}

/// The sending end of a channel within this process.
pub struct LocalChannel {
    gate: Arc<GateShared>,
    channel: usize,
}

impl InputGate {
    /// Makes a gate whose consumer is woken by `consumer`, with a channel for each of `producers`,
    /// woken when its channel has credit again. `limit` is in bytes a channel.
    pub fn new(
        consumer: Notifier,
        producers: &[Notifier],
        limit: usize,
    ) -> (Self, Vec<LocalChannel>) {
        let channels = producers
            .iter()
            .map(|producer| Channel {
                in_flight: AtomicUsize::new(0),
                limit,
                producer: producer.clone(),
            })
            .collect();
        let shared = Arc::new(GateShared {
            queue: Mutex::default(),
            channels,
            consumer,
            closed: AtomicBool::new(false),
        });
        let senders = (0..producers.len())
            .map(|channel| LocalChannel { gate: shared.clone(), channel })
            .collect();
        (Self { shared, ended: 0 }, senders)
    }

    /// Returns the number of channels.
    pub fn channels(&self) -> usize {
        self.shared.channels.len()
    }

    /// Takes the next element and the channel it came by, where one is there.
    pub fn poll(&mut self) -> Option<(usize, StreamElement)> {
        let Queued { channel, bytes, element } = self.shared.queue.lock().pop_front()?;
        if bytes > 0 {
            let Channel { in_flight, limit, producer } = &self.shared.channels[channel];
            let before = in_flight.fetch_sub(bytes, Ordering::AcqRel);
            if before >= *limit && before - bytes < *limit {
                producer.notify();
            }
        }
        if matches!(element, StreamElement::EndOfInput) {
            self.ended += 1;
        }
        Some((channel, element))
    }

    /// Returns whether every channel has ended and all was taken.
    pub fn is_finished(&self) -> bool {
        self.ended == self.shared.channels.len()
    }

    /// Returns the bytes in flight over all channels.
    pub fn queued_bytes(&self) -> usize {
        self.shared.channels.iter().map(|channel| channel.in_flight.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for InputGate {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.queue.lock().clear();
        for channel in &self.shared.channels {
            channel.producer.notify();
        }
    }
}

impl ChannelSender for LocalChannel {
    fn send(&mut self, element: StreamElement, bytes: usize) -> TaskResult {
        if self.gate.closed.load(Ordering::Acquire) {
            return Err(TaskError::PeerGone { peer: "consumer of the exchange" });
        }
        if bytes > 0 {
            self.gate.channels[self.channel].in_flight.fetch_add(bytes, Ordering::AcqRel);
        }
        self.gate.queue.lock().push_back(Queued { channel: self.channel, bytes, element });
        self.gate.consumer.notify();
        Ok(())
    }

    fn has_credit(&self) -> bool {
        let Channel { in_flight, limit, .. } = &self.gate.channels[self.channel];
        in_flight.load(Ordering::Acquire) < *limit || self.gate.closed.load(Ordering::Acquire)
    }
}
