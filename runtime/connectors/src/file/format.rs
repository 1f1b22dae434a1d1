//! What the bytes of a file mean.

use arrow_array::RecordBatch;
use sciurus_core::{BoxError, Record};
use sciurus_engine::source::ReaderContext;

use super::blocks::{Block, LastRecordEnd};
use super::split::FileSplit;

/// A format of files whose records are lines, or end at line ends.
pub trait FileFormat: Send + Sync + 'static {
    /// What a file holds.
    type Item: Record;

    /// Returns where records end, for a format whose records may hold line ends; its files are
    /// read as a whole, since a reader can't find a record's start in the midst of one.
    fn record_end(&self) -> Option<LastRecordEnd> {
        None
    }

    /// Makes what turns blocks into records.
    ///
    /// # Errors
    /// Where the format can't hold such records.
    fn decoder(&self, context: &ReaderContext) -> Result<Box<dyn BlockDecoder>, BoxError>;
}

/// Turns blocks of whole records into Arrow columns, laid out as the record's fields say.
pub trait BlockDecoder: Send {
    /// A split begins; its blocks follow.
    ///
    /// # Errors
    /// Where the file isn't of this format.
    fn open(&mut self, split: &FileSplit) -> Result<(), BoxError> {
        let _ = split;
        Ok(())
    }

    /// Decodes a block.
    ///
    /// # Errors
    /// Where a record is malformed.
    fn decode(&mut self, block: Block<'_>) -> Result<RecordBatch, BoxError>;
}
