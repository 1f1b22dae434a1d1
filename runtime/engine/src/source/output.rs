//! Where a reader puts its records.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};

use crate::collector::Emitter;
use crate::error::TaskError;
use crate::output::Output;
use crate::watermark::WatermarkTracker;

/// How long a call to `poll` may take until the reader is asked to return, so that what it has read
/// goes out, and mail and timers have their turn.
const LONGEST_POLL: Duration = Duration::from_millis(10);

/// Takes the records of a reader. Each belongs to the split selected last, whose watermarks it
/// makes.
pub struct SourceOutput<'a, T: Record> {
    pub(super) emitter: &'a mut Emitter<T>,
    pub(super) tracker: &'a mut WatermarkTracker<T>,
    pub(super) output: &'a mut Output,
    pub(super) split: &'a mut String,
    pub(super) failure: Option<TaskError>,
    pub(super) emitted: bool,
    pub(super) pace: Pace,
}

/// Notices that a poll takes long. It looks at the clock less and less often, so that many records
/// cost nothing and few, which come slowly, are seen in time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    start: Option<Instant>,
    asked: u32,
    next_look: u32,
}

impl Pace {
    #[inline]
    fn is_overdue(&mut self) -> bool {
        self.asked += 1;
        self.asked > self.next_look && self.look()
    }

    #[cold]
    fn look(&mut self) -> bool {
        self.next_look = 2 * self.asked;
        self.start.get_or_insert_with(Instant::now).elapsed() >= LONGEST_POLL
    }
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

    /// Returns whether a batch went out in this call to `poll` or the call has taken long: time to
    /// return. A reader whose records come slowly asks for each.
    #[inline]
    pub fn is_full(&mut self) -> bool {
        self.emitted || self.pace.is_overdue()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_poll_is_noticed_and_a_fast_one_hardly_looks() {
        let mut slow = Pace::default();
        let mut asked = 0;
        while !slow.is_overdue() {
            std::thread::sleep(Duration::from_millis(1));
            asked += 1;
        }
        assert!(asked <= 64, "it took {asked} records a millisecond apart");
        let mut fast = Pace { start: None, asked: 0, next_look: 0 };
        let looks = (0..4096).filter(|_| {
            let before = fast.next_look;
            fast.is_overdue();
            fast.next_look != before
        });
        assert!(looks.count() < 20);
    }
}
