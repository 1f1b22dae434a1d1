//! Timestamps and watermarks in the midst of a job.

use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::{MAX_WATERMARK, Timestamp};
use sciurus_core::{Batch, Record};

use super::{WatermarkStrategy, WatermarkTracker};
use crate::error::TaskResult;
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Assigns timestamps and makes watermarks of the records that pass. Watermarks and statuses from
/// upstream end here, but for the last watermark.
pub struct TimestampsAndWatermarks<T: Record> {
    tracker: WatermarkTracker<T>,
}

/// The tracker knows all records of the subtask as those of one split.
const SPLIT: &str = "";

impl<T: Record> TimestampsAndWatermarks<T> {
    /// Makes the operator of one subtask.
    pub fn new(strategy: WatermarkStrategy<T>, context: &OperatorContext) -> Self {
        let interval = context.watermark_interval;
        Self { tracker: WatermarkTracker::new(strategy, interval, context) }
    }
}

impl<T: Record> Operator for TimestampsAndWatermarks<T> {
    fn open(&mut self, _: &OperatorContext) -> TaskResult {
        self.tracker.add_split(SPLIT);
        Ok(())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        self.tracker.emit(SPLIT, batch, out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        if watermark == MAX_WATERMARK { out.emit_watermark(watermark) } else { Ok(()) }
    }

    fn process_watermark_status(&mut self, _: WatermarkStatus, _: &mut Output) -> TaskResult {
        Ok(())
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.tracker.next_processing_time()
    }

    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        self.tracker.on_processing_time(now, out)
    }
}
