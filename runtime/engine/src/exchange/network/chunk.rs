//! Frames on their way into a connection.

use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use super::frame::{HEADER_BYTES, OutgoingFrame};
use super::outbox::Outbox;

/// Frames are written together up to so many bytes …
const MAX_BYTES: usize = 1 << 20;
/// … and up to so many frames.
const MAX_FRAMES: usize = 64;
/// The kernel takes no more parts at once.
const MAX_PARTS: usize = 1024;

/// Frames that are written together.
pub(super) struct Chunk {
    headers: Vec<[u8; HEADER_BYTES]>,
    frames: Vec<(u64, Arc<OutgoingFrame>)>,
    /// How many bytes of them were written.
    written: usize,
}

/// Whether the caller of [`Chunk::write`] can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It can't: what the kernel doesn't take at once is left.
    None,
    /// As long as the connection allows.
    Timeout,
}

impl Chunk {
    /// Takes frames off an outbox, while `received` is the last frame received; one that says only
    /// that, where there is no other.
    pub(super) fn take(outbox: &mut Outbox, received: u64) -> Self {
        let mut frames = Vec::new();
        outbox.take(&mut frames, MAX_BYTES, MAX_FRAMES);
        if frames.is_empty() {
            frames.push((0, Arc::new(OutgoingFrame::ack())));
        }
        let headers = frames.iter().map(|(seq, frame)| frame.header(*seq, received)).collect();
        Self { headers, frames, written: 0 }
    }

    /// Returns how many frames these are.
    pub(super) fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Returns how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.frames.iter().map(|(_, frame)| frame.bytes()).sum()
    }

    /// Writes what isn't written yet; returns whether that is all.
    pub(super) fn write(&mut self, stream: &TcpStream, patience: Patience) -> io::Result<bool> {
        let mut slices = Vec::with_capacity(4 * self.frames.len());
        for (header, (_, frame)) in self.headers.iter().zip(&self.frames) {
            slices.push(IoSlice::new(header));
            slices.extend(frame.parts.iter().map(|part| IoSlice::new(part)));
        }
        let mut slices = slices.as_mut_slice();
        IoSlice::advance_slices(&mut slices, self.written);
        let flags = match patience {
            Patience::None => SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
            Patience::Timeout => SendFlags::NOSIGNAL,
        };
        while !slices.is_empty() {
            let parts = &slices[..slices.len().min(MAX_PARTS)];
            match sendmsg(stream, parts, &mut SendAncillaryBuffer::default(), flags) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    IoSlice::advance_slices(&mut slices, bytes);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if patience == Patience::None => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}
