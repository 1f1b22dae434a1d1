//! Reading a snapshot.

use std::io::{Read, Seek, SeekFrom};

use sciurus_core::key::KeyGroup;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    BLOCK_HEAD_BYTES, BlockEntry, CHECKSUM_BYTES, Cursor, END_MAGIC, INDEX_ENTRY_BYTES,
    MAX_PART_BYTES, PREFIX_BYTES, Section, SnapshotError, SnapshotHeader, TRAILER_BYTES,
};

/// Reads a snapshot: header and index when it is opened, then the blocks that are asked for.
///
/// Nothing that is read is believed before its checksum was verified.
#[derive(Debug)]
pub struct SnapshotReader<R> {
    input: R,
    header: SnapshotHeader,
    blocks: Vec<BlockEntry>,
    /// Where in the input the next byte is read, if that is known.
    position: Option<u64>,
}

impl<R: Read + Seek> SnapshotReader<R> {
    /// Reads header and index.
    ///
    /// # Errors
    /// [`SnapshotError::NotASnapshot`] where the file is another one or was cut off; otherwise what
    /// is wrong with it.
    pub fn open(mut input: R) -> Result<Self, SnapshotError> {
        let size = input.seek(SeekFrom::End(0))?;
        if size < (PREFIX_BYTES + CHECKSUM_BYTES * 2 + TRAILER_BYTES) as u64 {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut prefix = [0; PREFIX_BYTES];
        input.seek(SeekFrom::Start(0))?;
        input.read_exact(&mut prefix)?;
        let header_length = u64::from(SnapshotHeader::length(&prefix)?);
        if header_length < (PREFIX_BYTES + CHECKSUM_BYTES) as u64 {
            return Err(SnapshotError::corrupt("the header", "it is too short"));
        }
        let header = read_part(&mut input, size, 0, header_length, "the header")?;
        let header = SnapshotHeader::from_bytes(&header)?;
        let blocks = read_index(&mut input, size, header_length, &header)?;
        Ok(Self { input, header, blocks, position: None })
    }

    /// Returns the header.
    pub fn header(&self) -> &SnapshotHeader {
        &self.header
    }

    /// Returns where the blocks lie, one behind the other; a key group may have several.
    pub fn blocks(&self) -> &[BlockEntry] {
        &self.blocks
    }

    /// Reads a block and verifies it.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::Checksum`], [`SnapshotError::Corrupt`].
    pub fn read_block(&mut self, block: BlockEntry) -> Result<Block, SnapshotError> {
        let length = usize::try_from(block.length)
            .map_err(|_| SnapshotError::corrupt("the index", "a block is larger than memory"))?;
        // From where the last one ended: what a buffered input has read already isn't read again.
        match self.position {
            Some(position) => {
                self.input.seek_relative(block.offset.wrapping_sub(position).cast_signed())?;
            }
            None => drop(self.input.seek(SeekFrom::Start(block.offset))?),
        }
        self.position = None;
        let mut bytes = Vec::new();
        // Grows with what really is there: a wrong length doesn't reserve memory.
        self.input.by_ref().take(block.length).read_to_end(&mut bytes)?;
        self.position = Some(block.offset + bytes.len() as u64);
        let part = || format!("the block of key group {}", block.group);
        if bytes.len() != length {
            return Err(SnapshotError::corrupt(part(), "it ends too early"));
        }
        Block::new(bytes, block.group, part)
    }
}

/// A verified block: the whole or a part of a key group's state.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
}

impl Block {
    fn new(
        mut bytes: Vec<u8>,
        group: KeyGroup,
        part: impl Fn() -> String,
    ) -> Result<Self, SnapshotError> {
        let checksum = bytes.split_last_chunk::<CHECKSUM_BYTES>();
        let sound = checksum
            .is_some_and(|(content, checksum)| xxh3_64(content) == u64::from_le_bytes(*checksum));
        if !sound {
            return Err(SnapshotError::Checksum { part: part() });
        }
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        let mut cursor = Cursor::new(&bytes, "a block");
        let (found, length) = (cursor.u32()?, cursor.u64()?);
        if found != u32::from(group) || length != (bytes.len() - BLOCK_HEAD_BYTES) as u64 {
            let reason = format!("its head says key group {found}, {length} bytes");
            return Err(SnapshotError::corrupt(part(), reason));
        }
        Ok(Self { bytes })
    }

    /// Returns the bytes behind the head.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(BLOCK_HEAD_BYTES..).unwrap_or(&[])
    }

    /// Returns the sections.
    ///
    /// # Errors
    /// [`SnapshotError::Corrupt`].
    pub fn sections(&self) -> Result<Vec<Section<'_>>, SnapshotError> {
        let body = self.body();
        let mut cursor = Cursor::new(body, "a block");
        let mut sections = Vec::new();
        while !cursor.is_empty() {
            sections.push(Section::take(body, &mut cursor)?);
        }
        Ok(sections)
    }
}

fn read_part<R: Read + Seek>(
    input: &mut R,
    size: u64,
    offset: u64,
    length: u64,
    part: &str,
) -> Result<Vec<u8>, SnapshotError> {
    let inside = offset.checked_add(length).is_some_and(|end| end <= size);
    if !inside || length > MAX_PART_BYTES {
        let reason = format!("{length} bytes at {offset} of {size}");
        return Err(SnapshotError::corrupt(part, reason));
    }
    let mut bytes = vec![0; length as usize];
    input.seek(SeekFrom::Start(offset))?;
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_index<R: Read + Seek>(
    input: &mut R,
    size: u64,
    header_length: u64,
    header: &SnapshotHeader,
) -> Result<Vec<BlockEntry>, SnapshotError> {
    const PART: &str = "the index";
    let trailer_at = size - TRAILER_BYTES as u64;
    let trailer = read_part(input, size, trailer_at, TRAILER_BYTES as u64, "the trailer")?;
    let mut cursor = Cursor::new(&trailer, "the trailer");
    let (offset, count) = (cursor.u64()?, cursor.u32()?);
    if cursor.array::<8>()? != END_MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let length = u64::from(count) * INDEX_ENTRY_BYTES as u64 + CHECKSUM_BYTES as u64;
    if offset.checked_add(length) != Some(trailer_at) {
        return Err(SnapshotError::corrupt(PART, format!("{count} entries at {offset}")));
    }
    let bytes = read_part(input, size, offset, length, PART)?;
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(SnapshotError::corrupt(PART, "it is too short"));
    };
    if xxh3_64(content) != u64::from_le_bytes(*checksum) {
        return Err(SnapshotError::Checksum { part: PART.into() });
    }
    let mut cursor = Cursor::new(content, PART);
    let mut blocks: Vec<BlockEntry> = Vec::with_capacity(count as usize);
    // Blocks lie one behind the other, from the header to the index.
    let mut expected = header_length;
    while !cursor.is_empty() {
        let (group, offset, length) = (cursor.u32()?, cursor.u64()?, cursor.u64()?);
        let inside = (header.range.start..header.range.end).contains(&group);
        let long_enough = length >= (BLOCK_HEAD_BYTES + CHECKSUM_BYTES) as u64;
        if !(inside && long_enough) || offset != expected {
            let reason = format!("key group {group}: {length} bytes at {offset}");
            return Err(SnapshotError::corrupt(PART, reason));
        }
        expected = expected.checked_add(length).ok_or_else(|| {
            SnapshotError::corrupt(PART, format!("key group {group}: {length} bytes"))
        })?;
        blocks.push(BlockEntry { group: group as KeyGroup, offset, length });
    }
    if expected != offset {
        return Err(SnapshotError::corrupt(PART, "bytes belong to no block"));
    }
    Ok(blocks)
}
