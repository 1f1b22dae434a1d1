//! What names a channel between two workers, and a worker.

use std::fmt;
use std::sync::Arc;

use sciurus_core::ids::{AttemptNumber, JobEdgeId, SubtaskIndex, WorkerId};

/// A subtask at one end of a channel, and which attempt to run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelEnd {
    /// Which of its vertex's subtasks it is.
    pub subtask: SubtaskIndex,
    /// Which attempt it is.
    pub attempt: AttemptNumber,
}

/// Names a channel of a job: from one attempt of a producer to one of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelId {
    /// The edge that the channel is part of.
    pub edge: JobEdgeId,
    /// Who sends.
    pub producer: ChannelEnd,
    /// Who reads.
    pub consumer: ChannelEnd,
}

/// How many bytes a channel's name takes between workers.
pub(super) const CHANNEL_ID_BYTES: usize = 20;

impl ChannelId {
    /// Returns the name as five numbers, little endian.
    pub(super) fn to_bytes(self) -> [u8; CHANNEL_ID_BYTES] {
        let numbers = [
            self.edge.0,
            self.producer.subtask.0,
            self.producer.attempt.0,
            self.consumer.subtask.0,
            self.consumer.attempt.0,
        ];
        let mut bytes = [0; CHANNEL_ID_BYTES];
        for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; CHANNEL_ID_BYTES] = bytes.try_into().ok()?;
        let number = |place: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[4 * place..4 * place + 4]);
            u32::from_le_bytes(number)
        };
        let end = |place| ChannelEnd {
            subtask: SubtaskIndex(number(place)),
            attempt: AttemptNumber(number(place + 1)),
        };
        Some(Self { edge: JobEdgeId(number(0)), producer: end(1), consumer: end(3) })
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge, producer, consumer } = self;
        write!(
            formatter,
            "edge {edge} from subtask {} (attempt {}) to subtask {} (attempt {})",
            producer.subtask, producer.attempt, consumer.subtask, consumer.attempt
        )
    }
}

/// A worker, and where it listens for data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The worker's id: a process started anew has another.
    pub worker: WorkerId,
    /// Where it listens: host:port.
    pub address: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_from_the_bytes_it_writes() {
        let end = |n| ChannelEnd { subtask: SubtaskIndex(n), attempt: AttemptNumber(n + 1) };
        let channel = ChannelId { edge: JobEdgeId(7), producer: end(1 << 20), consumer: end(3) };
        let bytes = channel.to_bytes();
        assert_eq!(ChannelId::from_bytes(&bytes), Some(channel));
        assert_eq!(ChannelId::from_bytes(&bytes[1..]), None);
    }
}
