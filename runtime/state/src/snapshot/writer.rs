//! Writing a snapshot.

use std::io::Write;

use sciurus_core::key::KeyGroup;
use xxhash_rust::xxh3::xxh3_64;

use super::section::SectionKind;
use super::{
    BLOCK_BYTES, BLOCK_HEAD_BYTES, BlockEntry, CHECKSUM_BYTES, END_MAGIC, SECTION_HEAD_BYTES,
    SnapshotError, SnapshotHeader,
};
use crate::timer::{TimeDomain, Timer};

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SnapshotStats {
    /// The bytes of the whole snapshot.
    pub bytes: u64,
    /// Values, lists and maps of keys.
    pub entries: u64,
    /// Timers.
    pub timers: u64,
}

/// Writes a snapshot to a stream, key group by key group in ascending order.
///
/// The snapshot is whole only once [`finish`](Self::finish) has returned, and durable only once
/// the caller has made it so. Memory: one block of some 4 MiB, or as much as the largest value.
#[derive(Debug)]
pub struct SnapshotWriter<W> {
    out: W,
    position: u64,
    /// The block that is being filled: head and body.
    block: Vec<u8>,
    group: KeyGroup,
    section: Option<OpenSection>,
    index: Vec<BlockEntry>,
    stats: SnapshotStats,
}

#[derive(Debug)]
struct OpenSection {
    kind: SectionKind,
    /// Where its head is in the block.
    start: usize,
    count: u32,
}

impl<W: Write> SnapshotWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`].
    pub fn new(mut out: W, header: &SnapshotHeader) -> Result<Self, SnapshotError> {
        let header = header.to_bytes()?;
        out.write_all(&header)?;
        Ok(Self {
            out,
            position: header.len() as u64,
            block: Vec::new(),
            group: 0,
            section: None,
            index: Vec::new(),
            stats: SnapshotStats::default(),
        })
    }

    /// Writes what a key has of a state; `encode` appends the value's bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`].
    pub fn entry(
        &mut self,
        group: KeyGroup,
        kind: SectionKind,
        key: &[u8],
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SnapshotError> {
        self.begin(group, kind, 1);
        self.put_key(key)?;
        let start = self.block.len();
        self.block.extend_from_slice(&[0; 4]);
        encode(&mut self.block);
        let length = size(self.block.len() - start - 4, "a value")?;
        self.block[start..start + 4].copy_from_slice(&length);
        self.stats.entries += 1;
        self.close_full_block()
    }

    /// Writes what several keys have of a state: `encode` appends entries, a sized key and a sized
    /// value each, and returns how many. It should stop when there are [`BLOCK_BYTES`].
    pub(crate) fn entries(
        &mut self,
        group: KeyGroup,
        kind: SectionKind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<u32, SnapshotError>,
    ) -> Result<(), SnapshotError> {
        self.begin(group, kind, 0);
        let count = encode(&mut self.block)?;
        if let Some(section) = &mut self.section {
            section.count += count;
        }
        self.stats.entries += u64::from(count);
        self.close_full_block()
    }

    /// Writes a timer.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`].
    pub fn timer(
        &mut self,
        group: KeyGroup,
        domain: TimeDomain,
        timer: &Timer,
    ) -> Result<(), SnapshotError> {
        self.begin(group, SectionKind::Timers(domain), 1);
        self.block.extend_from_slice(&timer.timestamp.to_le_bytes());
        self.block.extend_from_slice(&timer.namespace.0.to_le_bytes());
        self.put_key(&timer.key)?;
        self.stats.timers += 1;
        self.close_full_block()
    }

    /// Ends the snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn finish(mut self) -> Result<SnapshotStats, SnapshotError> {
        self.close_block()?;
        let mut end = Vec::new();
        for entry in &self.index {
            end.extend_from_slice(&u32::from(entry.group).to_le_bytes());
            end.extend_from_slice(&entry.offset.to_le_bytes());
            end.extend_from_slice(&entry.length.to_le_bytes());
        }
        end.extend_from_slice(&xxh3_64(&end).to_le_bytes());
        end.extend_from_slice(&self.position.to_le_bytes());
        end.extend_from_slice(&(self.index.len() as u32).to_le_bytes());
        end.extend_from_slice(&END_MAGIC);
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(SnapshotStats { bytes: self.position + end.len() as u64, ..self.stats })
    }

    fn put_key(&mut self, key: &[u8]) -> Result<(), SnapshotError> {
        self.block.extend_from_slice(&size(key.len(), "a key")?);
        self.block.extend_from_slice(key);
        Ok(())
    }

    /// Makes the next `count` entries some of `kind` and `group`.
    fn begin(&mut self, group: KeyGroup, kind: SectionKind, count: u32) {
        if self.block.is_empty() {
            self.group = group;
            self.block.extend_from_slice(&u32::from(group).to_le_bytes());
            self.block.extend_from_slice(&[0; BLOCK_HEAD_BYTES - 4]);
        }
        debug_assert_eq!(self.group, group, "a key group is ended before the next is begun");
        match &mut self.section {
            Some(section) if section.kind == kind => section.count += count,
            _ => {
                self.close_section();
                let start = self.block.len();
                self.section = Some(OpenSection { kind, start, count });
                self.block.extend_from_slice(&kind.head());
            }
        }
    }

    /// Ends a key group: the next entry may belong to a later one.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn end_group(&mut self) -> Result<(), SnapshotError> {
        self.close_block()
    }

    fn close_section(&mut self) {
        if let Some(OpenSection { start, count, .. }) = self.section.take() {
            if count == 0 {
                self.block.truncate(start);
                return;
            }
            let length = (self.block.len() - start - SECTION_HEAD_BYTES) as u64;
            let head = &mut self.block[start..start + SECTION_HEAD_BYTES];
            head[13..17].copy_from_slice(&count.to_le_bytes());
            head[17..25].copy_from_slice(&length.to_le_bytes());
        }
    }

    fn close_full_block(&mut self) -> Result<(), SnapshotError> {
        if self.block.len() >= BLOCK_BYTES { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<(), SnapshotError> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.close_section();
        if self.block.len() == BLOCK_HEAD_BYTES {
            self.block.clear();
            return Ok(());
        }
        let body = (self.block.len() - BLOCK_HEAD_BYTES) as u64;
        self.block[4..BLOCK_HEAD_BYTES].copy_from_slice(&body.to_le_bytes());
        let checksum = xxh3_64(&self.block);
        self.block.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(CHECKSUM_BYTES, size_of_val(&checksum), "a checksum is 64 bits");
        self.out.write_all(&self.block)?;
        let length = self.block.len() as u64;
        self.index.push(BlockEntry { group: self.group, offset: self.position, length });
        self.position += length;
        self.block.clear();
        Ok(())
    }
}

/// Returns a length as it stands in front of bytes.
pub(crate) fn size(bytes: usize, what: &str) -> Result<[u8; 4], SnapshotError> {
    u32::try_from(bytes)
        .map(u32::to_le_bytes)
        .map_err(|_| SnapshotError::TooLarge { what: what.to_owned(), bytes })
}
