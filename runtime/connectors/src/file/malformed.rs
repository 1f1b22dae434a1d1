//! What happens to records that are malformed or don't fit their type.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use sciurus_engine::metrics::OperatorMetrics;

use super::blocks::Block;
use super::split::FileSplit;

/// How many skipped records a reader logs; the rest it only counts.
const LOGGED_RECORDS: u32 = 10;

/// What to do with a record that is malformed or doesn't fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MalformedRecords {
    /// Fail the job.
    #[default]
    Fail,
    /// Leave it out and count it (`numRecordsInErrors`); the first few are logged.
    Skip,
}

/// A record that is malformed or doesn't fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}, {}: {reason}", place(*.line, *.offset))]
pub struct MalformedRecord {
    /// The file.
    pub path: String,
    /// The line on which the record starts, counted from 1; `None` where it can't be told any
    /// more.
    pub line: Option<u64>,
    /// The byte at which the record starts.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
}

fn place(line: Option<u64>, offset: u64) -> String {
    match line {
        Some(line) => format!("line {line}"),
        None => format!("byte {offset}"),
    }
}

/// Fails or skips and counts, and finds out on which line of its file a record is.
pub(super) struct Reporter {
    policy: MalformedRecords,
    metrics: Arc<OperatorMetrics>,
    logged: u32,
    path: String,
    /// Whether the file can't be read a second time.
    stream: bool,
    /// A byte and how many line ends there are before it.
    known: (u64, u64),
}

impl Reporter {
    pub(super) fn new(policy: MalformedRecords, metrics: Arc<OperatorMetrics>) -> Self {
        Self { policy, metrics, logged: 0, path: String::new(), stream: false, known: (0, 0) }
    }

    /// A split begins.
    pub(super) fn open(&mut self, split: &FileSplit) {
        if self.path != split.path {
            self.path.clone_from(&split.path);
            self.known = (0, 0);
        }
        self.stream = split.end.is_none();
    }

    /// A block is done.
    pub(super) fn end_block(&mut self, block: Block<'_>) {
        if self.stream {
            self.known =
                (block.offset + block.bytes.len() as u64, self.known.1 + count(block.bytes));
        }
    }

    /// Reports that the record which starts at byte `at` of `block` is malformed.
    pub(super) fn report(
        &mut self,
        block: Block<'_>,
        at: usize,
        reason: String,
    ) -> Result<(), MalformedRecord> {
        if self.policy == MalformedRecords::Skip {
            self.metrics.records_in_errors.add(1);
            if self.logged >= LOGGED_RECORDS {
                return Ok(());
            }
        }
        let malformed = self.describe(block, at, reason);
        if self.policy == MalformedRecords::Fail {
            return Err(malformed);
        }
        self.logged += 1;
        let others =
            if self.logged == LOGGED_RECORDS { "; further ones are only counted" } else { "" };
        tracing::warn!("skipped a malformed record: {malformed}{others}");
        Ok(())
    }

    /// Makes the error of a record.
    pub(super) fn describe(
        &mut self,
        block: Block<'_>,
        at: usize,
        reason: String,
    ) -> MalformedRecord {
        let before = self.lines_before(block.offset);
        MalformedRecord {
            path: self.path.clone(),
            line: before.map(|lines| lines + count(&block.bytes[..at]) + 1),
            offset: block.offset + at as u64,
            reason,
        }
    }

    /// Returns how many line ends there are before a byte. Nobody counts them while all is well:
    /// a reader that starts in the midst of a file would have to read what is before.
    fn lines_before(&mut self, offset: u64) -> Option<u64> {
        if self.known.0 == offset {
            return Some(self.known.1);
        }
        if self.stream {
            return None;
        }
        let mut file = File::open(&self.path).ok()?.take(offset);
        let mut bytes = vec![0; 64 << 10];
        let mut lines = 0;
        loop {
            match file.read(&mut bytes).ok()? {
                0 => break,
                read => lines += count(&bytes[..read]),
            }
        }
        self.known = (offset, lines);
        Some(lines)
    }
}

fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
