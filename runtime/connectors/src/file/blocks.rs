//! Reads a split block by block, each of whole lines.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::FileError;
use super::split::FileSplit;

/// How many bytes are read at once behind the split's end, where only the rest of a line is wanted.
const LOOKAHEAD_BYTES: usize = 4 << 10;
/// The longest line: a file without line ends is hardly text, and shall not fill the memory.
pub const MAX_LINE_BYTES: usize = 256 << 20;

/// Finds where the last record in some bytes ends: how many bytes are whole records, `None` where
/// there is none. The bytes start at a record's start.
pub type LastRecordEnd = Arc<dyn Fn(&[u8]) -> Option<usize> + Send + Sync>;

/// Whole records of a file.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The bytes; there is at least one. The last record may lack its line end.
    pub bytes: &'a [u8],
    /// Where in the file the block starts.
    pub offset: u64,
}

/// Reads the lines that start in a split: it skips the end of a line that starts before the split
/// and reads the last line to its end, wherever that is.
pub struct Blocks {
    file: File,
    path: PathBuf,
    end: u64,
    /// Where the next block starts.
    offset: u64,
    buffer: Vec<u8>,
    /// The part of the buffer that was read but not yet given out: no whole record.
    carry: Range<usize>,
    block_bytes: usize,
    last_record_end: Option<LastRecordEnd>,
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
            buffer: Vec::new(),
            carry: 0..0,
            block_bytes: block_bytes.max(1),
            last_record_end: None,
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
        self.last_record_end = Some(last_record_end);
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
            let read = read(&mut self.file, &self.path, &mut bytes)?;
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

    /// Reads the next block; `None` where the split has ended.
    ///
    /// # Errors
    /// [`FileError`] where the file can't be read or a record is too long.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, FileError> {
        if self.finished || self.offset >= self.end {
            return Ok(None);
        }
        let mut filled = self.carry.len();
        self.buffer.copy_within(self.carry.clone(), 0);
        self.reserve(filled + self.block_bytes);
        let len = loop {
            if filled == self.buffer.len() {
                self.check_length(filled)?;
                self.reserve(2 * filled);
            }
            let read = self.fill(filled)?;
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
                if let Some(place) = memchr::memchr(b'\n', &self.buffer[from..filled]) {
                    self.finished = true;
                    break from + place + 1;
                }
            } else if let Some(len) = self.whole_records(new, filled) {
                break len;
            }
        };
        if len == 0 {
            return Ok(None);
        }
        self.carry = len..filled;
        let offset = self.offset;
        self.offset += len as u64;
        Ok(Some(Block { bytes: &self.buffer[..len], offset }))
    }

    fn reserve(&mut self, bytes: usize) {
        if self.buffer.len() < bytes {
            self.buffer.resize(bytes, 0);
        }
    }

    /// Reads some bytes behind the first `filled` of the buffer.
    fn fill(&mut self, filled: usize) -> Result<usize, FileError> {
        let left = self.end.saturating_sub(self.offset + filled as u64);
        let wanted = if left > 0 { left } else { LOOKAHEAD_BYTES as u64 };
        let room = self.buffer.len() - filled;
        let room = room.min(usize::try_from(wanted).unwrap_or(usize::MAX));
        read(&mut self.file, &self.path, &mut self.buffer[filled..filled + room])
    }

    /// Returns how many bytes are whole records; those before `new` are known not to hold one.
    fn whole_records(&self, new: usize, filled: usize) -> Option<usize> {
        let line_end = last_line_end(&self.buffer[new..filled])?;
        match &self.last_record_end {
            Some(last_record_end) => last_record_end(&self.buffer[..filled]),
            None => Some(new + line_end),
        }
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

fn read(file: &mut File, path: &Path, bytes: &mut [u8]) -> Result<usize, FileError> {
    loop {
        match file.read(bytes) {
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::io(path, error)),
        }
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
        while let Some(block) = blocks.next_block().unwrap() {
            all.push((block.offset, block.bytes.to_vec()));
        }
        assert!(blocks.next_block().unwrap().is_none());
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
