//! What goes over a connection: frames of a header and a body.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | length of the body |
//! | 4 | 1 | kind |
//! | 5 | 1 | flags: 1 where a batch begins a stream |
//! | 6 | 2 | 0 |
//! | 8 | 4 | number of the channel |
//! | 12 | 4 | how many bytes of the body the checksum covers |
//! | 16 | 8 | value: what the kind says |
//! | 24 | 8 | XXH3-64 of those bytes |
//! | 32 | 8 | number of the frame, from 1; 0 where it is no part of the sequence |
//! | 40 | 8 | number of the last frame received from the other side |
//!
//! All numbers are little endian. A channel's number is chosen by its producer's side; frames of
//! consumers (`Credit`, `Gone`) name it by the same. What is in a frame's body beyond the checked
//! bytes is columns of numbers and text, of which no damage does more harm than wrong values.

use arrow_buffer::Buffer;
use sciurus_core::checkpoint::CheckpointBarrier;
use sciurus_core::element::{LatencyMarker, WatermarkStatus};
use sciurus_core::ids::{HEX_ID_BYTES, OperatorId};
use sciurus_core::time::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::barrier;
use super::channel::ChannelId;
use super::codec::OutgoingBatch;

/// The bytes of a header.
pub(super) const HEADER_BYTES: usize = 48;

/// The longest body; a record that takes more can't travel.
pub(super) const MAX_BODY_BYTES: usize = i32::MAX as usize;

/// The bytes of a latency marker's body: the source's id and its subtask.
const MARKER_BYTES: usize = HEX_ID_BYTES + 4;

const BEGINS_STREAM: u8 = 1;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A producer opens a channel; the body is its name.
    Open = 1,
    /// Rows; the value is how much credit they take.
    Batch = 2,
    /// The value is the watermark.
    Watermark = 3,
    /// The value is 1 where the channel is idle.
    Status = 4,
    /// Nothing follows on the channel: it is closed.
    End = 5,
    /// The producer is gone before the end.
    Close = 6,
    /// A consumer has taken as many bytes as the value says.
    Credit = 7,
    /// The consumer is gone.
    Gone = 8,
    /// Nothing but the header's last field; not part of the sequence.
    Ack = 9,
    /// The value is the checkpoint's id; the body is the barrier.
    Barrier = 10,
    /// The data of the channel has ended; barriers may follow.
    EndOfInput = 11,
    /// A latency marker; the value is when it was due, the body is where it comes from.
    LatencyMarker = 12,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{
            Ack, Barrier, Batch, Close, Credit, End, EndOfInput, Gone, LatencyMarker, Open, Status,
            Watermark,
        };
        let kinds = [
            Open,
            Batch,
            Watermark,
            Status,
            End,
            Close,
            Credit,
            Gone,
            Ack,
            Barrier,
            EndOfInput,
            LatencyMarker,
        ];
        kinds.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Reads a latency marker: when it was due and the body of its frame.
pub(super) fn read_marker(emitted_at: u64, body: &[u8]) -> Option<LatencyMarker> {
    let (source, subtask) = body.split_at_checked(HEX_ID_BYTES)?;
    Some(LatencyMarker {
        emitted_at: emitted_at as Timestamp,
        source: OperatorId::from_bytes(source.try_into().ok()?),
        subtask: u32::from_le_bytes(subtask.try_into().ok()?),
    })
}

/// A frame on its way out, without its numbers: they are known when it is written.
#[derive(Debug, Clone)]
pub(super) struct OutgoingFrame {
    kind: Kind,
    flags: u8,
    channel: u32,
    value: u64,
    checked: u32,
    checksum: u64,
    /// The body, one part behind the other.
    pub(super) parts: Vec<Buffer>,
    body_bytes: usize,
}

impl OutgoingFrame {
    fn control(kind: Kind, channel: u32, value: u64) -> Self {
        let (parts, body_bytes) = (Vec::new(), 0);
        Self { kind, flags: 0, channel, value, checked: 0, checksum: 0, parts, body_bytes }
    }

    pub(super) fn open(channel: u32, id: ChannelId) -> Self {
        Self::control(Kind::Open, channel, 0).with_body(&id.to_bytes())
    }

    pub(super) fn barrier(channel: u32, barrier: &CheckpointBarrier) -> Self {
        let body = barrier::to_bytes(barrier);
        Self::control(Kind::Barrier, channel, barrier.id.0).with_body(&body)
    }

    pub(super) fn latency_marker(channel: u32, marker: &LatencyMarker) -> Self {
        let mut body = [0; MARKER_BYTES];
        body[..HEX_ID_BYTES].copy_from_slice(&marker.source.to_bytes());
        body[HEX_ID_BYTES..].copy_from_slice(&marker.subtask.to_le_bytes());
        Self::control(Kind::LatencyMarker, channel, marker.emitted_at as u64).with_body(&body)
    }

    /// Adds a body, all of which the checksum covers.
    fn with_body(self, body: &[u8]) -> Self {
        let (checked, checksum) = (body.len() as u32, xxh3_64(body));
        Self { checked, checksum, body_bytes: body.len(), parts: vec![Buffer::from(body)], ..self }
    }

    /// Makes the frame of a batch that takes `credit` bytes of credit; `None` where it is too long.
    /// The first part, which says where all others lie, is covered by the checksum, and all of them
    /// are where they are compressed: from them follows how much memory unpacking them takes.
    pub(super) fn batch(
        channel: u32,
        credit: usize,
        batch: OutgoingBatch,
        is_compressed: bool,
    ) -> Option<Self> {
        let OutgoingBatch { is_first, parts } = batch;
        let body_bytes: usize = parts.iter().map(Buffer::len).sum();
        if body_bytes > MAX_BODY_BYTES {
            return None;
        }
        let (checked, checksum) = match parts.as_slice() {
            [] => (0, 0),
            [first, ..] if !is_compressed => (first.len(), xxh3_64(first)),
            [one] => (one.len(), xxh3_64(one)),
            several => {
                let mut hasher = xxhash_rust::xxh3::Xxh3::new();
                for part in several {
                    hasher.update(part);
                }
                (body_bytes, hasher.digest())
            }
        };
        let flags = if is_first { BEGINS_STREAM } else { 0 };
        let (checked, value) = (checked as u32, credit as u64);
        Some(Self {
            kind: Kind::Batch,
            flags,
            channel,
            value,
            checked,
            checksum,
            parts,
            body_bytes,
        })
    }

    pub(super) fn watermark(channel: u32, watermark: Timestamp) -> Self {
        Self::control(Kind::Watermark, channel, watermark as u64)
    }

    pub(super) fn status(channel: u32, status: WatermarkStatus) -> Self {
        Self::control(Kind::Status, channel, u64::from(status == WatermarkStatus::Idle))
    }

    pub(super) fn end_of_input(channel: u32) -> Self {
        Self::control(Kind::EndOfInput, channel, 0)
    }

    pub(super) fn end(channel: u32) -> Self {
        Self::control(Kind::End, channel, 0)
    }

    pub(super) fn close(channel: u32) -> Self {
        Self::control(Kind::Close, channel, 0)
    }

    pub(super) fn credit(channel: u32, bytes: usize) -> Self {
        Self::control(Kind::Credit, channel, bytes as u64)
    }

    pub(super) fn gone(channel: u32) -> Self {
        Self::control(Kind::Gone, channel, 0)
    }

    pub(super) fn ack() -> Self {
        Self::control(Kind::Ack, 0, 0)
    }

    /// Returns how many bytes the frame takes on the wire.
    pub(super) fn bytes(&self) -> usize {
        HEADER_BYTES + self.body_bytes
    }

    /// Returns the header of the frame as number `seq`, while `ack` is the last received.
    pub(super) fn header(&self, seq: u64, ack: u64) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0..4].copy_from_slice(&(self.body_bytes as u32).to_le_bytes());
        header[4] = self.kind as u8;
        header[5] = self.flags;
        header[8..12].copy_from_slice(&self.channel.to_le_bytes());
        header[12..16].copy_from_slice(&self.checked.to_le_bytes());
        header[16..24].copy_from_slice(&self.value.to_le_bytes());
        header[24..32].copy_from_slice(&self.checksum.to_le_bytes());
        header[32..40].copy_from_slice(&seq.to_le_bytes());
        header[40..48].copy_from_slice(&ack.to_le_bytes());
        header
    }
}

/// A frame's header, as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) begins_stream: bool,
    pub(super) channel: u32,
    pub(super) value: u64,
    pub(super) body_bytes: usize,
    pub(super) seq: u64,
    pub(super) ack: u64,
    checked: usize,
    checksum: u64,
}

/// Says why what came is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("it sent a frame of the unknown kind {0}")]
    Kind(u8),
    #[error("it sent a frame with the body length {0}")]
    Length(u64),
    #[error("it sent frame {found} where frame {expected} was due")]
    Sequence { found: u64, expected: u64 },
    #[error("it has acknowledged frame {0}, which it was never sent")]
    Acknowledged(u64),
    #[error("a frame was damaged on its way")]
    Checksum,
    #[error("it sent a frame that can't be understood: {0}")]
    Body(&'static str),
}

impl Header {
    /// Reads a header.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let four = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(number)
        };
        let eight = |at: usize| u64::from(four(at)) | u64::from(four(at + 4)) << 32;
        let kind = Kind::from_byte(bytes[4]).ok_or(FrameError::Kind(bytes[4]))?;
        let (body_bytes, checked) = (four(0) as usize, four(12) as usize);
        let has_body =
            matches!(kind, Kind::Open | Kind::Batch | Kind::Barrier | Kind::LatencyMarker);
        if body_bytes > MAX_BODY_BYTES || checked > body_bytes || (body_bytes > 0) != has_body {
            return Err(FrameError::Length(body_bytes as u64));
        }
        Ok(Self {
            kind,
            begins_stream: bytes[5] & BEGINS_STREAM != 0,
            channel: four(8),
            value: eight(16),
            body_bytes,
            seq: eight(32),
            ack: eight(40),
            checked,
            checksum: eight(24),
        })
    }

    /// Compares the body with its checksum.
    pub(super) fn check(&self, body: &[u8]) -> Result<(), FrameError> {
        match body.get(..self.checked) {
            Some([]) => Ok(()),
            Some(checked) if xxh3_64(checked) == self.checksum => Ok(()),
            _ => Err(FrameError::Checksum),
        }
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::{AttemptNumber, JobEdgeId, SubtaskIndex};

    use super::super::channel::ChannelEnd;
    use super::*;

    fn round_trip(frame: &OutgoingFrame) -> Header {
        let header = Header::parse(&frame.header(7, 3)).unwrap();
        assert_eq!((header.seq, header.ack), (7, 3));
        let body = frame.parts.iter().flat_map(|part| part.to_vec()).collect::<Vec<_>>();
        assert_eq!(header.body_bytes, body.len());
        header.check(&body).unwrap();
        header
    }

    #[test]
    fn a_header_is_read_from_the_bytes_it_writes() {
        let header = round_trip(&OutgoingFrame::watermark(9, -5));
        assert_eq!((header.kind, header.channel), (Kind::Watermark, 9));
        assert_eq!(header.value as i64, -5);
        for frame in [OutgoingFrame::end(1), OutgoingFrame::close(1), OutgoingFrame::gone(1)] {
            assert_eq!(round_trip(&frame).kind, frame.kind);
        }
        assert_eq!(round_trip(&OutgoingFrame::credit(1, 1 << 40)).value, 1 << 40);
        let end = ChannelEnd { subtask: SubtaskIndex(1), attempt: AttemptNumber(2) };
        let id = ChannelId { edge: JobEdgeId(3), producer: end, consumer: end };
        assert_eq!(round_trip(&OutgoingFrame::open(1, id)).kind, Kind::Open);
    }

    #[test]
    fn what_is_covered_by_the_checksum_cannot_change_unnoticed() {
        let parts = || vec![Buffer::from(vec![1_u8; 100]), Buffer::from(vec![2_u8; 100])];
        for (is_compressed, covered) in [(false, 100), (true, 200)] {
            let batch = OutgoingBatch { is_first: true, parts: parts() };
            let frame = OutgoingFrame::batch(1, 50, batch, is_compressed).unwrap();
            let header = round_trip(&frame);
            assert!(header.begins_stream);
            let body: Vec<u8> = parts().iter().flat_map(|part| part.to_vec()).collect();
            for at in 0..body.len() {
                let mut damaged = body.clone();
                damaged[at] ^= 4;
                assert_eq!(header.check(&damaged).is_err(), at < covered);
            }
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let good = OutgoingFrame::end(1).header(1, 0);
        let with = |at: usize, byte: u8| {
            let mut header = good;
            header[at] = byte;
            Header::parse(&header)
        };
        assert_eq!(with(4, 0), Err(FrameError::Kind(0)));
        assert_eq!(with(4, 200), Err(FrameError::Kind(200)));
        assert_eq!(with(0, 1), Err(FrameError::Length(1)));
        assert_eq!(with(4, Kind::Batch as u8), Err(FrameError::Length(0)));
    }
}
