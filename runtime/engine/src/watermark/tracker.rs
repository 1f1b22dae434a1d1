//! Timestamps and watermarks of several splits (or of one stream) at run time.

use std::collections::BTreeMap;
use std::time::Duration;

use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Record};

use super::strategy::{TimestampAssigner, WatermarkGenerator, WatermarkOutput, WatermarkStrategy};
use crate::error::TaskResult;
use crate::operator::OperatorContext;
use crate::output::Output;

/// Assigns timestamps to batches and makes the combined watermark of their splits.
///
/// The watermark is the least of the active splits' and never falls. In batch execution there is
/// none but the last one, at the end of the input, which is not the tracker's.
pub struct WatermarkTracker<T: Record> {
    strategy: WatermarkStrategy<T>,
    assigner: Option<Box<dyn TimestampAssigner<T>>>,
    splits: BTreeMap<String, Split<T>>,
    /// How long there has been no split.
    without_split: Inactivity,
    emitted: Timestamp,
    status: WatermarkStatus,
    makes_watermarks: bool,
    /// How often generators are asked for a watermark, in milliseconds.
    interval: Option<Timestamp>,
    last_emit: Timestamp,
    /// Stands for the timestamps of rows that have none.
    no_timestamps: Vec<Timestamp>,
}

struct Split<T: Record> {
    generator: Box<dyn WatermarkGenerator<T>>,
    watermark: Timestamp,
    is_idle: bool,
    inactivity: Inactivity,
}

impl<T: Record> Split<T> {
    fn raise(&mut self, watermark: Timestamp) {
        self.watermark = self.watermark.max(watermark);
    }
}

/// For how long nothing happened, in milliseconds.
#[derive(Debug, Default)]
struct Inactivity(Timestamp);

impl Inactivity {
    fn reset(&mut self) {
        self.0 = 0;
    }

    fn add(&mut self, elapsed: Timestamp) {
        self.0 = self.0.saturating_add(elapsed);
    }

    fn reaches(&self, timeout: Option<Duration>) -> bool {
        timeout.is_some_and(|timeout| self.0 as u128 >= timeout.as_millis())
    }
}

impl<T: Record> WatermarkTracker<T> {
    /// Makes a tracker without splits, which asks its generators every `interval`, never where that
    /// is zero.
    pub fn new(
        strategy: WatermarkStrategy<T>,
        interval: Duration,
        context: &OperatorContext,
    ) -> Self {
        let assigner = strategy.assigner();
        let interval = Timestamp::try_from(interval.as_millis()).unwrap_or(Timestamp::MAX);
        Self {
            strategy,
            assigner,
            splits: BTreeMap::new(),
            without_split: Inactivity::default(),
            emitted: MIN_WATERMARK,
            status: WatermarkStatus::Active,
            makes_watermarks: !context.batch_mode,
            interval: (interval > 0 && !context.batch_mode).then_some(interval),
            last_emit: context.clock.now(),
            no_timestamps: Vec::new(),
        }
    }

    /// Adds a split: from now on it takes part in the watermark.
    pub fn add_split(&mut self, id: &str) {
        if !self.splits.contains_key(id) {
            let split = Split {
                generator: self.strategy.generator(),
                watermark: MIN_WATERMARK,
                is_idle: false,
                inactivity: Inactivity::default(),
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
        let columns = batch.columns::<T>()?;
        let batch = match &mut self.assigner {
            Some(assigner) => {
                let timestamps = assigner.assign(&columns, &batch)?;
                batch.with_timestamps(Some(timestamps.into()))
            }
            None => batch,
        };
        if !self.makes_watermarks {
            return out.emit(batch);
        }
        self.set_status(WatermarkStatus::Active, out)?;
        self.add_split(id);
        let Some(split) = self.splits.get_mut(id) else { return out.emit(batch) };
        split.is_idle = false;
        split.inactivity.reset();
        let timestamps = if let Some(timestamps) = batch.timestamps() {
            timestamps
        } else {
            // As in Flink a generator sees the least timestamp where there is none.
            let rows = batch.physical_len().max(self.no_timestamps.len());
            self.no_timestamps.resize(rows, MIN_WATERMARK);
            &self.no_timestamps[..batch.physical_len()]
        };
        let mut among = Vec::new();
        split.generator.on_batch(&columns, &batch, timestamps, &mut among);
        let mut start = 0;
        for (end, watermark) in among {
            if let Some(split) = self.splits.get_mut(id) {
                split.raise(watermark);
            }
            if let Some(watermark) = self.combined() {
                out.emit(batch.slice(start, end - start))?;
                start = end;
                self.emit_watermark(watermark, out)?;
            }
        }
        if start == 0 { out.emit(batch) } else { out.emit(batch.slice(start, batch.len() - start)) }
    }

    /// Returns when [`on_processing_time`](Self::on_processing_time) is to be called next.
    pub fn next_processing_time(&self) -> Option<Timestamp> {
        self.interval.map(|interval| self.last_emit.saturating_add(interval))
    }

    /// Asks all generators for their watermark and emits the combined one where it grew.
    ///
    /// # Errors
    /// Where a receiver fails.
    pub fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        let Some(interval) = self.interval else { return Ok(()) };
        let elapsed = now.saturating_sub(self.last_emit);
        self.last_emit = now;
        // Time in which the task took no input isn't the input's: it says nothing of whether there
        // is any. A call that comes late comes after such a time.
        let elapsed =
            if out.is_available() { elapsed.clamp(0, interval.saturating_mul(2)) } else { 0 };
        let idleness = self.strategy.idleness();
        for split in self.splits.values_mut() {
            let mut generated = WatermarkOutput::default();
            split.generator.on_periodic_emit(&mut generated);
            split.inactivity.add(elapsed);
            split.is_idle = generated.is_idle() || split.inactivity.reaches(idleness);
            if let Some(watermark) = generated.take() {
                split.raise(watermark);
            }
        }
        let is_idle = if self.splits.is_empty() {
            self.without_split.add(elapsed);
            self.without_split.reaches(idleness)
        } else {
            self.without_split.reset();
            self.splits.values().all(|split| split.is_idle)
        };
        // Active before the watermark, idle after it: none comes from where all is idle.
        if !is_idle {
            self.set_status(WatermarkStatus::Active, out)?;
        }
        if let Some(watermark) = self.combined() {
            self.emit_watermark(watermark, out)?;
        }
        if is_idle { self.set_status(WatermarkStatus::Idle, out) } else { Ok(()) }
    }

    fn set_status(&mut self, status: WatermarkStatus, out: &mut Output) -> TaskResult {
        if self.status == status {
            return Ok(());
        }
        self.status = status;
        out.emit_control(&StreamElement::WatermarkStatus(status))
    }

    /// Returns the combined watermark where it is above the one that was emitted last.
    fn combined(&self) -> Option<Timestamp> {
        let active = self.splits.values().filter(|split| !split.is_idle);
        active.map(|split| split.watermark).min().filter(|watermark| *watermark > self.emitted)
    }

    fn emit_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        self.emitted = watermark;
        out.emit_watermark(watermark)
    }
}
