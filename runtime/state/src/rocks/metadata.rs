//! What a backend has to know of its files in order to restore from them; see docs/formats.md.

use std::collections::BTreeMap;

use sciurus_core::key::KeyGroupRange;
use xxhash_rust::xxh3::xxh3_64;

use super::layout::Pane;
use crate::descriptor::{StateId, StateKind};
use crate::namespace::Namespace;
use crate::snapshot::{Cursor, SnapshotError, SnapshotState, kind_byte, kind_of};

const MAGIC: [u8; 8] = *b"SCI-ROCK";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 8;
const PART: &str = "the metadata of the rocksdb backend's files";

/// What the files of a snapshot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) max_parallelism: u32,
    pub(super) range: KeyGroupRange,
    /// The states, in the order of their numbers.
    pub(super) states: Vec<SnapshotState>,
    /// The namespaces that have rows.
    pub(super) panes: BTreeMap<Namespace, Pane>,
    /// The number of the next pane.
    pub(super) next_pane: Pane,
    /// The files, with their sizes.
    pub(super) files: BTreeMap<String, u64>,
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

impl Metadata {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        for number in [
            self.max_parallelism,
            self.range.start,
            self.range.end,
            self.next_pane,
            self.states.len() as u32,
            self.panes.len() as u32,
            self.files.len() as u32,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for state in &self.states {
            out.extend_from_slice(&[kind_byte(state.kind), u8::from(state.stamped)]);
            put_text(&state.name, &mut out);
            put_text(&state.type_name, &mut out);
        }
        for (namespace, pane) in &self.panes {
            out.extend_from_slice(&namespace.0.to_le_bytes());
            out.extend_from_slice(&pane.to_le_bytes());
        }
        for (name, bytes) in &self.files {
            put_text(name, &mut out);
            out.extend_from_slice(&bytes.to_le_bytes());
        }
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Err(SnapshotError::NotASnapshot);
        };
        let mut cursor = Cursor::new(content, PART);
        if cursor.array::<8>()? != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let version = u16::from_le_bytes(cursor.array()?);
        if version != VERSION {
            return Err(SnapshotError::Version { found: version, known: VERSION });
        }
        if xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return Err(SnapshotError::Checksum { part: PART.into() });
        }
        cursor.take(2)?;
        let max_parallelism = cursor.u32()?;
        let range = KeyGroupRange { start: cursor.u32()?, end: cursor.u32()? };
        if range.start > range.end || range.end > max_parallelism {
            let reason = format!("key groups {range:?} of {max_parallelism}");
            return Err(SnapshotError::corrupt(PART, reason));
        }
        let next_pane = cursor.u32()?;
        let (states, panes, files) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        if states as usize > StateId::LIMIT {
            return Err(SnapshotError::corrupt(PART, format!("it lists {states} states")));
        }
        let states = (0..states)
            .map(|_| {
                let kind: StateKind = kind_of(cursor.u8()?, PART)?;
                let stamped = cursor.u8()? != 0;
                let (name, type_name) = (cursor.text()?, cursor.text()?);
                Ok(SnapshotState { name, kind, stamped, type_name })
            })
            .collect::<Result<_, SnapshotError>>()?;
        let panes = (0..panes)
            .map(|_| Ok((Namespace(cursor.i64()?), cursor.u32()?)))
            .collect::<Result<_, SnapshotError>>()?;
        let files = (0..files)
            .map(|_| Ok((cursor.text()?, cursor.u64()?)))
            .collect::<Result<_, SnapshotError>>()?;
        cursor.end()?;
        Ok(Self { max_parallelism, range, states, panes, next_pane, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_comes_back_and_every_changed_byte_is_noticed() {
        let metadata = Metadata {
            max_parallelism: 128,
            range: KeyGroupRange { start: 3, end: 64 },
            states: vec![SnapshotState {
                name: "count".into(),
                kind: StateKind::Map,
                stamped: true,
                type_name: "i64".into(),
            }],
            panes: [(Namespace::VOID, 0), (Namespace(7), 2)].into(),
            next_pane: 3,
            files: [("a-000012.sst".to_owned(), 77)].into(),
        };
        let bytes = metadata.encode();
        assert_eq!(Metadata::decode(&bytes).unwrap(), metadata);
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x40;
            Metadata::decode(&damaged).unwrap_err();
            Metadata::decode(&bytes[..position]).unwrap_err();
        }
    }
}
