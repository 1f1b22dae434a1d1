//! The operator.

use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::key::Keys;
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Columns, Record};
use sciurus_state::timer::TimeDomain;
use sciurus_state::{KeyedStateBackend, Namespace, Slot, StateId};

use super::windows::{DOMAINS, Windows, WindowsOf};
use crate::checkpoint::SnapshotContext;
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;
use crate::timed_state::TimedState;
use crate::windowing::assigner::WindowAssigner;
use crate::windowing::contents::WindowContents;
use crate::windowing::late::{LateRecords, timestamps_of};
use crate::windowing::output::{Progress, WindowOutput};
use crate::windowing::trigger::Trigger;

/// Which windows, when they fire, and what becomes of late records.
#[derive(Debug, Clone)]
pub struct WindowOptions<A, G> {
    /// Assigns windows.
    pub assigner: A,
    /// Fires them.
    pub trigger: G,
    /// For how many milliseconds of event time a window is kept after its end.
    pub allowed_lateness: i64,
    /// The side output for records of windows that are not kept any more.
    pub late_tag: Option<Arc<str>>,
}

/// Windows of any kind.
pub struct WindowOperator<T, K, A, G, C, O>
where
    T: Record,
    A: WindowAssigner<T>,
{
    windows: Windows<T, K, A, G, C, O>,
    late: LateRecords,
    extractor: Box<dyn KeyExtractor>,
    /// The state, and in it the one that the windows of a key are, once opened.
    state: Option<(TimedState, StateId)>,
    clock: Arc<dyn Clock>,
    slots: Vec<Slot>,
    /// Rows of the batch at hand that no window took.
    refused: Vec<u32>,
    /// Timers to register for rows of the batch at hand.
    timers: Vec<(usize, TimeDomain, Timestamp)>,
    batch_mode: bool,
}

impl<T, K, A, G, C, O> WindowOperator<T, K, A, G, C, O>
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
    C: WindowContents<T>,
    O: WindowOutput<K, A::Window, C::Accumulator>,
{
    /// Makes the operator of one subtask. `extractor` is that of the exchange in front of it.
    pub fn new(
        options: WindowOptions<A, G>,
        extractor: Box<dyn KeyExtractor>,
        contents: C,
        output: O,
        context: &OperatorContext,
    ) -> Self {
        let WindowOptions { assigner, trigger, allowed_lateness, late_tag } = options;
        let windows = Windows {
            domain: assigner.time_domain(),
            assigner,
            trigger,
            contents,
            output,
            allowed_lateness,
            progress: Progress { watermark: MIN_WATERMARK, processing_time: 0 },
            next_timers: [None; 2],
            assigned: Vec::new(),
            keys: PhantomData,
        };
        Self {
            windows,
            late: LateRecords::new(late_tag, context.metrics.clone()),
            extractor,
            state: None,
            clock: context.clock.clone(),
            slots: Vec::new(),
            refused: Vec::new(),
            timers: Vec::new(),
            batch_mode: context.batch_mode,
        }
    }

    fn add(&mut self, batch: &Batch, keys: &Keys, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<T>()?;
        let key_columns = K::Columns::from_array(&keys.column)?;
        let timestamps = batch.timestamps();
        let Self { windows, state, slots, refused, timers, .. } = self;
        let (TimedState { keyed: backend, .. }, state) =
            state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let rows = batch.selection().map(|rows| &rows[..]);
        backend.resolve(Namespace::VOID, &keys.bytes, &keys.hashes, rows, slots)?;
        let mut column = backend.value_column::<WindowsOf<T, A, G, C>>(*state, Namespace::VOID)?;
        let mut slots = slots.iter();
        batch.try_for_each(|row| {
            let Some(slot) = slots.next().copied() else {
                return Err(TaskError::Defect("a row without a slot"));
            };
            let of_key = column.slot_mut(slot).get_or_insert_default();
            let timestamp = timestamps.map(|timestamps| timestamps[row]);
            let key = key_columns.get(row);
            if !windows.add(of_key, key, (&columns, row), timestamp, out)? {
                refused.push(row as u32);
            }
            for (domain, due) in DOMAINS.into_iter().zip(windows.next_timers) {
                if let Some(time) = of_key.timer_to_register(domain, due) {
                    timers.push((row, domain, time));
                }
            }
            if of_key.windows.is_empty() {
                column.clear(slot);
            }
            Ok::<_, TaskError>(())
        })?;
        for (row, domain, time) in timers.drain(..) {
            backend.set_current_key(keys.hashes[row], keys.bytes.get(row));
            backend.register_timer(domain, time, Namespace::VOID)?;
        }
        Ok(())
    }

    /// Fires the timers that are due at `time`; with `last`, all.
    fn fire(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
        last: bool,
        out: &mut Output,
    ) -> TaskResult {
        let Self { windows, state, .. } = self;
        let (TimedState { keyed: backend, .. }, state) =
            state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        while let Some(timer) = backend.pop_due_timer(domain, time)? {
            let key = K::decode_key(&timer.key)?;
            backend.set_current_key(timer.hash(), &timer.key);
            let update = |value: &mut Option<WindowsOf<T, A, G, C>>| {
                let Some(of_key) = value else { return Ok([None, None]) };
                let registered = of_key.registered(domain);
                if *registered != Some(timer.timestamp) {
                    return Ok([None, None]);
                }
                *registered = None;
                let due = match (last, domain) {
                    (true, _) => Timestamp::MAX,
                    (false, TimeDomain::Event) => timer.timestamp,
                    (false, TimeDomain::Processing) => timer.timestamp - 1,
                };
                windows.fire(of_key, key.view(), domain, due, last, out)?;
                let next = DOMAINS.map(|domain| {
                    let due = windows.next_timer_of(of_key, domain);
                    of_key.timer_to_register(domain, due)
                });
                if of_key.windows.is_empty() {
                    *value = None;
                }
                Ok::<_, TaskError>(next)
            };
            let next = backend.update_value(*state, update)??;
            for (domain, time) in DOMAINS.into_iter().zip(next) {
                if let Some(time) = time {
                    backend.register_timer(domain, time, Namespace::VOID)?;
                }
            }
        }
        backend.clear_current_key();
        self.finish_call(out)
    }

    fn finish_call(&mut self, out: &mut Output) -> TaskResult {
        let (state, _) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        state.keyed.finish_batch()?;
        self.windows.output.flush(out)
    }

    fn next_processing_timer(&self) -> Option<Timestamp> {
        self.state.as_ref()?.0.keyed.next_processing_timer()
    }

    /// Moves processing time on and fires what is due.
    fn advance_clock(&mut self, out: &mut Output) -> TaskResult {
        let now = self.clock.now().max(self.windows.progress.processing_time);
        self.windows.progress.processing_time = now;
        if self.next_processing_timer().is_some_and(|due| due <= now) {
            return self.fire(TimeDomain::Processing, now, false, out);
        }
        Ok(())
    }
}

impl<T, K, A, G, C, O> Operator for WindowOperator<T, K, A, G, C, O>
where
    T: Record,
    K: Record,
    A: WindowAssigner<T>,
    G: Trigger<T, A::Window>,
    C: WindowContents<T>,
    O: WindowOutput<K, A::Window, C::Accumulator>,
{
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let (mut state, watermark) = TimedState::open_with_watermark(context)?;
        let name = "windows".into();
        let windows = state.keyed.register_value::<WindowsOf<T, A, G, C>>(&name, None)?;
        self.state = Some((state, windows));
        self.windows.progress.watermark = watermark;
        self.windows.output.open(context)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        if batch.is_empty() {
            return Ok(());
        }
        let by_event_time = self.windows.domain == TimeDomain::Event;
        if by_event_time {
            timestamps_of(&batch)?;
        }
        let keys = keys_of(&batch, self.extractor.as_mut())?;
        self.advance_clock(out)?;
        self.add(&batch, &keys, out)?;
        if by_event_time && !self.refused.is_empty() {
            let Windows { allowed_lateness, progress, .. } = &self.windows;
            self.late.refuse(&batch, Some(&self.refused), *allowed_lateness, progress, out)?;
        }
        self.refused.clear();
        self.finish_call(out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        // In batch execution nothing is late: all of event time passes at the end.
        if self.batch_mode && watermark < MAX_WATERMARK {
            return out.emit_watermark(watermark);
        }
        if watermark <= self.windows.progress.watermark {
            // It isn't back yet where it was before the operator was restored.
            return Ok(());
        }
        self.windows.progress.watermark = watermark;
        self.advance_clock(out)?;
        self.fire(TimeDomain::Event, watermark, false, out)?;
        out.emit_watermark(watermark)
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.next_processing_timer()
    }

    fn on_processing_time(&mut self, _: Timestamp, out: &mut Output) -> TaskResult {
        self.advance_clock(out)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        // As in Flink, windows that wait for the clock are lost when a stream ends, but not in
        // batch execution.
        if self.batch_mode {
            self.fire(TimeDomain::Processing, MAX_WATERMARK, true, out)?;
            // They go out once, also where the operator is restored behind this.
            let (state, _) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
            state.keyed.drop_namespace(Namespace::VOID)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        let (state, _) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        state.snapshot(self.windows.progress.watermark, &[], snapshot)
    }

    fn close(&mut self) -> TaskResult {
        self.windows.output.close()
    }
}
