//! Reads splits of files on the task thread.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use sciurus_core::{BoxError, Record};
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::source::{
    ReaderContext, ReaderStatus, SourceOutput, SourceReader, SourceSplit,
};

use super::blocks::{Blocks, LastRecordEnd};
use super::format::BlockDecoder;
use super::split::{FileSplit, SplitPosition};

/// The bytes of a block lie in this range, however small or large batches are: a block becomes
/// several batches where it has many rows.
const LEAST_BLOCK_BYTES: usize = 16 << 10;
const GREATEST_BLOCK_BYTES: usize = 1 << 20;

/// Reads one split after the other and emits a batch each time it is polled.
pub(super) struct FileReader {
    decoder: Box<dyn BlockDecoder>,
    record_end: Option<LastRecordEnd>,
    block_bytes: usize,
    max_rows: usize,
    metrics: Arc<OperatorMetrics>,
    waiting: VecDeque<FileSplit>,
    current: Option<OpenSplit>,
}

impl FileReader {
    pub(super) fn new(
        decoder: Box<dyn BlockDecoder>,
        record_end: Option<LastRecordEnd>,
        context: &ReaderContext,
    ) -> Self {
        let limits = context.operator.limits;
        Self {
            decoder,
            record_end,
            block_bytes: limits.max_bytes.clamp(LEAST_BLOCK_BYTES, GREATEST_BLOCK_BYTES),
            max_rows: limits.max_rows.max(1),
            metrics: context.operator.metrics.clone(),
            waiting: VecDeque::new(),
            current: None,
        }
    }

    fn open(&mut self, split: FileSplit) -> Result<OpenSplit, BoxError> {
        let mut blocks = Blocks::open(&split, self.block_bytes)?;
        if let Some(record_end) = &self.record_end {
            blocks = blocks.with_record_end(record_end.clone());
        }
        self.decoder.open(&split)?;
        let counted = split.position.map_or(split.start, |position| position.offset);
        let skip = split.position.map_or(0, |position| position.records);
        Ok(OpenSplit { id: split.id(), split, blocks, counted, decoded: None, skip })
    }
}

impl<T: Record> SourceReader<T, FileSplit> for FileReader {
    fn add_splits(&mut self, splits: Vec<FileSplit>) -> Result<(), BoxError> {
        self.waiting.extend(splits);
        Ok(())
    }

    fn poll(&mut self, out: &mut SourceOutput<'_, T>) -> Result<ReaderStatus, BoxError> {
        let mut current = if let Some(current) = self.current.take() {
            current
        } else {
            let Some(split) = self.waiting.pop_front() else {
                return Ok(ReaderStatus::NeedsSplit);
            };
            let current = self.open(split)?;
            out.select_split(&current.id);
            current
        };
        if current.decoded.is_none() && !current.read(self)? {
            out.release_split(&current.id);
            return Ok(ReaderStatus::MoreAvailable);
        }
        if let Some(batch) = current.next_batch(self.max_rows) {
            out.collect_batch(batch);
        }
        self.current = Some(current);
        Ok(ReaderStatus::MoreAvailable)
    }

    fn snapshot(&self) -> Vec<FileSplit> {
        self.current.iter().map(OpenSplit::snapshot).chain(self.waiting.iter().cloned()).collect()
    }

    fn close(&mut self) {
        self.current = None;
        self.waiting.clear();
    }
}

struct OpenSplit {
    id: String,
    split: FileSplit,
    blocks: Blocks,
    /// Up to where bytes were counted as read.
    counted: u64,
    /// The records of the last block, where not all of them went out.
    decoded: Option<Decoded>,
    /// How many records went out before a restart and must not again.
    skip: u64,
}

struct Decoded {
    records: RecordBatch,
    /// Where the block starts.
    offset: u64,
    /// How many of its records went out.
    emitted: usize,
}

impl OpenSplit {
    /// Reads and decodes the next block; returns `false` at the end of the split.
    fn read(&mut self, reader: &mut FileReader) -> Result<bool, BoxError> {
        let Some(block) = self.blocks.next_block()? else {
            self.count(true, &reader.metrics);
            return Ok(false);
        };
        let offset = block.offset;
        let records = reader.decoder.decode(block)?;
        self.count(false, &reader.metrics);
        let skipped = self.skip.min(records.num_rows() as u64);
        self.skip -= skipped;
        let emitted = skipped as usize;
        if emitted < records.num_rows() {
            self.decoded = Some(Decoded { records, offset, emitted });
        }
        Ok(true)
    }

    /// Counts the split's own bytes, so that those of all splits add up to the files' length.
    fn count(&mut self, ended: bool, metrics: &OperatorMetrics) {
        let read = match self.split.end {
            Some(end) if ended => end,
            Some(end) => end.min(self.blocks.offset()),
            None => self.blocks.offset(),
        };
        metrics.bytes_read.add(read.saturating_sub(self.counted));
        self.counted = self.counted.max(read);
    }

    /// Takes the next rows of the block, `max_rows` at the most and in even parts, so that no
    /// batch is tiny.
    fn next_batch(&mut self, max_rows: usize) -> Option<RecordBatch> {
        let decoded = self.decoded.as_mut()?;
        let left = decoded.records.num_rows() - decoded.emitted;
        let rows = left.div_ceil(left.div_ceil(max_rows));
        let batch = decoded.records.slice(decoded.emitted, rows);
        decoded.emitted += rows;
        if rows == left {
            // The decoder wants the memory back.
            self.decoded = None;
        }
        Some(batch)
    }

    fn snapshot(&self) -> FileSplit {
        let position = match &self.decoded {
            Some(decoded) => {
                SplitPosition { offset: decoded.offset, records: decoded.emitted as u64 }
            }
            None => SplitPosition { offset: self.blocks.offset(), records: self.skip },
        };
        FileSplit { position: Some(position), ..self.split.clone() }
    }
}
