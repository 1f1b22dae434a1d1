//! How two workers begin a connection: what they say before the first frame.
//!
//! The worker with the smaller id dials. It says who it is, which of its sessions with the other
//! this is, and the number of the last frame it has received; the other answers with its own. The
//! other can only ask to be dialled, by a connection of its own that carries nothing else.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sciurus_core::ids::{JobId, WorkerId};

const MAGIC: [u8; 8] = *b"sciurusx";
/// Both ends are the same executable: this tells apart what isn't even Sciurus.
const VERSION: u32 = 2;
const HELLO_BYTES: usize = 92;
const ANSWER_BYTES: usize = 28;
/// The longest address or reason.
const MAX_TEXT_BYTES: usize = 1024;

/// What a worker wants that connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Exchange frames; in a session that is new where the flag is set.
    Connect { is_new: bool },
    /// Ask the other to connect.
    Invite,
}

/// What a worker says first that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) purpose: Purpose,
    pub(super) job: JobId,
    pub(super) from: WorkerId,
    pub(super) to: WorkerId,
    /// Chosen by who dials, for as long as the two don't lose each other.
    pub(super) session: u64,
    /// Which connection of the session it is, from 1; in an invitation the last one seen.
    pub(super) connection: u64,
    /// The number of the last frame received.
    pub(super) received: u64,
    /// Where the sender listens.
    pub(super) address: String,
}

/// What the other answers to [`Purpose::Connect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Frames follow; up to this number they have been received.
    Accepted { received: u64 },
    /// The two can't go on.
    Refused { reason: String },
}

/// Reads and writes with one deadline for all of it.
pub(super) struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Timed<'a> {
    pub(super) fn new(stream: &'a TcpStream, timeout: Duration) -> Self {
        Self { stream, deadline: Instant::now() + timeout }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(bytes)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Hello {
    /// Writes the hello.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (purpose, is_new) = match self.purpose {
            Purpose::Connect { is_new } => (1, u8::from(is_new)),
            Purpose::Invite => (2, 0),
        };
        let mut bytes = Vec::with_capacity(HELLO_BYTES + self.address.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([purpose, is_new, 0, 0]);
        bytes.extend(self.job.to_bytes());
        bytes.extend(self.from.to_bytes());
        bytes.extend(self.to.to_bytes());
        for number in [self.session, self.connection, self.received] {
            bytes.extend(number.to_le_bytes());
        }
        write_text(&mut bytes, &self.address);
        to.write_all(&bytes)
    }

    /// Reads a hello.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; HELLO_BYTES];
        from.read_exact(&mut bytes)?;
        let mut fields = Fields(&bytes);
        fields.magic_and_version()?;
        let purpose = match fields.take::<4>() {
            [1, is_new, ..] => Purpose::Connect { is_new: is_new != 0 },
            [2, ..] => Purpose::Invite,
            _ => return Err(invalid("it wants what this version doesn't know")),
        };
        Ok(Self {
            purpose,
            job: JobId::from_bytes(fields.take()),
            from: WorkerId::from_bytes(fields.take()),
            to: WorkerId::from_bytes(fields.take()),
            session: u64::from_le_bytes(fields.take()),
            connection: u64::from_le_bytes(fields.take()),
            received: u64::from_le_bytes(fields.take()),
            address: read_text(from, u32::from_le_bytes(fields.take()))?,
        })
    }
}

impl Answer {
    /// Writes the answer.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (status, received, reason) = match self {
            Self::Accepted { received } => (1, *received, ""),
            Self::Refused { reason } => (2, 0, reason.as_str()),
        };
        let mut bytes = Vec::with_capacity(ANSWER_BYTES + reason.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([status, 0, 0, 0]);
        bytes.extend(received.to_le_bytes());
        write_text(&mut bytes, reason);
        to.write_all(&bytes)
    }

    /// Reads an answer.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; ANSWER_BYTES];
        from.read_exact(&mut bytes)?;
        let mut fields = Fields(&bytes);
        fields.magic_and_version()?;
        let [status, ..] = fields.take::<4>();
        let received = u64::from_le_bytes(fields.take());
        let reason = read_text(from, u32::from_le_bytes(fields.take()))?;
        match status {
            1 => Ok(Self::Accepted { received }),
            2 => Ok(Self::Refused { reason }),
            _ => Err(invalid("it answers what this version doesn't know")),
        }
    }
}

/// Takes fields off the front of bytes that are long enough for all of them.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        let (first, rest) = self.0.split_at(N);
        field.copy_from_slice(first);
        self.0 = rest;
        field
    }

    fn magic_and_version(&mut self) -> io::Result<()> {
        if self.take() != MAGIC {
            return Err(invalid("it is no worker of a job"));
        }
        match u32::from_le_bytes(self.take()) {
            VERSION => Ok(()),
            _ => Err(invalid("it speaks another version of the protocol")),
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    let text = shortened(text);
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn read_text(from: &mut impl Read, len: u32) -> io::Result<String> {
    if len as usize > MAX_TEXT_BYTES {
        return Err(invalid("it sent a text that is too long"));
    }
    let mut bytes = vec![0; len as usize];
    from.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| invalid("it sent a text that isn't UTF-8"))
}

/// Returns as much of a text as may be sent.
fn shortened(text: &str) -> &str {
    let end = (0..=MAX_TEXT_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello(purpose: Purpose) -> Hello {
        Hello {
            purpose,
            job: JobId::random(),
            from: WorkerId::random(),
            to: WorkerId::random(),
            session: u64::MAX - 1,
            connection: 3,
            received: 77,
            address: "worker.example:6121".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let purposes = [true, false].map(|is_new| Purpose::Connect { is_new });
        for purpose in purposes.into_iter().chain([Purpose::Invite]) {
            let (hello, mut bytes) = (hello(purpose), Vec::new());
            hello.write(&mut bytes).unwrap();
            assert_eq!(Hello::read(&mut bytes.as_slice()).unwrap(), hello);
        }
        let long = Answer::Refused { reason: "ä".repeat(MAX_TEXT_BYTES) };
        for answer in [Answer::Accepted { received: 5 }, long] {
            let mut bytes = Vec::new();
            answer.write(&mut bytes).unwrap();
            match (Answer::read(&mut bytes.as_slice()).unwrap(), answer) {
                (Answer::Refused { reason }, _) => assert_eq!(reason.len(), MAX_TEXT_BYTES),
                (read, answer) => assert_eq!(read, answer),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(
            at in 0usize..110, byte: u8, len in 0usize..120, noise in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let mut bytes = Vec::new();
            hello(Purpose::Invite).write(&mut bytes).unwrap();
            bytes[at] = byte;
            let _ = Hello::read(&mut &bytes[..len.min(bytes.len())]);
            let _ = Hello::read(&mut bytes.as_slice());
            prop_assert!(Hello::read(&mut noise.as_slice()).is_err());
            prop_assert!(Answer::read(&mut noise.as_slice()).is_err());
        }
    }
}
