//! Where a reader puts its records.

use arrow_array::RecordBatch;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};

use crate::collector::Emitter;
use crate::error::TaskError;
use crate::output::Output;
use crate::watermark::WatermarkTracker;

/// Takes the records of a reader. Each belongs to the split selected last, whose watermarks it
/// makes.
pub struct SourceOutput<'a, T: Record> {
    pub(super) emitter: &'a mut Emitter<T>,
    pub(super) tracker: &'a mut WatermarkTracker<T>,
    pub(super) output: &'a mut Output,
    pub(super) split: &'a mut String,
    pub(super) failure: Option<TaskError>,
    pub(super) emitted: bool,
}

impl<T: Record> SourceOutput<'_, T> {
    /// Says that the records which follow come from the split `id`.
    pub fn select_split(&mut self, id: &str) {
        self.flush();
        id.clone_into(self.split);
        self.tracker.add_split(id);
    }

    /// Says that the split `id` has ended.
    pub fn release_split(&mut self, id: &str) {
        self.flush();
        self.tracker.release_split(id);
    }

    /// Emits a record, given as a view of it.
    #[inline]
    pub fn collect(&mut self, record: T::View<'_>) {
        if self.emitter.append(record, None) {
            self.flush();
        }
    }

    /// Emits a record with its event timestamp, milliseconds since the Unix epoch.
    #[inline]
    pub fn collect_with_timestamp(&mut self, record: T::View<'_>, timestamp: Timestamp) {
        if self.emitter.append(record, Some(timestamp)) {
            self.flush();
        }
    }

    /// Emits a whole batch, laid out as `T::fields` says.
    pub fn collect_batch(&mut self, records: RecordBatch) {
        self.flush();
        self.emit(Batch::new(records));
    }

    /// Returns whether a batch went out in this call to `poll`: time to return.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.emitted
    }

    #[cold]
    pub(super) fn flush(&mut self) {
        if self.emitter.is_empty() {
            return;
        }
        match self.emitter.take() {
            Ok(batch) => self.emit(batch),
            Err(error) => {
                self.failure.get_or_insert(error);
            }
        }
    }

    fn emit(&mut self, batch: Batch) {
        if self.failure.is_some() {
            return;
        }
        self.emitted = true;
        if let Err(error) = self.tracker.emit(self.split, batch, self.output) {
            self.failure = Some(error);
        }
    }
}
