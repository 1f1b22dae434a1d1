//! The channels that arrive over a connection: which consumer each belongs to, and what to do where
//! that one isn't there yet or isn't any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow_buffer::Buffer;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::ids::{AttemptNumber, JobEdgeId, SubtaskIndex};

use super::barrier;
use super::channel::ChannelId;
use super::codec::EncodedBatch;
use super::frame::{FrameError, Header, Kind, read_marker};
use crate::error::TaskError;
use crate::exchange::gate::{Payload, RemoteSink};

/// The consumer's end of a channel, as far as connection and consumer both have to know it.
#[derive(Debug, Default)]
pub(super) struct InputState {
    /// The channel's number, once the producer has opened it.
    pub(super) number: OnceLock<u32>,
    /// Whether the consumer has read all.
    pub(super) is_ended: AtomicBool,
}

/// The channels from one peer.
#[derive(Default)]
pub(super) struct Inbound {
    /// Channels that the producer has opened.
    open: HashMap<u32, Opened>,
    /// Numbers of open channels whose consumer isn't there yet.
    waiting: HashMap<ChannelId, u32>,
    /// Consumers whose producer hasn't opened the channel yet.
    expected: HashMap<ChannelId, (RemoteSink, Arc<InputState>)>,
    /// The last attempt of each consumer that is known to be gone.
    gone: HashMap<(JobEdgeId, SubtaskIndex), AttemptNumber>,
    /// Why no more will come, once that is so.
    lost: Option<TaskError>,
}

struct Opened {
    id: ChannelId,
    target: Target,
}

enum Target {
    Consumer(RemoteSink),
    /// What has come so far. It is no more than the channel's credit.
    Waiting {
        since: Instant,
        queue: Vec<(Payload, usize)>,
    },
}

/// The numbers of channels that nobody will read: their producers are to be told.
pub(super) type Refused = Vec<u32>;

impl Inbound {
    /// Adds a consumer.
    pub(super) fn register(
        &mut self,
        id: ChannelId,
        sink: RemoteSink,
        state: Arc<InputState>,
    ) -> Refused {
        if let Some(error) = &self.lost {
            sink.put(Payload::Lost(error.clone()), 0);
            return Refused::new();
        }
        if let Some(number) = self.waiting.remove(&id) {
            let _ = state.number.set(number);
            let queue = match self.open.remove(&number) {
                Some(Opened { target: Target::Waiting { queue, .. }, .. }) => queue,
                _ => Vec::new(),
            };
            let has_end = queue.last().is_some_and(|(payload, _)| is_end(payload));
            for (payload, bytes) in queue {
                sink.put(payload, bytes);
            }
            if !has_end {
                self.open.insert(number, Opened { id, target: Target::Consumer(sink) });
            }
        } else {
            self.expected.insert(id, (sink, state));
        }
        // Whoever waits for an earlier attempt waits in vain.
        self.refuse(|waiting| {
            waiting.edge == id.edge
                && waiting.consumer.subtask == id.consumer.subtask
                && waiting.consumer.attempt < id.consumer.attempt
        })
    }

    /// Takes a consumer away that has not read all.
    pub(super) fn unregister(&mut self, id: ChannelId, state: &InputState) -> Refused {
        let attempt = id.consumer.attempt;
        let gone = self.gone.entry((id.edge, id.consumer.subtask)).or_insert(attempt);
        *gone = attempt.max(*gone);
        self.expected.remove(&id);
        // Nor will any other producer find this attempt.
        let mut refused = self.refuse(|waiting| {
            waiting.edge == id.edge
                && waiting.consumer.subtask == id.consumer.subtask
                && waiting.consumer.attempt <= attempt
        });
        let number = state.number.get().copied();
        refused.extend(number.filter(|number| self.open.remove(number).is_some()));
        refused
    }

    /// Opens a channel for a producer.
    ///
    /// # Errors
    /// Where the number is taken.
    pub(super) fn open(
        &mut self,
        number: u32,
        id: ChannelId,
        now: Instant,
    ) -> Result<Refused, FrameError> {
        if self.open.contains_key(&number) || self.waiting.contains_key(&id) {
            return Err(FrameError::Body("it opened a channel twice"));
        }
        let target = if let Some((sink, state)) = self.expected.remove(&id) {
            let _ = state.number.set(number);
            Target::Consumer(sink)
        } else {
            let gone = self.gone.get(&(id.edge, id.consumer.subtask));
            if gone.is_some_and(|gone| id.consumer.attempt <= *gone) {
                return Ok(vec![number]);
            }
            self.waiting.insert(id, number);
            Target::Waiting { since: now, queue: Vec::new() }
        };
        self.open.insert(number, Opened { id, target });
        Ok(Refused::new())
    }

    /// Hands on what a producer sent. What comes for a channel that is closed is dropped: its
    /// producer has been told or will be soon.
    ///
    /// # Errors
    /// Where the frame isn't what producers send.
    pub(super) fn deliver(&mut self, header: &Header, body: Buffer) -> Result<(), FrameError> {
        let Some(opened) = self.open.get_mut(&header.channel) else { return Ok(()) };
        let mut bytes = 0;
        let payload = match header.kind {
            Kind::Batch => {
                bytes = header.value as usize;
                let is_first = header.begins_stream;
                Payload::Encoded(EncodedBatch { is_first, body })
            }
            Kind::Watermark => Payload::Element(StreamElement::Watermark(header.value as i64)),
            Kind::Status => Payload::Element(StreamElement::WatermarkStatus(match header.value {
                0 => WatermarkStatus::Active,
                1 => WatermarkStatus::Idle,
                _ => return Err(FrameError::Body("a status that isn't known")),
            })),
            Kind::Barrier => Payload::Element(StreamElement::Barrier(
                barrier::read(&body).ok_or(FrameError::Body("a barrier that can't be read"))?,
            )),
            Kind::LatencyMarker => Payload::Element(StreamElement::LatencyMarker(
                read_marker(header.value, &body)
                    .ok_or(FrameError::Body("a latency marker that can't be read"))?,
            )),
            Kind::EndOfInput => Payload::Element(StreamElement::EndOfInput),
            Kind::End => Payload::Element(StreamElement::EndOfPartition),
            _ => return Err(FrameError::Body("a frame of another kind than producers send")),
        };
        match &mut opened.target {
            Target::Consumer(sink) => {
                // Where the consumer is gone it tells the producer itself.
                sink.put(payload, bytes);
                if header.kind == Kind::End {
                    self.open.remove(&header.channel);
                }
            }
            Target::Waiting { queue, .. } => queue.push((payload, bytes)),
        }
        Ok(())
    }

    /// Forgets a channel whose producer is gone. Its consumer gets nothing more: whoever has taken
    /// the producer away takes the consumer away, too.
    pub(super) fn close(&mut self, number: u32) {
        if let Some(opened) = self.open.remove(&number) {
            self.waiting.remove(&opened.id);
        }
    }

    /// Refuses channels whose consumer hasn't come within the time.
    pub(super) fn expire(&mut self, now: Instant, timeout: Duration) -> Refused {
        if self.waiting.is_empty() {
            return Refused::new();
        }
        let mut late = Vec::new();
        for (id, number) in &self.waiting {
            if let Some(Opened { target: Target::Waiting { since, .. }, .. }) =
                self.open.get(number)
                && now.duration_since(*since) >= timeout
            {
                late.push(*id);
            }
        }
        self.refuse(|id| late.contains(id))
    }

    fn refuse(&mut self, is_refused: impl Fn(&ChannelId) -> bool) -> Refused {
        let mut refused = Refused::new();
        self.waiting.retain(|id, number| {
            let is_refused = is_refused(id);
            if is_refused {
                refused.push(*number);
            }
            !is_refused
        });
        for number in &refused {
            self.open.remove(number);
        }
        refused
    }

    /// Fails all channels, and those to come.
    pub(super) fn lose(&mut self, error: &TaskError) {
        for (_, opened) in self.open.drain() {
            if let Target::Consumer(sink) = opened.target {
                sink.put(Payload::Lost(error.clone()), 0);
            }
        }
        for (_, (sink, _)) in self.expected.drain() {
            sink.put(Payload::Lost(error.clone()), 0);
        }
        self.waiting.clear();
        self.lost = Some(error.clone());
    }
}

fn is_end(payload: &Payload) -> bool {
    matches!(payload, Payload::Element(StreamElement::EndOfPartition))
}

impl InputState {
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }
}
