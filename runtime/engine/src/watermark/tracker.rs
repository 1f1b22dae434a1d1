//! Timestamps and watermarks of several splits (or of one stream) at run time.

use std::collections::BTreeMap;
use std::time::Instant;

use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Record};

use super::strategy::{TimestampAssigner, WatermarkGenerator, WatermarkOutput, WatermarkStrategy};
use crate::error::TaskResult;
use crate::output::Output;

/// Assigns timestamps to batches and makes the combined watermark of their splits.
///
/// The watermark is the least of the active splits' and never falls.
pub struct WatermarkTracker<T: Record> {
    strategy: WatermarkStrategy<T>,
    assigner: Option<Box<dyn TimestampAssigner<T>>>,
    splits: BTreeMap<String, Split<T>>,
    emitted: Timestamp,
    status: WatermarkStatus,
}

struct Split<T: Record> {
    generator: Box<dyn WatermarkGenerator<T>>,
    watermark: Timestamp,
    idle: bool,
    last_record: Instant,
}

impl<T: Record> Split<T> {
    fn raise(&mut self, watermark: Timestamp) {
        self.watermark = self.watermark.max(watermark);
    }
}

impl<T: Record> WatermarkTracker<T> {
    /// Makes a tracker without splits.
    pub fn new(strategy: WatermarkStrategy<T>) -> Self {
        let assigner = strategy.assigner();
        Self {
            strategy,
            assigner,
            splits: BTreeMap::new(),
            emitted: MIN_WATERMARK,
            status: WatermarkStatus::Active,
        }
    }

    /// Adds a split: from now on it takes part in the watermark.
    pub fn add_split(&mut self, id: &str) {
        if !self.splits.contains_key(id) {
            let split = Split {
                generator: self.strategy.generator(),
                watermark: MIN_WATERMARK,
                idle: false,
                last_record: Instant::now(),
            };
            self.splits.insert(id.to_owned(), split);
        }
    }

    /// Removes a split that has ended, so that it holds back nothing.
    pub fn release_split(&mut self, id: &str) {
        self.splits.remove(id);
    }

    /// Gives the rows of a split their timestamps and emits them, with the watermarks that stand
    /// among them. A split not known yet is added.
    ///
    /// # Errors
    /// Where the assigner or a receiver fails.
    pub fn emit(&mut self, id: &str, batch: Batch, out: &mut Output) -> TaskResult {
        if batch.is_empty() {
            return Ok(());
        }
        self.set_status(WatermarkStatus::Active, out)?;
        let columns = batch.columns::<T>()?;
        let batch = match &mut self.assigner {
            Some(assigner) => {
                let timestamps = assigner.assign(&columns, &batch)?;
                batch.with_timestamps(Some(timestamps.into()))
            }
            None => batch,
        };
        self.add_split(id);
        let Some(split) = self.splits.get_mut(id) else { return out.emit(batch) };
        split.idle = false;
        if self.strategy.idleness().is_some() {
            split.last_record = Instant::now();
        }
        let mut among = Vec::new();
        if let Some(timestamps) = batch.timestamps() {
            split.generator.on_batch(&columns, &batch, timestamps, &mut among);
        }
        if among.is_empty() {
            return out.emit(batch);
        }
        let mut start = 0;
        for (end, watermark) in among {
            out.emit(batch.slice(start, end - start))?;
            start = end;
            if let Some(split) = self.splits.get_mut(id) {
                split.raise(watermark);
            }
            self.emit_combined(out)?;
        }
        out.emit(batch.slice(start, batch.len() - start))
    }

    /// Asks all generators for their watermark and emits the combined one where it grew.
    ///
    /// # Errors
    /// Where a receiver fails.
    pub fn on_periodic_emit(&mut self, out: &mut Output) -> TaskResult {
        let idleness = self.strategy.idleness();
        for split in self.splits.values_mut() {
            let mut generated = WatermarkOutput::default();
            split.generator.on_periodic_emit(&mut generated);
            split.idle = generated.is_idle()
                || idleness.is_some_and(|timeout| split.last_record.elapsed() >= timeout);
            if let Some(watermark) = generated.take() {
                split.raise(watermark);
            }
        }
        self.emit_combined(out)?;
        let idle = !self.splits.is_empty() && self.splits.values().all(|split| split.idle);
        self.set_status(if idle { WatermarkStatus::Idle } else { WatermarkStatus::Active }, out)
    }

    fn set_status(&mut self, status: WatermarkStatus, out: &mut Output) -> TaskResult {
        if self.status == status {
            return Ok(());
        }
        self.status = status;
        out.emit_control(&StreamElement::WatermarkStatus(status))
    }

    fn emit_combined(&mut self, out: &mut Output) -> TaskResult {
        let active = self.splits.values().filter(|split| !split.idle);
        match active.map(|split| split.watermark).min() {
            Some(watermark) if watermark > self.emitted => {
                self.emitted = watermark;
                out.emit_watermark(watermark)
            }
            _ => Ok(()),
        }
    }
}
