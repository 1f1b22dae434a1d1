//! The operator.

use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::key::{Keys, hash_key};
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Record};
use sciurus_state::timer::TimeDomain;
use sciurus_state::{KeyedStateBackend, Namespace, Slot};

use super::ahead::Ahead;
use super::grouping::{Grouped, Grouping};
use super::keys::{KeyColumnCache, pane_keys};
use super::panes::Panes;
use super::running::Running;
use crate::checkpoint::SnapshotContext;
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;
use crate::timed_state::{TimedState, least};
use crate::windowing::contents::WindowContents;
use crate::windowing::late::{LateRecords, timestamps_of};
use crate::windowing::output::{Progress, WindowOutput};
use crate::windowing::slicing::{Slice, Slicing};
use crate::windowing::window::Window;

/// Which windows, and what becomes of late records.
#[derive(Debug, Clone)]
pub struct SlicedOptions {
    /// The windows.
    pub slicing: Slicing,
    /// Which clock they go by.
    pub domain: TimeDomain,
    /// For how many milliseconds of event time a window is kept after its end.
    pub allowed_lateness: i64,
    /// The side output for records of windows that are not kept any more.
    pub late_tag: Option<Arc<str>>,
}

/// Windows that are the same for all keys, over records that are put together one by one.
pub struct SlicedWindowOperator<T, K, W, C, O>
where
    T: Record,
    K: Record,
    C: WindowContents<T>,
{
    pub(super) slicing: Slicing,
    domain: TimeDomain,
    pub(super) allowed_lateness: i64,
    late: LateRecords,
    extractor: Box<dyn KeyExtractor>,
    pub(super) contents: C,
    pub(super) output: O,
    pub(super) panes: Panes,
    /// The aggregate of the current window, where windows overlap.
    pub(super) running: Option<Running<T, C>>,
    key_columns: KeyColumnCache,
    clock: Arc<dyn Clock>,
    /// Windows that end at or before the millisecond after this one have fired.
    pub(super) fired: Timestamp,
    /// Key groups for which later windows have fired too.
    ahead: Ahead,
    pub(super) progress: Progress,
    grouping: Grouping,
    pub(super) slots: Vec<Slot>,
    /// Rows of the batch at hand that belong to windows which have fired and are still kept.
    pub(super) refiring: Vec<(u32, Slice)>,
    max_rows: usize,
    batch_mode: bool,
    types: PhantomData<fn() -> (K, W)>,
}

impl<T, K, W, C, O> SlicedWindowOperator<T, K, W, C, O>
where
    T: Record,
    K: Record,
    W: Window,
    C: WindowContents<T>,
    O: WindowOutput<K, W, C::Accumulator>,
{
    /// Makes the operator of one subtask. `extractor` is that of the exchange in front of it.
    pub fn new(
        options: SlicedOptions,
        extractor: Box<dyn KeyExtractor>,
        contents: C,
        output: O,
        context: &OperatorContext,
    ) -> Self {
        Self {
            slicing: options.slicing,
            domain: options.domain,
            allowed_lateness: match options.domain {
                TimeDomain::Event => options.allowed_lateness,
                TimeDomain::Processing => 0,
            },
            late: LateRecords::new(options.late_tag, context.metrics.clone()),
            extractor,
            contents,
            output,
            panes: Panes::new(),
            running: (!options.slicing.is_tumbling()).then(Running::new),
            key_columns: KeyColumnCache::default(),
            clock: context.clock.clone(),
            fired: MIN_WATERMARK,
            ahead: Ahead::new(context.subtask.max_parallelism),
            progress: Progress { watermark: MIN_WATERMARK, processing_time: 0 },
            grouping: Grouping::default(),
            slots: Vec::new(),
            refiring: Vec::new(),
            max_rows: context.limits.max_rows,
            batch_mode: context.batch_mode,
            types: PhantomData,
        }
    }

    /// Adds rows (all where `rows` is `None`) that belong to one slice, or puts them aside where
    /// windows fire again for them.
    fn add(
        &mut self,
        slice: Slice,
        batch: &Batch,
        keys: &Keys,
        rows: Option<&[u32]>,
        out: &mut Output,
    ) -> TaskResult {
        let by_event_time = self.domain == TimeDomain::Event;
        let kept = self
            .slicing
            .last_end(slice)
            .filter(|end| !by_event_time || self.cleanup_time(*end) > self.progress.watermark);
        if kept.is_none() {
            if by_event_time {
                return self.late.refuse(batch, rows, self.allowed_lateness, &self.progress, out);
            }
            // Between two windows.
            return Ok(());
        }
        let fired = self.slicing.first_end(slice).is_some_and(|end| end - 1 <= self.fired);
        if by_event_time && fired && self.allowed_lateness > 0 {
            // One by one, in the order in which they came, whatever their slices.
            match rows {
                None => self.refiring.extend((0..batch.physical_len() as u32).map(|r| (r, slice))),
                Some(rows) => self.refiring.extend(rows.iter().map(|row| (*row, slice))),
            }
            return Ok(());
        }
        self.panes.resolve(slice, keys, rows, &mut self.slots)?;
        let mut accumulators = self.panes.accumulators(slice.end)?;
        self.contents.fold(batch, rows, &self.slots, &mut accumulators)?;
        self.add_to_running(slice, batch, keys, rows)
    }

    /// Returns the time at which a window that ends at `end` is forgotten.
    pub(super) fn cleanup_time(&self, end: Timestamp) -> Timestamp {
        end.saturating_sub(1).saturating_add(self.allowed_lateness)
    }

    /// Fires the windows whose last millisecond is at or before `time`, and forgets the slices that
    /// no window needs any more.
    fn advance(&mut self, time: Timestamp, out: &mut Output) -> TaskResult {
        while let Some(end) = self.next_end().filter(|end| *end - 1 <= time) {
            self.fire(end, out)?;
            self.fired = end - 1;
        }
        self.fired = self.fired.max(time);
        self.ahead.come_to(self.fired);
        while let Some(slice) = self.panes.first() {
            let last = self.slicing.last_end(slice).unwrap_or(slice.end);
            if self.cleanup_time(last) > time {
                break;
            }
            if let Some(running) = self.running.as_mut().filter(|r| r.contains(slice.end)) {
                running.remove(slice.end, &mut self.panes, &mut self.contents)?;
            }
            self.panes.drop(slice.end)?;
        }
        self.panes.backend()?.finish_batch()?;
        self.output.flush(out)
    }

    /// Returns the end of the next window to fire.
    fn next_end(&self) -> Option<Timestamp> {
        let least = match self.fired {
            MIN_WATERMARK => MIN_WATERMARK,
            fired => fired.checked_add(2)?,
        };
        self.panes.next_window_end(&self.slicing, least)
    }

    fn fire(&mut self, end: Timestamp, out: &mut Output) -> TaskResult {
        let span = self.slicing.window_ending(end);
        let window = W::of_span(span).ok_or(NO_SPAN)?;
        let rows = self.max_rows;
        let Some(running) = &mut self.running else {
            return self.fire_slice(end, &window, out);
        };
        running.advance((span.start, end), &mut self.panes, &mut self.contents)?;
        let generation = running.generation();
        let fired = self.ahead.fired_keys(end, |mark| {
            let all = 0..running.cells().len();
            running.keys().for_each_key(all, |key| mark(hash_key(key)));
            Ok(())
        })?;
        let counts = |slot: usize| fired.get(slot).is_none_or(|fired| !fired);
        for (chunk, cells) in running.cells().chunks(rows).enumerate() {
            let keys = if O::NEEDS_KEYS {
                let (cache, index) = (&mut self.key_columns, running.keys());
                Some(cache.column::<K>(index, generation, chunk, rows)?)
            } else {
                None
            };
            let cells = (chunk * rows..).zip(cells);
            let rows = cells.map(|(slot, cell)| (cell.slices > 0 && counts(slot), &cell.value));
            self.output.emit_keys(&window, self.progress, keys.as_ref(), rows, out)?;
        }
        Ok(())
    }

    /// Fires a window that is a slice by itself.
    fn fire_slice(&mut self, end: Timestamp, window: &W, out: &mut Output) -> TaskResult {
        let rows = self.max_rows;
        let keys =
            if O::NEEDS_KEYS { pane_keys::<K>(&mut self.panes, end, rows)? } else { Vec::new() };
        let fired = self.ahead.fired_keys(end, |mark| {
            let backend = self.panes.backend()?;
            Ok(backend.for_each_key(Namespace(end), |_, hash| mark(hash))?)
        })?;
        let counts = |slot: usize| fired.get(slot).is_none_or(|fired| !fired);
        let count = self.panes.key_count(end);
        let accumulators = self.panes.accumulators::<C::Accumulator>(end)?;
        for (chunk, start) in (0..count).step_by(rows).enumerate() {
            let slots = start..(start + rows).min(count);
            // All keys of a slice have records in it.
            let rows = accumulators.range(slots);
            let rows = rows.map(|(slot, contents)| (counts(slot), contents));
            self.output.emit_keys(window, self.progress, keys.get(chunk), rows, out)?;
        }
        Ok(())
    }

    /// Moves processing time on and fires what is due.
    fn advance_clock(&mut self, out: &mut Output) -> TaskResult {
        // A clock that is set back must not open windows again.
        let now = self.clock.now().max(self.progress.processing_time);
        self.progress.processing_time = now;
        if self.domain == TimeDomain::Processing && now > self.fired.saturating_add(1) {
            return self.advance(now - 1, out);
        }
        Ok(())
    }
}

impl<T, K, W, C, O> Operator for SlicedWindowOperator<T, K, W, C, O>
where
    T: Record,
    K: Record,
    W: Window,
    C: WindowContents<T>,
    O: WindowOutput<K, W, C::Accumulator>,
{
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let (state, restored) = TimedState::open(context)?;
        self.panes.open::<C::Accumulator>(state, &self.slicing)?;
        self.fired = least(&restored);
        match self.domain {
            TimeDomain::Event => self.progress.watermark = self.fired,
            TimeDomain::Processing => {
                // Nothing more goes into windows that have fired for any key.
                let latest = restored.iter().map(|kept| kept.time).max();
                let behind = latest.map_or(0, |time| time.saturating_add(1));
                self.progress.processing_time = behind.max(0);
            }
        }
        self.ahead.restore(restored, self.fired);
        self.output.open(context)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        if batch.is_empty() {
            return Ok(());
        }
        let keys = keys_of(&batch, self.extractor.as_mut())?;
        let rows = batch.selection().map(|rows| &rows[..]);
        self.advance_clock(out)?;
        if self.domain == TimeDomain::Processing {
            let slice = self.slicing.slice_of(self.progress.processing_time);
            self.add(slice, &batch, &keys, rows, out)?;
        } else {
            let timestamps = timestamps_of(&batch)?;
            let mut grouping = std::mem::take(&mut self.grouping);
            match grouping.group(&self.slicing, timestamps, rows) {
                None => {}
                Some(Grouped::One(slice)) => self.add(slice, &batch, &keys, rows, out)?,
                Some(Grouped::Several(groups)) => groups.iter().try_for_each(|group| {
                    self.add(group.slice, &batch, &keys, Some(&group.rows), out)
                })?,
            }
            self.grouping = grouping;
            self.add_to_fired(&batch, &keys, out)?;
        }
        self.panes.backend()?.finish_batch()?;
        self.output.flush(out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        // In batch execution nothing is late: all of event time passes at the end.
        if self.batch_mode && watermark < MAX_WATERMARK {
            return out.emit_watermark(watermark);
        }
        if watermark <= self.progress.watermark {
            // It isn't back yet where it was before the operator was restored.
            return Ok(());
        }
        self.progress.watermark = watermark;
        if self.domain == TimeDomain::Event {
            self.progress.processing_time = self.clock.now();
            self.advance(watermark, out)?;
        }
        out.emit_watermark(watermark)
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        match self.domain {
            TimeDomain::Event => None,
            TimeDomain::Processing => self.next_end(),
        }
    }

    fn on_processing_time(&mut self, _: Timestamp, out: &mut Output) -> TaskResult {
        self.advance_clock(out)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        // As in Flink, windows that wait for the clock are lost when a stream ends, but not in
        // batch execution.
        if self.batch_mode && self.domain == TimeDomain::Processing {
            return self.advance(MAX_WATERMARK, out);
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        self.panes.state()?.snapshot(self.fired, self.ahead.groups(), snapshot)
    }

    fn close(&mut self) -> TaskResult {
        self.output.close()
    }
}

pub(super) const NO_SPAN: TaskError = TaskError::Defect("sliced windows are no spans of time");
