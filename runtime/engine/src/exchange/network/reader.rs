//! The thread that reads from a peer, one for each connection.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use arrow_buffer::Buffer;

use super::frame::{FrameError, HEADER_BYTES, Header};
use super::link::{Link, Stop};

/// What is read at once where frames are small …
const SMALL_FRAMES_READ_BYTES: usize = 64 << 10;
/// … and where they are large, so that little of the next body has to be copied …
const LARGE_FRAMES_READ_BYTES: usize = 4 << 10;
/// … which is from so many bytes on.
const LARGE_FRAME_BYTES: usize = 16 << 10;

/// Reads are at least so long apart, where much comes: waking a thread costs as much as some
/// thousand rows, so what comes meanwhile is better taken in together.
const SHORTEST_TURN: Duration = Duration::from_micros(50);

/// The other side is told what was received at least once in so many bytes …
const BYTES_TO_ACKNOWLEDGE: usize = 256 << 10;
/// … or frames.
const FRAMES_TO_ACKNOWLEDGE: u64 = 64;

/// Reads frames until the connection is broken or another has taken its place.
pub(super) fn run(link: &Arc<Link>, stream: &Arc<TcpStream>, connection: u64) {
    let mut frames = FrameReader::new(stream);
    match read_frames(link, &mut frames, connection) {
        Ok(()) => link.break_off(connection, "it has closed the connection".to_owned()),
        Err(End::Io(error)) => {
            let silent =
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            let reason = if silent {
                format!("nothing came for {:?}", link.context.options.reconnect_timeout)
            } else {
                format!("reading from it failed: {error}")
            };
            link.break_off(connection, reason);
        }
        Err(End::Stop(Stop::Superseded)) => {}
        // Both sides run the same code: who says what can't be understood won't say better.
        Err(End::Stop(Stop::Wrong(error))) => link.lose(&error.to_string()),
    }
}

enum End {
    Io(io::Error),
    Stop(Stop),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Stop(Stop::Wrong(error))
    }
}

fn read_frames(link: &Link, frames: &mut FrameReader<'_>, connection: u64) -> Result<(), End> {
    let counters = &link.context.counters;
    let mut last_ack = 0;
    let mut unacknowledged_bytes = 0;
    let mut acknowledged = link.acknowledged.load(Ordering::Acquire);
    while let Some((header, body)) = frames.next()? {
        let bytes = HEADER_BYTES + header.body_bytes;
        counters.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
        counters.frames_received.fetch_add(1, Ordering::Relaxed);
        link.is_heard.store(true, Ordering::Release);
        if header.ack > last_ack {
            link.on_acknowledged(header.ack)?;
            last_ack = header.ack;
        }
        link.receive(connection, &header, body).map_err(End::Stop)?;
        // What else is sent meanwhile says what was received, too.
        let now_acknowledged = link.acknowledged.load(Ordering::Acquire);
        if now_acknowledged > acknowledged {
            acknowledged = now_acknowledged;
            unacknowledged_bytes = 0;
        }
        unacknowledged_bytes += bytes;
        if unacknowledged_bytes >= BYTES_TO_ACKNOWLEDGE
            || header.seq >= acknowledged + FRAMES_TO_ACKNOWLEDGE
        {
            // The next request is due as much later.
            (unacknowledged_bytes, acknowledged) = (0, link.received());
            link.request_ack();
        }
    }
    Ok(())
}

/// Takes frames off a connection; the body of each has memory of its own.
struct FrameReader<'a> {
    stream: &'a TcpStream,
    /// What was read ahead lies in `ahead[start..end]`.
    ahead: Vec<u8>,
    start: usize,
    end: usize,
    last_body_bytes: usize,
    /// When nothing was left of what had been read, for the last time.
    last_turn: Instant,
}

impl<'a> FrameReader<'a> {
    fn new(stream: &'a TcpStream) -> Self {
        let ahead = vec![0; SMALL_FRAMES_READ_BYTES];
        let last_turn = Instant::now();
        Self { stream, ahead, start: 0, end: 0, last_body_bytes: 0, last_turn }
    }

    /// Returns the next frame; `None` where the other side has closed the connection after the last.
    fn next(&mut self) -> Result<Option<(Header, Buffer)>, End> {
        while self.end - self.start < HEADER_BYTES {
            self.ahead.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.end == 0 {
                self.wait_for_company();
            }
            let is_large = self.last_body_bytes >= LARGE_FRAME_BYTES;
            let most = if is_large { LARGE_FRAMES_READ_BYTES } else { SMALL_FRAMES_READ_BYTES };
            let read = retry(|| (&mut &*self.stream).read(&mut self.ahead[self.end..most]))?;
            if read == 0 && self.end == 0 {
                return Ok(None);
            }
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.end += read;
        }
        let mut bytes = [0; HEADER_BYTES];
        bytes.copy_from_slice(&self.ahead[self.start..self.start + HEADER_BYTES]);
        self.start += HEADER_BYTES;
        let header = Header::parse(&bytes)?;
        self.last_body_bytes = header.body_bytes;
        Ok(Some((header, self.body(header.body_bytes)?)))
    }

    fn wait_for_company(&mut self) {
        if let Some(left) = SHORTEST_TURN.checked_sub(self.last_turn.elapsed()) {
            thread::sleep(left);
        }
        self.last_turn = Instant::now();
    }

    fn body(&mut self, len: usize) -> Result<Buffer, End> {
        let mut body = Vec::new();
        // Memory for numbers has to be aligned, which an allocation of this size is.
        if body.try_reserve_exact(len).is_err() {
            return Err(FrameError::Length(len as u64).into());
        }
        let ahead = len.min(self.end - self.start);
        body.extend_from_slice(&self.ahead[self.start..self.start + ahead]);
        self.start += ahead;
        while body.len() < len {
            let spare = rustix::buffer::spare_capacity(&mut body);
            match rustix::io::read(self.stream, spare) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        if body.len() > len {
            // The allocation was larger than asked for: what is behind the body was read ahead.
            // Nothing else is there, since the body was not.
            let behind = body.len() - len;
            if behind > self.ahead.len() {
                self.ahead.resize(behind, 0);
            }
            self.ahead[..behind].copy_from_slice(&body[len..]);
            (self.start, self.end) = (0, behind);
            body.truncate(len);
        }
        Ok(Buffer::from_vec(body))
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
