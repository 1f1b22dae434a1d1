//! How keyed state lies in RocksDB: one row for each key, state and namespace.
//!
//! The key of a row is the key group, the state's number and the pane's, all big endian, and the
//! key's bytes: a range of key groups is a range of rows, and rows lie in the order in which a
//! snapshot lists them. A pane is one life of a namespace; see docs/formats.md.

use std::ops::Range;

use sciurus_core::key::KeyGroup;
use sciurus_core::time::Timestamp;

/// The bytes in front of the key: group, state and pane.
const PREFIX_BYTES: usize = 8;

/// The bytes in front of a value that expires: when anything of it was renewed last.
const STAMP_BYTES: usize = 8;

/// One life of a namespace: from its first row until it is dropped.
pub(super) type Pane = u32;

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowKey<'a> {
    pub(super) group: KeyGroup,
    pub(super) state: u16,
    pub(super) pane: Pane,
    pub(super) key: &'a [u8],
}

fn prefix_number(group: u32, state: u16, pane: Pane) -> u64 {
    (u64::from(group) << 48) | (u64::from(state) << 32) | u64::from(pane)
}

impl<'a> RowKey<'a> {
    /// Appends the row's key.
    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let prefix = prefix_number(u32::from(self.group), self.state, self.pane);
        out.extend_from_slice(&prefix.to_be_bytes());
        out.extend_from_slice(self.key);
    }

    /// Reads a row's key; `None` where it isn't one.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (prefix, key) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
        let prefix = u64::from_be_bytes(*prefix);
        Some(Self {
            group: (prefix >> 48) as KeyGroup,
            state: (prefix >> 32) as u16,
            pane: prefix as Pane,
            key,
        })
    }
}

/// Returns the bounds of the rows of a state in a pane, of one key group.
pub(super) fn rows_of(group: KeyGroup, state: u16, pane: Pane) -> Range<[u8; PREFIX_BYTES]> {
    let first = prefix_number(u32::from(group), state, pane);
    first.to_be_bytes()..(first + 1).to_be_bytes()
}

/// Returns the bounds of the rows of key groups.
pub(super) fn rows_of_groups(groups: Range<u32>) -> Range<[u8; PREFIX_BYTES]> {
    let start = |group| prefix_number(group, 0, 0).to_be_bytes();
    start(groups.start)..start(groups.end)
}

/// Appends what stands in front of a value that expires.
pub(super) fn put_stamp(now: Timestamp, out: &mut Vec<u8>) {
    out.extend_from_slice(&now.to_be_bytes());
}

/// Splits the row of a state that expires: when it was renewed last, and the value in the form of
/// a snapshot.
pub(super) fn split_stamp(row: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (stamp, value) = row.split_first_chunk::<STAMP_BYTES>()?;
    Some((Timestamp::from_be_bytes(*stamp), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_by_group_then_state_then_pane_then_key() {
        let row = |group, state, pane, key: &'static [u8]| {
            let mut bytes = Vec::new();
            let row = RowKey { group, state, pane, key };
            row.write(&mut bytes);
            assert_eq!(RowKey::read(&bytes), Some(row));
            bytes
        };
        let rows = [
            row(0, 0, 0, b""),
            row(0, 0, 0, b"\xff"),
            row(0, 0, u32::MAX, b"a"),
            row(0, u16::MAX, 0, b"a"),
            row(1, 0, 0, b""),
            row(300, 0, 0, b""),
        ];
        assert!(rows.is_sorted());
        let bounds = rows_of(0, 0, u32::MAX);
        let inside = |row: &Vec<u8>| row[..] >= bounds.start[..] && row[..] < bounds.end[..];
        assert_eq!(rows.iter().filter(|row| inside(row)).count(), 1);
        assert_eq!(RowKey::read(b"short"), None);
    }
}
