//! The thread that writes to a peer, and makes the connections with it.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::frame::{HEADER_BYTES, OutgoingFrame};
use super::link::Link;

/// Frames are written together up to so many bytes …
const MAX_WRITE_BYTES: usize = 1 << 20;
/// … and up to so many frames.
const MAX_WRITE_FRAMES: usize = 64;

/// The longest time in which nothing is sent.
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

/// Serves a link until its peer is lost.
pub(super) fn run(link: &Arc<Link>) {
    let options = &link.context.options;
    let mut deadline = Instant::now() + options.connect_timeout;
    loop {
        if let Err(reason) = link.establish(deadline) {
            link.lose(&reason);
            return;
        }
        if write_frames(link).is_none() {
            return;
        }
        // A connection over which nothing came was none.
        if link.is_heard.load(Ordering::Acquire) {
            deadline = Instant::now() + options.reconnect_timeout;
        }
    }
}

/// Writes frames until the connection is broken; `None` where the peer is lost.
fn write_frames(link: &Link) -> Option<()> {
    let silence = LONGEST_SILENCE.min(link.context.options.reconnect_timeout / 4);
    let mut frames = Vec::with_capacity(MAX_WRITE_FRAMES);
    let mut headers = Vec::with_capacity(MAX_WRITE_FRAMES);
    let mut looked = Instant::now();
    loop {
        let (stream, connection) = {
            let mut outbound = link.outbound.lock();
            let deadline = Instant::now() + silence;
            loop {
                if outbound.lost.is_some() {
                    return None;
                }
                if outbound.stream.is_none() {
                    return Some(());
                }
                if outbound.outbox.has_unwritten() || outbound.is_ack_due {
                    break;
                }
                if link.changed.wait_until(&mut outbound, deadline).timed_out() {
                    break;
                }
            }
            let Some(stream) = outbound.stream.clone() else { return Some(()) };
            outbound.is_ack_due = false;
            outbound.outbox.take(&mut frames, MAX_WRITE_BYTES, MAX_WRITE_FRAMES);
            (stream, outbound.connection)
        };
        if frames.is_empty() {
            frames.push((0, Arc::new(OutgoingFrame::ack())));
        }
        let received = link.received();
        headers.extend(frames.iter().map(|(seq, frame)| frame.header(*seq, received)));
        link.acknowledged.store(received, Ordering::Release);
        match write(&stream, &headers, &frames) {
            Ok(bytes) => {
                let counters = &link.context.counters;
                counters.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
                counters.frames_sent.fetch_add(frames.len() as u64, Ordering::Relaxed);
            }
            Err(error) => {
                link.break_off(connection, format!("writing to it failed: {error}"));
                return Some(());
            }
        }
        frames.clear();
        headers.clear();
        if looked.elapsed() >= silence {
            looked = Instant::now();
            link.expire();
        }
    }
}

fn write(
    stream: &TcpStream,
    headers: &[[u8; HEADER_BYTES]],
    frames: &[(u64, Arc<OutgoingFrame>)],
) -> io::Result<u64> {
    let mut slices = Vec::with_capacity(4 * frames.len());
    for (header, (_, frame)) in headers.iter().zip(frames) {
        slices.push(IoSlice::new(header));
        slices.extend(frame.parts.iter().map(|part| IoSlice::new(part)));
    }
    let mut slices = slices.as_mut_slice();
    let mut written = 0;
    while !slices.is_empty() {
        // The kernel takes no more than 1024 at a time, which `write_vectored` sees to.
        match (&mut &*stream).write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => {
                written += bytes as u64;
                IoSlice::advance_slices(&mut slices, bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
