//! The receiving end of an exchange: all channels into one input of a task.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sciurus_core::element::StreamElement;

use super::credit::Credit;
use super::network::codec::{BatchDecoder, EncodedBatch};
use crate::error::{TaskError, TaskResult};
use crate::notify::Notifier;

/// Credit goes back to another worker when a share of so many of the limit was taken.
const SHARE_GIVEN_BACK: usize = 2;

/// The sending end of one channel.
///
/// Elements arrive in the order in which they were sent. Sending never waits: whoever sends looks
/// at [`has_credit`](Self::has_credit) first.
pub trait ChannelSender: Send {
    /// Sends an element that takes `bytes` bytes.
    ///
    /// # Errors
    /// [`TaskError::PeerGone`] or [`TaskError::WorkerGone`] where nobody will read it.
    fn send(&mut self, element: StreamElement, bytes: usize) -> TaskResult;

    /// Returns whether less than the channel's limit is in flight.
    fn has_credit(&self) -> bool;

    /// Returns what counts the bytes under way, to be shown; `None` where nothing does.
    fn credit(&self) -> Option<Arc<Credit>> {
        None
    }
}

/// The channels into one input of a task, from tasks of this process and of others.
pub struct InputGate {
    shared: Arc<GateShared>,
    credits: Vec<Arc<Credit>>,
    remotes: Vec<Option<RemoteInput>>,
    limit: usize,
    /// Channels that nothing is taken of for now.
    blocked: Vec<usize>,
    /// What has come by blocked channels, in the order of arrival. Its credit isn't given back, so it
    /// is no more than that.
    held: VecDeque<Queued>,
    /// What was held and isn't any more: it is taken before anything of the queue.
    released: VecDeque<Queued>,
    /// How many channels' data has ended.
    ended: usize,
    /// How many channels are closed.
    closed: usize,
}

struct GateShared {
    queue: Mutex<VecDeque<Queued>>,
    consumer: Notifier,
    closed: AtomicBool,
}

/// What lies in a gate's queue.
struct Queued {
    channel: usize,
    bytes: usize,
    payload: Payload,
}

/// What came by a channel, as it came: batches are decoded by the task that reads them.
pub(super) enum Payload {
    Element(StreamElement),
    Encoded(EncodedBatch),
    /// Nothing more will come, for this reason.
    Lost(TaskError),
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

/// The consumer's hold on a channel from another worker; dropping it closes the channel.
pub(super) trait RemoteProducer: Send {
    /// Lets the producer send so many bytes more.
    fn give_back(&self, bytes: usize);
    /// Notes that all has come, so that nobody has to be told when the channel is closed.
    fn ended(&self);
}

struct RemoteInput {
    producer: Box<dyn RemoteProducer>,
    decoder: BatchDecoder,
    /// Bytes that were taken and are not given back yet.
    taken: usize,
}

/// Where what comes by a channel from another worker is put.
#[derive(Clone)]
pub(super) struct RemoteSink {
    gate: Arc<GateShared>,
    credit: Arc<Credit>,
    channel: usize,
}

impl InputGate {
    /// Makes a gate whose consumer is woken by `consumer`, with a channel for each of `producers`
    /// of this process, woken when its channel has credit again. `limit` is in bytes a channel.
    pub fn new(
        consumer: Notifier,
        producers: &[Notifier],
        limit: usize,
    ) -> (Self, Vec<LocalChannel>) {
        let mut gate = Self::with_capacity(consumer, producers.len(), limit);
        let senders = producers.iter().map(|producer| gate.add_local(producer.clone())).collect();
        (gate, senders)
    }

    /// Makes a gate without channels yet, for so many of them, which are numbered in the order in
    /// which they are added. `limit` is in bytes a channel.
    pub fn with_capacity(consumer: Notifier, channels: usize, limit: usize) -> Self {
        let shared = Arc::new(GateShared {
            queue: Mutex::default(),
            consumer,
            closed: AtomicBool::new(false),
        });
        let (credits, remotes) = (Vec::with_capacity(channels), Vec::with_capacity(channels));
        Self {
            shared,
            credits,
            remotes,
            limit,
            blocked: Vec::new(),
            held: VecDeque::new(),
            released: VecDeque::new(),
            ended: 0,
            closed: 0,
        }
    }

    /// Adds a channel from a task of this process, which is woken when it has credit again.
    pub fn add_local(&mut self, producer: Notifier) -> LocalChannel {
        let RemoteSink { gate, credit, channel } = self.add(producer);
        LocalChannel { gate, credit, channel }
    }

    /// Adds a channel from a task of another worker; `open` is given what it has to put into.
    pub(super) fn add_remote(&mut self, open: impl FnOnce(RemoteSink) -> Box<dyn RemoteProducer>) {
        // Who waits for credit is at the other worker, and told by `RemoteProducer`.
        let sink = self.add(Notifier::default());
        let channel = sink.channel;
        let producer = open(sink);
        let remote = RemoteInput { producer, decoder: BatchDecoder::default(), taken: 0 };
        self.remotes[channel] = Some(remote);
    }

    fn add(&mut self, producer: Notifier) -> RemoteSink {
        let channel = self.credits.len();
        let credit = Arc::new(Credit::new(self.limit, producer));
        self.credits.push(credit.clone());
        self.remotes.push(None);
        RemoteSink { gate: self.shared.clone(), credit, channel }
    }

    /// Returns the number of channels.
    pub fn channels(&self) -> usize {
        self.credits.len()
    }

    /// Returns what counts the bytes under way, channel by channel: for channels from other
    /// workers those that have arrived.
    pub fn credits(&self) -> &[Arc<Credit>] {
        &self.credits
    }

    /// Takes nothing of a channel any more until [`unblock`](Self::unblock): what comes by it stays
    /// here, and its producer gets no credit back for it.
    pub fn block(&mut self, channel: usize) {
        if !self.blocked.contains(&channel) {
            self.blocked.push(channel);
        }
    }

    /// Takes of all channels again, first what was held back.
    pub fn unblock(&mut self) {
        if self.blocked.is_empty() {
            return;
        }
        self.blocked.clear();
        // What was released before and is still there came after what was held since.
        self.held.append(&mut self.released);
        std::mem::swap(&mut self.held, &mut self.released);
    }

    /// Returns the next of what may be taken.
    fn next(&mut self) -> Option<Queued> {
        loop {
            let released = if self.released.is_empty() { None } else { self.released.pop_front() };
            let queued = released.or_else(|| self.shared.queue.lock().pop_front())?;
            let is_held = !self.blocked.is_empty()
                && self.blocked.contains(&queued.channel)
                && !matches!(queued.payload, Payload::Lost(_));
            if !is_held {
                return Some(queued);
            }
            self.held.push_back(queued);
        }
    }

    /// Takes the next element, where one is there: of all channels that aren't blocked in the order
    /// of arrival, so that no channel waits for another.
    ///
    /// # Errors
    /// [`TaskError::WorkerGone`] where a producer's worker is lost, [`TaskError::Frame`] where what
    /// it sent can't be read.
    pub fn poll(&mut self) -> TaskResult<Option<Received>> {
        let Some(Queued { channel, bytes, payload }) = self.next() else { return Ok(None) };
        if bytes > 0 {
            self.credits[channel].give_back(bytes);
        }
        let mut remote = self.remotes[channel].as_mut();
        if let Some(remote) = remote.as_mut() {
            remote.note_taken(bytes, self.limit);
        }
        let element = match (payload, remote) {
            (Payload::Element(element), _) => element,
            (Payload::Encoded(batch), Some(remote)) => {
                StreamElement::Batch(remote.decoder.decode(batch)?)
            }
            (Payload::Lost(error), _) => return Err(error),
            (Payload::Encoded(_), None) => {
                return Err(TaskError::Defect("a local channel has an encoded batch"));
            }
        };
        if matches!(element, StreamElement::EndOfInput) {
            self.ended += 1;
        }
        if matches!(element, StreamElement::EndOfPartition) {
            self.closed += 1;
            if let Some(remote) = self.remotes[channel].take() {
                remote.producer.ended();
            }
        }
        Ok(Some(Received { channel, bytes, element }))
    }

    /// Returns whether the data of every channel has ended and all of it was taken.
    pub fn has_ended(&self) -> bool {
        self.ended == self.credits.len()
    }

    /// Returns whether every channel is closed and all was taken.
    pub fn is_finished(&self) -> bool {
        self.closed == self.credits.len()
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

impl RemoteInput {
    /// Gives back what was taken when it is worth a message: the producer can go on with the rest
    /// meanwhile.
    fn note_taken(&mut self, bytes: usize, limit: usize) {
        self.taken += bytes;
        if self.taken > 0 && self.taken >= limit / SHARE_GIVEN_BACK {
            self.producer.give_back(std::mem::take(&mut self.taken));
        }
    }
}

impl RemoteSink {
    /// Puts what has come; returns whether somebody will read it.
    pub(super) fn put(&self, payload: Payload, bytes: usize) -> bool {
        if self.gate.closed.load(Ordering::Acquire) {
            return false;
        }
        if bytes > 0 {
            self.credit.take(bytes);
        }
        let is_lost = matches!(payload, Payload::Lost(_));
        let queued = Queued { channel: self.channel, bytes, payload };
        let mut queue = self.gate.queue.lock();
        if is_lost {
            // The task can't come to an end: no use in working off what lies before.
            queue.push_front(queued);
        } else {
            queue.push_back(queued);
        }
        drop(queue);
        self.gate.consumer.notify();
        true
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
        let payload = Payload::Element(element);
        self.gate.queue.lock().push_back(Queued { channel: self.channel, bytes, payload });
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
