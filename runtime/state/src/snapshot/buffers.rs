//! What is to be written of each key group.

use std::mem::take;

use sciurus_core::key::{KeyGroup, KeyGroupRange};
use xxhash_rust::xxh3::xxh3_64;

use super::section::SectionKind;
use super::{BLOCK_HEAD_BYTES, CHECKSUM_BYTES, SECTION_HEAD_BYTES, SnapshotError};

/// How much is gathered before it is written, with which the blocks of 64 key groups are some 64 KiB
/// long: enough for disks, little enough to be in the processor's cache still.
const BUFFERED_BYTES: usize = 4 << 20;

/// With many key groups more is gathered, so that a block is some longer than what stands around it.
const LEAST_BLOCK_BYTES: usize = 1 << 10;

/// A buffer that is longer is not kept for what comes next.
const KEPT_BYTES: usize = 1 << 20;

/// A buffer for each key group of a range: the beginning of a block.
#[derive(Debug)]
pub(crate) struct GroupBuffers {
    range: KeyGroupRange,
    buffers: Vec<Buffer>,
    kind: Option<SectionKind>,
    /// Goes up with each change of kind.
    run: u32,
    /// How much all hold, and with how much they are full.
    bytes: usize,
    limit: usize,
}

#[derive(Debug, Clone, Default)]
struct Buffer {
    /// Head and body of a block.
    bytes: Vec<u8>,
    /// Where the head of the open section is, and how many entries the section has.
    section: usize,
    count: u32,
    /// The run of the open section.
    run: u32,
}

impl GroupBuffers {
    pub(super) fn new(range: KeyGroupRange) -> Self {
        let buffers = vec![Buffer::default(); range.len()];
        let limit = BUFFERED_BYTES.max(range.len() * LEAST_BLOCK_BYTES);
        Self { range, buffers, kind: None, run: 0, bytes: 0, limit }
    }

    /// Returns whether it is time to write what there is.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Returns the place of a key group in the range.
    pub(super) fn index(&self, group: KeyGroup) -> Result<u16, SnapshotError> {
        place_in(self.range, group)
    }

    /// Makes what is put from now on entries of `kind`.
    pub(super) fn begin(&mut self, kind: SectionKind) {
        if self.kind != Some(kind) {
            self.kind = Some(kind);
            self.run += 1;
        }
    }

    /// Appends an entry, which `encode` appends, to the buffer of the group at `index`.
    #[inline]
    pub(crate) fn put(
        &mut self,
        index: u16,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let buffer = &mut self.buffers[usize::from(index)];
        if buffer.run != self.run
            && let Some(kind) = self.kind
        {
            buffer.begin(kind, self.run);
        }
        let before = buffer.bytes.len();
        encode(&mut buffer.bytes)?;
        buffer.count += 1;
        self.bytes += buffer.bytes.len() - before;
        Ok(())
    }

    /// Has `write` write a block of each group of which there is something, in ascending order, and
    /// starts anew.
    pub(super) fn take_blocks(
        &mut self,
        mut write: impl FnMut(KeyGroup, &[u8]) -> Result<(), SnapshotError>,
    ) -> Result<(), SnapshotError> {
        let groups = self.range.start..self.range.end;
        for (group, buffer) in groups.zip(&mut self.buffers) {
            if buffer.bytes.is_empty() {
                continue;
            }
            buffer.seal(group);
            write(group as KeyGroup, &buffer.bytes)?;
            buffer.clear();
        }
        self.bytes = 0;
        Ok(())
    }
}

/// Returns the place of a key group in a range.
///
/// # Errors
/// [`SnapshotError::ForeignKey`] where it has none.
#[inline]
pub(crate) fn place_in(range: KeyGroupRange, group: KeyGroup) -> Result<u16, SnapshotError> {
    if range.contains(group) {
        Ok((u32::from(group) - range.start) as u16)
    } else {
        Err(SnapshotError::ForeignKey { group, range })
    }
}

impl Buffer {
    #[cold]
    fn begin(&mut self, kind: SectionKind, run: u32) {
        if self.bytes.is_empty() {
            self.bytes.resize(BLOCK_HEAD_BYTES, 0);
        } else {
            self.end_section();
        }
        (self.section, self.count, self.run) = (self.bytes.len(), 0, run);
        self.bytes.extend_from_slice(&kind.head());
    }

    fn end_section(&mut self) {
        let length = (self.bytes.len() - self.section - SECTION_HEAD_BYTES) as u64;
        let head = &mut self.bytes[self.section..self.section + SECTION_HEAD_BYTES];
        head[13..17].copy_from_slice(&self.count.to_le_bytes());
        head[17..25].copy_from_slice(&length.to_le_bytes());
    }

    /// Makes it a whole block.
    fn seal(&mut self, group: u32) {
        self.end_section();
        let body = (self.bytes.len() - BLOCK_HEAD_BYTES) as u64;
        self.bytes[..4].copy_from_slice(&group.to_le_bytes());
        self.bytes[4..BLOCK_HEAD_BYTES].copy_from_slice(&body.to_le_bytes());
        let checksum = xxh3_64(&self.bytes);
        debug_assert_eq!(CHECKSUM_BYTES, size_of_val(&checksum), "a checksum is 64 bits");
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
    }

    fn clear(&mut self) {
        // No run has this number: the next entry begins a section.
        self.run = 0;
        if self.bytes.capacity() > KEPT_BYTES {
            drop(take(&mut self.bytes));
        } else {
            self.bytes.clear();
        }
    }
}
