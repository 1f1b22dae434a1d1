//! Writing a snapshot.

use std::io::Write;

use sciurus_core::key::KeyGroup;
use xxhash_rust::xxh3::xxh3_64;

use super::buffers::GroupBuffers;
use super::section::SectionKind;
use super::{BlockEntry, END_MAGIC, SnapshotError, SnapshotHeader};
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

/// Writes a snapshot to a stream, in whatever order its keys come.
///
/// What belongs to a key group is gathered in a buffer of the group, so that state is read in the
/// order in which it lies in memory; when the buffers hold enough, all are written, a block each.
///
/// The snapshot is whole only once [`finish`](Self::finish) has returned, and durable only once
/// the caller has made it so. Memory: some 4 MiB, or 1 KiB for each key group, or as much as the
/// largest value, whichever is the most.
#[derive(Debug)]
pub struct SnapshotWriter<W> {
    out: W,
    position: u64,
    buffers: GroupBuffers,
    index: Vec<BlockEntry>,
    stats: SnapshotStats,
}

impl<W: Write> SnapshotWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`].
    pub fn new(mut out: W, header: &SnapshotHeader) -> Result<Self, SnapshotError> {
        let bytes = header.to_bytes()?;
        out.write_all(&bytes)?;
        Ok(Self {
            out,
            position: bytes.len() as u64,
            buffers: GroupBuffers::new(header.range),
            index: Vec::new(),
            stats: SnapshotStats::default(),
        })
    }

    /// Writes what a key has of a state; `encode` appends the value's bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], and [`SnapshotError::ForeignKey`] where
    /// `group` is none of the snapshot's.
    pub fn entry(
        &mut self,
        group: KeyGroup,
        kind: SectionKind,
        key: &[u8],
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SnapshotError> {
        let index = self.buffers.index(group)?;
        self.buffers.begin(kind);
        self.buffers.put(index, |out| {
            put_sized(key, out)?;
            put_value(out, encode)
        })?;
        self.stats.entries += 1;
        self.write_if_full()
    }

    /// Writes what several keys have of a state: `encode` puts entries, a sized key and a sized
    /// value each, into the buffers of their groups until these are full, and returns how many.
    pub(crate) fn entries(
        &mut self,
        kind: SectionKind,
        encode: impl FnOnce(&mut GroupBuffers) -> Result<u64, SnapshotError>,
    ) -> Result<(), SnapshotError> {
        self.buffers.begin(kind);
        self.stats.entries += encode(&mut self.buffers)?;
        self.write_if_full()
    }

    /// Writes a timer.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], and [`SnapshotError::ForeignKey`] where
    /// `group` is none of the snapshot's.
    pub fn timer(
        &mut self,
        group: KeyGroup,
        domain: TimeDomain,
        timer: &Timer,
    ) -> Result<(), SnapshotError> {
        let index = self.buffers.index(group)?;
        self.buffers.begin(SectionKind::Timers(domain));
        self.buffers.put(index, |out| {
            out.extend_from_slice(&timer.timestamp.to_le_bytes());
            out.extend_from_slice(&timer.namespace.0.to_le_bytes());
            put_sized(&timer.key, out)
        })?;
        self.stats.timers += 1;
        self.write_if_full()
    }

    /// Ends the snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn finish(mut self) -> Result<SnapshotStats, SnapshotError> {
        self.write_blocks()?;
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

    fn write_if_full(&mut self) -> Result<(), SnapshotError> {
        if self.buffers.is_full() { self.write_blocks() } else { Ok(()) }
    }

    fn write_blocks(&mut self) -> Result<(), SnapshotError> {
        let (out, index, position) = (&mut self.out, &mut self.index, &mut self.position);
        self.buffers.take_blocks(|group, block| {
            out.write_all(block)?;
            let length = block.len() as u64;
            index.push(BlockEntry { group, offset: *position, length });
            *position += length;
            Ok(())
        })
    }
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SnapshotError> {
    out.extend_from_slice(&size(bytes.len(), "a key")?);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends the length of a value and the value, which `encode` appends.
#[inline]
pub(crate) fn put_value(
    out: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>),
) -> Result<(), SnapshotError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(out);
    let length = size(out.len() - start - 4, "a value")?;
    out[start..start + 4].copy_from_slice(&length);
    Ok(())
}

/// Returns a length as it stands in front of bytes.
#[inline]
pub(crate) fn size(bytes: usize, what: &str) -> Result<[u8; 4], SnapshotError> {
    u32::try_from(bytes)
        .map(u32::to_le_bytes)
        .map_err(|_| SnapshotError::TooLarge { what: what.to_owned(), bytes })
}
