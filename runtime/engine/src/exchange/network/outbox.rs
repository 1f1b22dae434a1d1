//! The frames that a connection has still to deliver.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::{FrameError, OutgoingFrame};

/// Numbers frames and keeps each until the other side has acknowledged it.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Frames in order, those that were written first.
    frames: VecDeque<Arc<OutgoingFrame>>,
    /// The number of the first of `frames`.
    first: u64,
    /// How many of `frames` were written on the present connection.
    written: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { frames: VecDeque::new(), first: 1, written: 0 }
    }
}

impl Outbox {
    /// Appends a frame.
    pub(super) fn push(&mut self, frame: OutgoingFrame) {
        self.frames.push_back(Arc::new(frame));
    }

    /// Returns whether a frame has still to be written.
    pub(super) fn has_unwritten(&self) -> bool {
        self.written < self.frames.len()
    }

    /// Moves frames to `batch`, with their numbers, until it has `max_bytes` or `max_frames`; they
    /// count as written.
    pub(super) fn take(
        &mut self,
        batch: &mut Vec<(u64, Arc<OutgoingFrame>)>,
        max_bytes: usize,
        max_frames: usize,
    ) {
        let mut bytes = 0;
        while bytes < max_bytes && batch.len() < max_frames {
            let Some(frame) = self.frames.get(self.written) else { return };
            bytes += frame.bytes();
            batch.push((self.first + self.written as u64, frame.clone()));
            self.written += 1;
        }
    }

    /// Returns the number of the last frame that was acknowledged.
    fn acknowledged(&self) -> u64 {
        self.first - 1
    }

    /// Notes that the other side has all frames up to number `seq`, and returns what needn't be
    /// kept any more: for the caller to drop without a lock.
    ///
    /// # Errors
    /// Where no such frame was written.
    pub(super) fn acknowledge(&mut self, seq: u64) -> Result<Vec<Arc<OutgoingFrame>>, FrameError> {
        let Some(done) = seq.checked_sub(self.acknowledged()) else { return Ok(Vec::new()) };
        if done > self.written as u64 {
            return Err(FrameError::Acknowledged(seq));
        }
        self.first += done;
        self.written -= done as usize;
        Ok(self.frames.drain(..done as usize).collect())
    }

    /// Begins a new connection, whose other side has all frames up to number `seq`: what follows
    /// is written again.
    ///
    /// # Errors
    /// Where there was no such frame, or those behind it aren't kept any more.
    pub(super) fn resume(&mut self, seq: u64) -> Result<Vec<Arc<OutgoingFrame>>, FrameError> {
        if seq < self.acknowledged() {
            return Err(FrameError::Acknowledged(seq));
        }
        // Frames may have been received whose writing was interrupted.
        self.written = self.frames.len();
        let done = self.acknowledge(seq)?;
        self.written = 0;
        Ok(done)
    }

    /// Drops all frames.
    pub(super) fn clear(&mut self) -> VecDeque<Arc<OutgoingFrame>> {
        self.first += self.frames.len() as u64;
        self.written = 0;
        std::mem::take(&mut self.frames)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(outbox: &mut Outbox, frames: usize) -> Vec<u64> {
        let mut batch = Vec::new();
        outbox.take(&mut batch, usize::MAX, frames);
        batch.into_iter().map(|(seq, _)| seq).collect()
    }

    #[test]
    fn frames_are_kept_until_they_are_acknowledged() {
        let mut outbox = Outbox::default();
        (0..4).for_each(|channel| outbox.push(OutgoingFrame::end(channel)));
        assert_eq!(take(&mut outbox, 3), [1, 2, 3]);
        assert_eq!(outbox.acknowledge(2).unwrap().len(), 2);
        assert_eq!(outbox.acknowledge(1).unwrap().len(), 0);
        assert_eq!(outbox.acknowledge(4).unwrap_err(), FrameError::Acknowledged(4));
        outbox.resume(2).unwrap();
        assert_eq!(take(&mut outbox, 9), [3, 4]);
        assert!(!outbox.has_unwritten());
        assert!(outbox.resume(1).is_err(), "frame 2 isn't kept any more");
        assert!(outbox.resume(5).is_err(), "there was no frame 5");
        assert!(outbox.acknowledge(u64::MAX).is_err());
    }

    #[test]
    fn a_batch_ends_when_it_has_bytes_enough() {
        let mut outbox = Outbox::default();
        (0..9).for_each(|channel| outbox.push(OutgoingFrame::end(channel)));
        let mut batch = Vec::new();
        outbox.take(&mut batch, 100, 9);
        assert_eq!(batch.len(), 3, "48 bytes each");
    }

    proptest! {
        /// However often a connection breaks, and wherever: the other side gets all in order, once.
        #[test]
        fn nothing_is_lost_or_doubled(steps in prop::collection::vec((0u8..4, 1usize..5), 1..200)) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut received) = (0_u64, 0_u64);
            let mut on_wire: VecDeque<u64> = VecDeque::new();
            for (step, n) in steps {
                match step {
                    0 => for _ in 0..n {
                        outbox.push(OutgoingFrame::end(0));
                        pushed += 1;
                    },
                    1 => on_wire.extend(take(&mut outbox, n)),
                    2 => for seq in on_wire.drain(..n.min(on_wire.len())) {
                        prop_assert_eq!(seq, received + 1);
                        received = seq;
                    },
                    _ => {
                        if n == 1 {
                            outbox.acknowledge(received).unwrap();
                        } else {
                            on_wire.clear();
                            outbox.resume(received).unwrap();
                        }
                    }
                }
            }
            on_wire.extend(take(&mut outbox, usize::MAX));
            prop_assert_eq!(on_wire.back().copied().unwrap_or(received), pushed);
        }
    }
}
