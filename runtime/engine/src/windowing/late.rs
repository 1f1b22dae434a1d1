//! Records that come too late for all of their windows.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use sciurus_core::Batch;
use sciurus_core::time::Timestamp;

use super::output::Progress;
use crate::error::{TaskError, TaskResult};
use crate::metrics::OperatorMetrics;
use crate::output::Output;

/// Takes the records that no window takes any more.
pub(super) struct LateRecords {
    tag: Option<Arc<str>>,
    metrics: Arc<OperatorMetrics>,
}

impl LateRecords {
    /// Sends them into the side output `tag`; where there is none, they are counted and dropped.
    pub(super) fn new(tag: Option<Arc<str>>, metrics: Arc<OperatorMetrics>) -> Self {
        Self { tag, metrics }
    }

    /// Takes rows (all where `rows` is `None`) that belong to no window that is kept. Those that
    /// aren't late belong to no window at all and are dropped silently.
    pub(super) fn refuse(
        &self,
        batch: &Batch,
        rows: Option<&[u32]>,
        allowed_lateness: i64,
        progress: &Progress,
        out: &mut Output,
    ) -> TaskResult {
        let timestamps = timestamps_of(batch)?;
        let is_late = |row: &u32| {
            timestamps[*row as usize].saturating_add(allowed_lateness) <= progress.watermark
        };
        let late: Vec<u32> = match rows {
            None => (0..batch.physical_len() as u32).filter(is_late).collect(),
            Some(rows) => rows.iter().copied().filter(is_late).collect(),
        };
        if late.is_empty() {
            return Ok(());
        }
        let Some(tag) = &self.tag else {
            self.metrics.late_records_dropped.add(late.len() as u64);
            return Ok(());
        };
        out.emit_side(tag, batch.clone().with_keys(None).with_selection(late.into()))
    }
}

/// The records have no timestamps.
#[derive(Debug, thiserror::Error)]
#[error(
    "event-time windows need records with timestamps: give the stream or its source a watermark \
     strategy with a timestamp assigner, or use processing-time windows"
)]
struct NoTimestamps;

/// Returns the timestamps of a batch.
///
/// # Errors
/// [`TaskError::User`] where it has none.
pub(super) fn timestamps_of(batch: &Batch) -> TaskResult<&ScalarBuffer<Timestamp>> {
    batch.timestamps().ok_or_else(|| TaskError::user(Box::new(NoTimestamps)))
}
