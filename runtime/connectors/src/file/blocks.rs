//! Reads a split block by block, each of whole lines.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::split::FileSplit;

/// How many bytes are read at once: large enough that the system call costs little, small enough
/// that a block stays in the cache while it is decoded.
pub const BLOCK_BYTES: usize = 256 << 10;
/// How many bytes are read at once behind the split's end, where only the rest of a line is wanted.
const LOOKAHEAD_BYTES: usize = 4 << 10;
/// The longest line. Arrow's offsets end at 2 GiB, and a file without line ends is hardly text.
pub const MAX_LINE_BYTES: usize = 1 << 30;

/// Finds where the last record in some bytes ends: how many bytes are whole records, `None` where
/// there is none. The bytes start at a record's start.
pub type LastRecordEnd = fn(&[u8]) -> Option<usize>;

/// Whole records of a file.
#[derive(Debug)]
pub struct Block {
    /// The bytes; those from `len` on mean nothing.
    pub bytes: Vec<u8>,
    /// How many bytes count. The last record may lack its line end.
    pub len: usize,
    /// Where in the file the block starts.
    pub offset: u64,
}

impl Block {
    /// Returns the bytes that count.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Reads the lines that start in a split: it skips the end of a line that starts before the split
/// and reads the last line to its end, wherever that is.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    path: PathBuf,
    end: u64,
    /// Where the next block starts.
    offset: u64,
    /// What was read of the next block already: no whole record.
    carry: Vec<u8>,
    block_bytes: usize,
    last_record_end: LastRecordEnd,
    finished: bool,
}

impl Blocks {
    /// Opens the file of a split and finds the split's first line.
    ///
    /// # Errors
    /// [`FileError`] where the file can't be read.
    pub fn open(split: &FileSplit, block_bytes: usize) -> Result<Self, FileError> {
        let path = PathBuf::from(&split.path);
        let file = File::open(&path).map_err(|error| FileError::io(&path, error))?;
        let offset = split.position.map_or(split.start, |position| position.offset);
        let mut blocks = Self {
            file,
            path,
            end: split.end.unwrap_or(u64::MAX),
            offset,
            carry: Vec::new(),
            block_bytes: block_bytes.max(1),
            last_record_end: last_line_end,
            finished: false,
        };
        match split.position {
            Some(_) => blocks.seek(offset)?,
            None if offset > 0 => blocks.skip_line()?,
            None => {}
        }
        Ok(blocks)
    }

    /// Ends blocks where `last_record_end` says, for records that may hold line ends.
    #[must_use]
    pub fn with_record_end(mut self, last_record_end: LastRecordEnd) -> Self {
        self.last_record_end = last_record_end;
        self
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the next block starts.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn seek(&mut self, offset: u64) -> Result<(), FileError> {
        // Pipes can't seek, and stand where they are to be read.
        if offset > 0 {
            let sought = self.file.seek(SeekFrom::Start(offset));
            sought.map_err(|error| FileError::io(&self.path, error))?;
        }
        Ok(())
    }

    /// Moves to the first line that starts at or behind the current offset.
    fn skip_line(&mut self) -> Result<(), FileError> {
        // The line end before the offset shows that a line starts right there.
        let mut at = self.offset - 1;
        self.seek(at)?;
        let mut bytes = [0; LOOKAHEAD_BYTES];
        loop {
            let read = self.read(&mut bytes)?;
            if let Some(place) = memchr::memchr(b'\n', &bytes[..read]) {
                self.offset = at + place as u64 + 1;
                return self.seek(self.offset);
            }
            at += read as u64;
            if read == 0 || at >= self.end {
                self.offset = self.end;
                return Ok(());
            }
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, FileError> {
        loop {
            match self.file.read(bytes) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::io(&self.path, error)),
            }
        }
    }

    /// Reads the next block into `bytes`, whose content and length don't matter; `None` where the
    /// split has ended.
    ///
    /// # Errors
    /// [`FileError`] where the file can't be read or a record is too long.
    pub fn next(&mut self, mut bytes: Vec<u8>) -> Result<Option<Block>, FileError> {
        if self.finished || self.offset >= self.end {
            return Ok(None);
        }
        let mut filled = self.carry.len();
        if bytes.len() < filled + self.block_bytes {
            bytes.resize(filled + self.block_bytes, 0);
        }
        bytes[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        let len = loop {
            if filled == bytes.len() {
                self.check_length(filled)?;
                bytes.resize(2 * filled, 0);
            }
            let left = self.end.saturating_sub(self.offset + filled as u64);
            let wanted = if left > 0 { left } else { LOOKAHEAD_BYTES as u64 };
            let room = (bytes.len() - filled).min(usize::try_from(wanted).unwrap_or(usize::MAX));
            let read = self.read(&mut bytes[filled..filled + room])?;
            if read == 0 {
                self.finished = true;
                break filled;
            }
            let new = filled;
            filled += read;
            if self.offset + filled as u64 >= self.end {
                // The line that holds the split's last byte is its last one.
                let last = usize::try_from(self.end - 1 - self.offset).unwrap_or(usize::MAX);
                let from = last.max(new);
                if let Some(place) = memchr::memchr(b'\n', &bytes[from..filled]) {
                    self.finished = true;
                    break from + place + 1;
                }
            } else if let Some(len) = self.whole_records(&bytes, new, filled) {
                self.carry.extend_from_slice(&bytes[len..filled]);
                break len;
            }
        };
        if len == 0 {
            return Ok(None);
        }
        let offset = self.offset;
        self.offset += len as u64;
        Ok(Some(Block { bytes, len, offset }))
    }

    /// Returns how many bytes are whole records; those before `new` are known not to hold one.
    fn whole_records(&self, bytes: &[u8], new: usize, filled: usize) -> Option<usize> {
        if !bytes[new..filled].contains(&b'\n') {
            return None;
        }
        (self.last_record_end)(&bytes[..filled])
    }

    fn check_length(&self, filled: usize) -> Result<(), FileError> {
        if filled < MAX_LINE_BYTES {
            return Ok(());
        }
        Err(FileError::LineTooLong {
            path: self.path.clone(),
            offset: self.offset,
            limit_bytes: MAX_LINE_BYTES,
        })
    }
}

fn last_line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', bytes).map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(split: &FileSplit, block_bytes: usize) -> Vec<(u64, Vec<u8>)> {
        let mut blocks = Blocks::open(split, block_bytes).unwrap();
        let mut all = Vec::new();
        while let Some(block) = blocks.next(Vec::new()).unwrap() {
            all.push((block.offset, block.bytes().to_vec()));
        }
        assert!(blocks.next(Vec::new()).unwrap().is_none());
        all
    }

    proptest! {
        #[test]
        fn blocks_of_all_splits_are_whole_lines_and_together_the_file(
            content in "[a\n]{0,100}",
            mut bounds in proptest::collection::vec(0_u64..100, 0..5),
            block_bytes in 1_usize..40,
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &content).unwrap();
            bounds.retain(|bound| *bound < content.len() as u64);
            bounds.extend([0, content.len() as u64]);
            bounds.sort_unstable();
            bounds.dedup();
            let mut offset = 0;
            for bound in bounds.windows(2) {
                let path = file.path().to_str().unwrap().to_owned();
                let (start, end) = (bound[0], Some(bound[1]));
                let split = FileSplit { path, start, end, position: None };
                for (at, block) in blocks(&split, block_bytes) {
                    prop_assert_eq!(at, offset);
                    let next = &content.as_bytes()[offset as usize..][..block.len()];
                    prop_assert_eq!(&block, next);
                    offset += block.len() as u64;
                    prop_assert!(block.ends_with(b"\n") || offset == content.len() as u64);
                    // The last line starts in the split.
                    let last_line = last_line_end(&block[..block.len() - 1]).unwrap_or(0);
                    prop_assert!(at + (last_line as u64) < bound[1]);
                }
            }
            prop_assert_eq!(offset, content.len() as u64);
        }
    }
}
