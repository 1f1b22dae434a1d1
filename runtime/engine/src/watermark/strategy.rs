//! How event timestamps and watermarks are made from records.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Columns, Record};

use crate::error::TaskResult;

/// Takes the watermarks that a generator emits.
#[derive(Debug, Default)]
pub struct WatermarkOutput {
    watermark: Option<Timestamp>,
    idle: bool,
}

impl WatermarkOutput {
    /// Emits a watermark; one below an earlier one has no effect.
    pub fn emit_watermark(&mut self, watermark: Timestamp) {
        self.watermark = Some(self.watermark.map_or(watermark, |old| old.max(watermark)));
        self.idle = false;
    }

    /// Marks the stream as idle until the next watermark or record.
    pub fn mark_idle(&mut self) {
        self.idle = true;
    }

    /// Takes what was emitted since the last call.
    pub fn take(&mut self) -> Option<Timestamp> {
        self.watermark.take()
    }

    /// Returns whether the generator called itself idle.
    pub fn is_idle(&self) -> bool {
        self.idle
    }
}

/// Makes watermarks from the records of one split (Flink's `WatermarkGenerator`).
pub trait WatermarkGenerator<T: Record>: Send {
    /// Sees one record and may emit a watermark, which then stands right behind the record.
    fn on_event(&mut self, record: T::View<'_>, timestamp: Timestamp, out: &mut WatermarkOutput);

    /// Is called every `pipeline.auto-watermark-interval` and may emit a watermark.
    fn on_periodic_emit(&mut self, out: &mut WatermarkOutput);

    /// Sees all records of a batch. `emitted` receives the watermarks that stand in its midst:
    /// behind how many logical rows, and which.
    fn on_batch(
        &mut self,
        columns: &T::Columns,
        batch: &Batch,
        timestamps: &[Timestamp],
        emitted: &mut Vec<(usize, Timestamp)>,
    ) {
        let mut out = WatermarkOutput::default();
        let mut rows = 0;
        batch.for_each(|row| {
            self.on_event(columns.get(row), timestamps[row], &mut out);
            rows += 1;
            if let Some(watermark) = out.take() {
                emitted.push((rows, watermark));
            }
        });
    }
}

/// Reads the event timestamps off the records of a batch.
pub trait TimestampAssigner<T: Record>: Send {
    /// Writes the timestamp of every physical row; rows that don't count may get any.
    ///
    /// # Errors
    /// Where the user's function fails.
    fn assign(&mut self, columns: &T::Columns, batch: &Batch) -> TaskResult<Vec<Timestamp>>;
}

struct ClosureAssigner<F>(F);

impl<T, F> TimestampAssigner<T> for ClosureAssigner<F>
where
    T: Record,
    F: for<'a> FnMut(T::View<'a>, Option<Timestamp>) -> Timestamp + Send,
{
    fn assign(&mut self, columns: &T::Columns, batch: &Batch) -> TaskResult<Vec<Timestamp>> {
        let mut timestamps = vec![MIN_WATERMARK; batch.physical_len()];
        match batch.timestamps() {
            None => batch.for_each(|row| timestamps[row] = (self.0)(columns.get(row), None)),
            Some(old) => {
                batch.for_each(|row| {
                    timestamps[row] = (self.0)(columns.get(row), Some(old[row]));
                });
            }
        }
        Ok(timestamps)
    }
}

/// Emits, at each period, the greatest timestamp less the bound less one millisecond.
#[derive(Debug, Clone)]
struct BoundedOutOfOrderness {
    greatest: Option<Timestamp>,
    bound: Timestamp,
}

impl<T: Record> WatermarkGenerator<T> for BoundedOutOfOrderness {
    fn on_event(&mut self, _: T::View<'_>, timestamp: Timestamp, _: &mut WatermarkOutput) {
        self.greatest = Some(self.greatest.map_or(timestamp, |old| old.max(timestamp)));
    }

    fn on_periodic_emit(&mut self, out: &mut WatermarkOutput) {
        if let Some(greatest) = self.greatest {
            out.emit_watermark(greatest.saturating_sub(self.bound).saturating_sub(1));
        }
    }

    fn on_batch(
        &mut self,
        _: &T::Columns,
        batch: &Batch,
        timestamps: &[Timestamp],
        _: &mut Vec<(usize, Timestamp)>,
    ) {
        let greatest = match batch.selection() {
            None => timestamps.iter().copied().max(),
            Some(selection) => selection.iter().map(|row| timestamps[*row as usize]).max(),
        };
        self.greatest = self.greatest.max(greatest);
    }
}

struct NoWatermarks;

impl<T: Record> WatermarkGenerator<T> for NoWatermarks {
    fn on_event(&mut self, _: T::View<'_>, _: Timestamp, _: &mut WatermarkOutput) {}
    fn on_periodic_emit(&mut self, _: &mut WatermarkOutput) {}
    fn on_batch(
        &mut self,
        _: &T::Columns,
        _: &Batch,
        _: &[Timestamp],
        _: &mut Vec<(usize, Timestamp)>,
    ) {
    }
}

type MakeAssigner<T> = Arc<dyn Fn() -> Box<dyn TimestampAssigner<T>> + Send + Sync>;
type MakeGenerator<T> = Arc<dyn Fn() -> Box<dyn WatermarkGenerator<T>> + Send + Sync>;

/// How the records of a stream get event timestamps and watermarks.
pub struct WatermarkStrategy<T: Record> {
    assigner: Option<MakeAssigner<T>>,
    generator: MakeGenerator<T>,
    idleness: Option<Duration>,
}

impl<T: Record> Clone for WatermarkStrategy<T> {
    fn clone(&self) -> Self {
        Self {
            assigner: self.assigner.clone(),
            generator: self.generator.clone(),
            idleness: self.idleness,
        }
    }
}

impl<T: Record> WatermarkStrategy<T> {
    /// Makes no watermarks but the last one, at the end of the input.
    pub fn no_watermarks() -> Self {
        Self::for_generator(|| NoWatermarks)
    }

    /// For timestamps that never fall within a split.
    pub fn for_monotonous_timestamps() -> Self {
        Self::for_bounded_out_of_orderness(Duration::ZERO)
    }

    /// For timestamps that lag behind the greatest one seen by `bound` at the most.
    pub fn for_bounded_out_of_orderness(bound: Duration) -> Self {
        let bound = Timestamp::try_from(bound.as_millis()).unwrap_or(Timestamp::MAX);
        Self::for_generator(move || BoundedOutOfOrderness { greatest: None, bound })
    }

    /// With a generator of the user's, made anew for each split.
    pub fn for_generator<G>(make: impl Fn() -> G + Send + Sync + 'static) -> Self
    where
        G: WatermarkGenerator<T> + 'static,
    {
        Self { assigner: None, generator: Arc::new(move || Box::new(make())), idleness: None }
    }

    /// Reads timestamps off the records, in milliseconds since the Unix epoch; `assigner` is given
    /// the record and the timestamp that the source gave it, if any.
    #[must_use]
    pub fn with_timestamp_assigner<F>(mut self, assigner: F) -> Self
    where
        F: for<'a> Fn(T::View<'a>, Option<Timestamp>) -> Timestamp + Clone + Send + Sync + 'static,
    {
        self.assigner = Some(Arc::new(move || Box::new(ClosureAssigner(assigner.clone()))));
        self
    }

    /// Takes a split without records for this long as idle, so that it holds back no watermark.
    #[must_use]
    pub fn with_idleness(mut self, timeout: Duration) -> Self {
        self.idleness = Some(timeout);
        self
    }

    /// Makes the assigner of a subtask, where timestamps are read off the records.
    pub fn assigner(&self) -> Option<Box<dyn TimestampAssigner<T>>> {
        self.assigner.as_ref().map(|make| make())
    }

    /// Makes the generator of a split.
    pub fn generator(&self) -> Box<dyn WatermarkGenerator<T>> {
        (self.generator)()
    }

    /// Returns after how long without records a split is idle.
    pub fn idleness(&self) -> Option<Duration> {
        self.idleness
    }
}
