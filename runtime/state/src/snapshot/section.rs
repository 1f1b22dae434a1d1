//! What a block of a snapshot consists of.

use sciurus_core::time::Timestamp;

use super::cursor::Cursor;
use super::{SECTION_HEAD_BYTES, SnapshotError};
use crate::namespace::Namespace;
use crate::timer::{TimeDomain, Timer};

/// What the entries of a section are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// What keys have of one state in one namespace.
    State {
        /// The state's number in the header.
        state: u32,
        /// The namespace.
        namespace: Namespace,
    },
    /// Timers.
    Timers(TimeDomain),
}

impl SectionKind {
    /// Returns the bytes in front of the entries; count and length are filled in later.
    pub(super) fn head(self) -> [u8; SECTION_HEAD_BYTES] {
        let (tag, state, namespace) = match self {
            Self::State { state, namespace } => (1, state, namespace.0),
            Self::Timers(TimeDomain::Event) => (2, 0, 0),
            Self::Timers(TimeDomain::Processing) => (3, 0, 0),
        };
        let mut head = [0; SECTION_HEAD_BYTES];
        head[0] = tag;
        head[1..5].copy_from_slice(&state.to_le_bytes());
        head[5..13].copy_from_slice(&namespace.to_le_bytes());
        head
    }
}

/// A run of entries of one kind.
#[derive(Debug, Clone)]
pub struct Section<'a> {
    /// What they are.
    pub kind: SectionKind,
    /// How many there are.
    pub count: u32,
    /// Where in the block's body the entries begin.
    pub offset: usize,
    /// The entries.
    pub bytes: &'a [u8],
}

impl<'a> Section<'a> {
    /// Takes a section from the front of what is left of a block's `body`.
    pub(super) fn take(body: &[u8], cursor: &mut Cursor<'a>) -> Result<Self, SnapshotError> {
        let tag = cursor.u8()?;
        let state = cursor.u32()?;
        let namespace = Namespace(cursor.i64()?);
        let kind = match tag {
            1 => SectionKind::State { state, namespace },
            2 => SectionKind::Timers(TimeDomain::Event),
            3 => SectionKind::Timers(TimeDomain::Processing),
            other => {
                return Err(SnapshotError::corrupt("a block", format!("section kind {other}")));
            }
        };
        let count = cursor.u32()?;
        let length = usize::try_from(cursor.u64()?).unwrap_or(usize::MAX);
        let offset = body.len() - cursor.left();
        Ok(Self { kind, count, offset, bytes: cursor.take(length)? })
    }

    /// Returns the entries of a state.
    pub fn entries(&self) -> Entries<'a> {
        Entries { cursor: Cursor::new(self.bytes, "a state section"), left: self.count }
    }

    /// Returns the timers.
    pub fn timers(&self) -> Timers<'a> {
        Timers { cursor: Cursor::new(self.bytes, "a timer section"), left: self.count }
    }
}

/// Counts an entry off; at the end checks that no bytes are left.
fn next(cursor: &Cursor<'_>, left: &mut u32) -> Option<Result<(), SnapshotError>> {
    if *left == 0 {
        return cursor.end().err().map(Err);
    }
    *left -= 1;
    Some(Ok(()))
}

/// Reads the entries of a state: key and value bytes. After an error there is no more.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    cursor: Cursor<'a>,
    left: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = next(&self.cursor, &mut self.left)?
            .and_then(|()| Ok((self.cursor.sized()?, self.cursor.sized()?)));
        if entry.is_err() {
            (self.cursor, self.left) = (Cursor::new(&[], ""), 0);
        }
        Some(entry)
    }
}

/// Reads timers. After an error there is no more.
#[derive(Debug, Clone)]
pub struct Timers<'a> {
    cursor: Cursor<'a>,
    left: u32,
}

impl Timers<'_> {
    fn timer(&mut self) -> Result<Timer, SnapshotError> {
        let timestamp: Timestamp = self.cursor.i64()?;
        let namespace = Namespace(self.cursor.i64()?);
        Ok(Timer { timestamp, key: self.cursor.sized()?.into(), namespace })
    }
}

impl Iterator for Timers<'_> {
    type Item = Result<Timer, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        let timer = next(&self.cursor, &mut self.left)?.and_then(|()| self.timer());
        if timer.is_err() {
            (self.cursor, self.left) = (Cursor::new(&[], ""), 0);
        }
        Some(timer)
    }
}
