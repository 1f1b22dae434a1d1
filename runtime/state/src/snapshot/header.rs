//! The header of a snapshot: whose state it holds, and which states.

use sciurus_core::key::{KeyGroupRange, MAX_KEY_GROUPS};
use xxhash_rust::xxh3::xxh3_64;

use super::{CHECKSUM_BYTES, Cursor, MAGIC, PREFIX_BYTES, SnapshotError, VERSION};
use crate::descriptor::{StateId, StateKind};

/// A state as a snapshot describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotState {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: StateKind,
    /// Whether values, elements and entries have the time at which they were last renewed.
    pub stamped: bool,
    /// The Rust type of the values, for people to read.
    pub type_name: String,
}

/// Whose state a snapshot holds, and which states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The job's number of key groups.
    pub max_parallelism: u32,
    /// The key groups of the subtask.
    pub range: KeyGroupRange,
    /// The states, in the order of the numbers by which sections refer to them.
    pub states: Vec<SnapshotState>,
}

const STAMPED: u8 = 1;

/// Returns the byte that stands for a kind.
pub(crate) fn kind_byte(kind: StateKind) -> u8 {
    match kind {
        StateKind::Value => 1,
        StateKind::List => 2,
        StateKind::Map => 3,
    }
}

/// Returns the kind that a byte of `part` stands for.
pub(crate) fn kind_of(byte: u8, part: &str) -> Result<StateKind, SnapshotError> {
    match byte {
        1 => Ok(StateKind::Value),
        2 => Ok(StateKind::List),
        3 => Ok(StateKind::Map),
        other => Err(SnapshotError::corrupt(part, format!("state kind {other}"))),
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    // Names are checked by `to_bytes` as part of the whole.
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

impl SnapshotHeader {
    /// Returns the header's bytes, checksum included.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        for number in
            [self.max_parallelism, self.range.start, self.range.end, self.states.len() as u32]
        {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for state in &self.states {
            out.extend_from_slice(&[kind_byte(state.kind), u8::from(state.stamped) * STAMPED]);
            put_text(&state.name, &mut out);
            put_text(&state.type_name, &mut out);
        }
        let length = u32::try_from(out.len() + CHECKSUM_BYTES)
            .map_err(|_| SnapshotError::TooLarge { what: "the header".into(), bytes: out.len() })?;
        out[PREFIX_BYTES - 4..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        Ok(out)
    }

    /// Checks the first bytes of a header and returns the length of the whole.
    pub(super) fn length(prefix: &[u8; PREFIX_BYTES]) -> Result<u32, SnapshotError> {
        let mut cursor = Cursor::new(prefix, "the header");
        if cursor.array::<8>()? != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let version = u16::from_le_bytes(cursor.array()?);
        if version != VERSION {
            return Err(SnapshotError::Version { found: version, known: VERSION });
        }
        cursor.take(2)?;
        cursor.u32()
    }

    /// Reads a header, checksum included.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        const PART: &str = "the header";
        let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Err(SnapshotError::corrupt(PART, "it is too short"));
        };
        if xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return Err(SnapshotError::Checksum { part: PART.into() });
        }
        let mut cursor = Cursor::new(content, PART);
        cursor.take(PREFIX_BYTES)?;
        let max_parallelism = cursor.u32()?;
        let range = KeyGroupRange { start: cursor.u32()?, end: cursor.u32()? };
        if max_parallelism > MAX_KEY_GROUPS
            || range.start > range.end
            || range.end > max_parallelism
        {
            let reason = format!("key groups {range:?} of {max_parallelism}");
            return Err(SnapshotError::corrupt(PART, reason));
        }
        let count = cursor.u32()? as usize;
        if count > StateId::LIMIT {
            return Err(SnapshotError::corrupt(PART, format!("it lists {count} states")));
        }
        let mut states = Vec::with_capacity(count);
        for _ in 0..count {
            let kind = kind_of(cursor.u8()?, PART)?;
            let flags = cursor.u8()?;
            if flags > STAMPED {
                return Err(SnapshotError::corrupt(PART, format!("state flags {flags:#x}")));
            }
            let stamped = flags == STAMPED;
            states.push(SnapshotState {
                kind,
                stamped,
                name: cursor.text()?,
                type_name: cursor.text()?,
            });
        }
        cursor.end()?;
        Ok(Self { max_parallelism, range, states })
    }
}
