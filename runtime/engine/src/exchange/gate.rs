//! The receiving end of an exchange: all channels into one input of a task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sciurus_core::element::StreamElement;

use super::credit::Credit;
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

    /// Returns what counts the bytes under way, to be shown; `None` where nothing does.
    fn credit(&self) -> Option<Arc<Credit>> {
        None
    }
}

/// The channels into one input of a task, in this process.
pub struct InputGate {
    shared: Arc<GateShared>,
    credits: Vec<Arc<Credit>>,
    ended: usize,
}

struct GateShared {
    queue: Mutex<VecDeque<Received>>,
    consumer: Notifier,
    closed: AtomicBool,
}

/// What arrived by a gate.
#[derive(Debug)]
pub struct Received {
    /// The channel it came by.
    pub channel: usize,
    /// How many bytes it takes, 0 for anything but rows.
    pub bytes: usize,
    /// What it is.
    pub element: StreamElement,
}

/// The sending end of a channel within this process.
pub struct LocalChannel {
    gate: Arc<GateShared>,
    credit: Arc<Credit>,
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
        let credit = |producer: &Notifier| Arc::new(Credit::new(limit, producer.clone()));
        let credits: Vec<_> = producers.iter().map(credit).collect();
        let shared = Arc::new(GateShared {
            queue: Mutex::default(),
            consumer,
            closed: AtomicBool::new(false),
        });
        let senders = credits
            .iter()
            .enumerate()
            .map(|(channel, credit)| LocalChannel {
                gate: shared.clone(),
                credit: credit.clone(),
                channel,
            })
            .collect();
        (Self { shared, credits, ended: 0 }, senders)
    }

    /// Returns the number of channels.
    pub fn channels(&self) -> usize {
        self.credits.len()
    }

    /// Returns what counts the bytes under way, channel by channel.
    pub fn credits(&self) -> &[Arc<Credit>] {
        &self.credits
    }

    /// Takes the next element, where one is there: of all channels in the order of arrival, so
    /// that no channel waits for another.
    pub fn poll(&mut self) -> Option<Received> {
        let received = self.shared.queue.lock().pop_front()?;
        if received.bytes > 0 {
            self.credits[received.channel].give_back(received.bytes);
        }
        if matches!(received.element, StreamElement::EndOfInput) {
            self.ended += 1;
        }
        Some(received)
    }

    /// Returns whether every channel has ended and all was taken.
    pub fn is_finished(&self) -> bool {
        self.ended == self.credits.len()
    }
}

impl Drop for InputGate {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Rows may be dear to drop: not while producers wait for the lock.
        let left = std::mem::take(&mut *self.shared.queue.lock());
        drop(left);
        for credit in &self.credits {
            credit.wake_producer();
        }
    }
}

impl ChannelSender for LocalChannel {
    fn send(&mut self, element: StreamElement, bytes: usize) -> TaskResult {
        if self.gate.closed.load(Ordering::Acquire) {
            return Err(TaskError::PeerGone { peer: "consumer of the exchange" });
        }
        if bytes > 0 {
            self.credit.take(bytes);
        }
        let sent = Received { channel: self.channel, bytes, element };
        self.gate.queue.lock().push_back(sent);
        self.gate.consumer.notify();
        Ok(())
    }

    fn has_credit(&self) -> bool {
        // Where the consumer is gone sending says so: nothing to wait for.
        self.credit.is_available() || self.gate.closed.load(Ordering::Acquire)
    }

    fn credit(&self) -> Option<Arc<Credit>> {
        Some(self.credit.clone())
    }
}
