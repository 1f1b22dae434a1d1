//! Decodes blocks record by record: what CSV and JSON lines have in common.

use arrow_array::RecordBatch;
use sciurus_core::BoxError;

use super::blocks::{Block, Blocks};
use super::format::BlockDecoder;
use super::malformed::Reporter;
use super::split::FileSplit;
use crate::columns::Rows;

/// How many bytes are read to find a header.
const HEADER_BLOCK_BYTES: usize = 8 << 10;

/// Parses one record after the other.
pub(super) trait RecordParser: Send {
    /// Returns the length of the record that `text` starts with, without its line end.
    fn record_len(&self, text: &[u8]) -> usize {
        memchr::memchr(b'\n', text).unwrap_or(text.len())
    }

    /// Returns whether `record` is none: empty, or a comment.
    fn is_blank(&self, record: &str) -> bool;

    /// Returns whether the first record of each file is a header.
    fn has_header(&self) -> bool {
        false
    }

    /// Takes the header of the file that follows.
    ///
    /// # Errors
    /// What is wrong with it.
    fn set_header(&mut self, header: &str, rows: &mut Rows) -> Result<(), String> {
        let _ = (header, rows);
        Ok(())
    }

    /// Appends a record.
    ///
    /// # Errors
    /// What is wrong with it; nothing is appended then.
    fn parse(&mut self, record: &str, rows: &mut Rows) -> Result<(), String>;
}

/// Decodes blocks by means of a parser.
pub(super) struct RecordDecoder<P> {
    parser: P,
    rows: Rows,
    reporter: Reporter,
    awaits_header: bool,
}

impl<P: RecordParser> RecordDecoder<P> {
    pub(super) fn new(parser: P, rows: Rows, reporter: Reporter) -> Self {
        Self { parser, rows, reporter, awaits_header: false }
    }

    /// Handles the records of a block, one after the other; with `header_only` up to the header.
    fn read(&mut self, block: Block<'_>, header_only: bool) -> Result<(), BoxError> {
        let text = std::str::from_utf8(block.bytes).ok();
        let mut next = 0;
        while next < block.bytes.len() {
            let start = next;
            let end = start + self.parser.record_len(&block.bytes[start..]);
            next = end + 1;
            let record = match text {
                Some(text) => Ok(&text[start..end]),
                None => std::str::from_utf8(&block.bytes[start..end]),
            };
            let parsed = match record {
                Ok(record) => {
                    let mut record = record.strip_suffix('\r').unwrap_or(record);
                    if block.offset == 0 && start == 0 {
                        record = record.strip_prefix('\u{feff}').unwrap_or(record);
                    }
                    if self.parser.is_blank(record) {
                        continue;
                    }
                    if self.awaits_header {
                        let taken = self.parser.set_header(record, &mut self.rows);
                        taken.map_err(|reason| self.reporter.describe(block, start, reason))?;
                        self.awaits_header = false;
                        if header_only {
                            return Ok(());
                        }
                        continue;
                    }
                    self.parser.parse(record, &mut self.rows)
                }
                Err(_) => Err("the record is not UTF-8".to_owned()),
            };
            if let Err(reason) = parsed {
                self.reporter.report(block, start, reason)?;
            }
        }
        Ok(())
    }
}

impl<P: RecordParser> BlockDecoder for RecordDecoder<P> {
    fn open(&mut self, split: &FileSplit) -> Result<(), BoxError> {
        self.reporter.open(split);
        self.awaits_header = self.parser.has_header();
        let first = split.position.map_or(split.start, |position| position.offset);
        if self.awaits_header && first > 0 {
            // The header is in front of another split.
            let whole = FileSplit { start: 0, end: None, position: None, ..split.clone() };
            let mut head = Blocks::open(&whole, HEADER_BLOCK_BYTES)?;
            while self.awaits_header {
                let Some(block) = head.next_block()? else { break };
                self.read(block, true)?;
            }
        }
        Ok(())
    }

    fn decode(&mut self, block: Block<'_>) -> Result<RecordBatch, BoxError> {
        self.read(block, false)?;
        self.reporter.end_block(block);
        Ok(self.rows.finish()?)
    }
}
