//! Lines of text.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sciurus_core::BoxError;
use sciurus_engine::source::ReaderContext;

use super::blocks::Block;
use super::format::{BlockDecoder, FileFormat};
use super::lines::{SLACK_BYTES, copy_lines};

/// How many batches a reader keeps an eye on, to read into their memory again.
const MAX_LENT_BLOCKS: usize = 4;

/// Lines of UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFormat;

impl FileFormat for TextFormat {
    type Item = String;

    fn decoder(&self, _: &ReaderContext) -> Result<Box<dyn BlockDecoder>, BoxError> {
        Ok(Box::new(TextDecoder::new()))
    }
}

/// Makes string arrays of blocks.
struct TextDecoder {
    schema: SchemaRef,
    /// The memory of earlier batches, to be used again when they are gone.
    lent: VecDeque<Buffer>,
}

impl TextDecoder {
    fn new() -> Self {
        Self {
            schema: Arc::new(Schema::new(vec![Field::new("value", DataType::Utf8, false)])),
            lent: VecDeque::new(),
        }
    }

    /// Returns `bytes` bytes of memory, with any content.
    fn memory(&mut self, bytes: usize) -> Vec<u8> {
        let mut memory = self.spare().unwrap_or_default();
        if memory.len() < bytes {
            memory.resize(bytes, 0);
        }
        memory
    }

    fn spare(&mut self) -> Option<Vec<u8>> {
        for _ in 0..self.lent.len() {
            match self.lent.pop_front()?.into_vec() {
                Ok(memory) => return Some(memory),
                Err(lent) => self.lent.push_back(lent),
            }
        }
        None
    }

    fn lend(&mut self, memory: Vec<u8>) -> Buffer {
        let buffer = Buffer::from_vec(memory);
        if self.lent.len() == MAX_LENT_BLOCKS {
            self.lent.pop_front();
        }
        self.lent.push_back(buffer.clone());
        buffer
    }
}

impl BlockDecoder for TextDecoder {
    fn decode(&mut self, block: Block<'_>) -> Result<RecordBatch, BoxError> {
        let mut memory = self.memory(block.bytes.len() + SLACK_BYTES);
        let offsets = copy_lines(block.bytes, &mut memory);
        let copied = offsets[offsets.len() - 1] as usize;
        let values = self.lend(memory).slice_with_length(0, copied);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // Checks that all of it is UTF-8 and that no character straddles two lines.
        let lines: ArrayRef = match StringArray::try_new(offsets.clone(), values.clone(), None) {
            Ok(lines) => Arc::new(lines),
            Err(_) => Arc::new(lossy(&offsets, &values)),
        };
        Ok(RecordBatch::try_new(self.schema.clone(), vec![lines])?)
    }
}

#[cold]
fn lossy(offsets: &OffsetBuffer<i32>, values: &[u8]) -> StringArray {
    let mut lines = StringBuilder::with_capacity(offsets.len() - 1, values.len());
    for line in offsets.windows(2) {
        let line = &values[line[0] as usize..line[1] as usize];
        lines.append_value(String::from_utf8_lossy(line));
    }
    lines.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use sciurus_engine::operator::BatchLimits;

    use crate::file::FileSource;
    use crate::testing::{message, read, read_with, read_with_restarts};

    fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What the lines of a text are, said as simply as can be.
    fn naive(content: &[u8]) -> Vec<String> {
        let mut lines: Vec<_> = content.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        let strip = |line: &[u8]| match line.strip_suffix(b"\r") {
            Some(line) => String::from_utf8_lossy(line).into_owned(),
            None => String::from_utf8_lossy(line).into_owned(),
        };
        lines.into_iter().map(strip).collect()
    }

    fn lines(content: impl AsRef<[u8]>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        read(FileSource::text(write(folder.path(), "f", content)), 1).unwrap().all()
    }

    #[test]
    fn line_ends_are_cut_off_and_the_last_one_may_be_missing() {
        assert_eq!(lines("a\nb\n"), ["a", "b"]);
        assert_eq!(lines("a\r\nb\rc\r\n\r\n"), ["a", "b\rc", ""]);
        assert_eq!(lines("a\n\nb"), ["a", "", "b"]);
        assert_eq!(lines("\n"), [""]);
        assert!(lines("").is_empty());
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced() {
        assert_eq!(lines(b"a\xff\nb\xc3\n\xa9c\n"), ["a\u{fffd}", "b\u{fffd}", "\u{fffd}c"]);
    }

    #[test]
    fn a_line_longer_than_a_block_is_one_line() {
        let long = "x".repeat(3 << 20);
        assert_eq!(lines(format!("a\n{long}\nb")), ["a", &long, "b"]);
    }

    #[test]
    fn batches_keep_to_their_limits_and_progress_adds_up_to_the_total() {
        let folder = tempfile::tempdir().unwrap();
        let content = "0123456789\n".repeat(100_000);
        let paths = [write(folder.path(), "1", &content), write(folder.path(), "2", &content)];
        let limits = BatchLimits { max_rows: 1000, max_bytes: 64 << 10 };
        let source = FileSource::text(paths).split_bytes(100_001);
        let read = read_with(source, 3, limits).unwrap();
        assert_eq!(read.all().len(), 200_000);
        assert!(read.batch_rows.iter().all(|rows| *rows <= 1000));
        assert_eq!(read.total_bytes, Some(2 * content.len() as u64));
        assert_eq!(read.metrics.bytes_read.get(), 2 * content.len() as u64);
        assert!(read.readers.iter().all(|lines| lines.len() > 50_000));
    }

    #[test]
    fn several_files_are_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [write(folder.path(), "b", "1\n2"), write(folder.path(), "a", "3\n")];
        assert_eq!(read(FileSource::text(paths), 1).unwrap().all(), ["1", "2", "3"]);
    }

    #[test]
    fn a_file_that_vanishes_before_it_is_read_is_named() {
        let error = read(FileSource::text("no/such/file"), 1).err().unwrap();
        assert_eq!(message(&error), "the input no/such/file does not exist");
    }

    proptest! {
        #[test]
        fn splits_yield_exactly_the_lines_of_the_file(
            content in proptest::collection::vec(
                prop_oneof![3 => Just(b"\n".to_vec()), 1 => Just(b"\r\n".to_vec()),
                    1 => Just(vec![0xc3]), 1 => Just("é".as_bytes().to_vec()),
                    8 => "[a-z ]{0,9}".prop_map(String::into_bytes)],
                0..60,
            ),
            split_bytes in 1_u64..80,
            max_rows in 1_usize..9,
        ) {
            let content = content.concat();
            let folder = tempfile::tempdir().unwrap();
            let path = write(folder.path(), "f", &content);
            let source = FileSource::text(path).split_bytes(split_bytes);
            let limits = BatchLimits { max_rows, max_bytes: 1 };
            prop_assert_eq!(read_with(source, 1, limits).unwrap().all(), naive(&content));
        }

        #[test]
        fn a_reader_goes_on_where_its_predecessor_stood(
            content in "([a-z]{0,4}\n){0,60}[a-z]{0,3}",
            split_bytes in 1_u64..80,
            polls in 3_usize..9,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let source = FileSource::text(write(folder.path(), "f", &content)).split_bytes(split_bytes);
            prop_assert_eq!(read_with_restarts(source, polls).unwrap(), naive(content.as_bytes()));
        }
    }
}
