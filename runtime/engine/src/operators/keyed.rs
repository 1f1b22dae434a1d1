//! What the operators that run keyed process functions have in common.

use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, Slot};

use crate::collector::{Collector, Emitter};
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::function::{KeyedContext, KeyedRuntimeContext, OnTimerContext, TimeDomain, TimeService};
use crate::operator::OperatorContext;
use crate::output::Output;
use crate::side_output::SideOutputs;

/// State, time and side outputs of a keyed function, and the loop around its calls.
pub(super) struct KeyedRuntime {
    backend: KeyedBackend,
    sides: SideOutputs,
    clock: Arc<dyn Clock>,
    watermark: Timestamp,
    /// Whether looking up the keys of a whole batch ahead is worth it.
    uses_state: bool,
    slots: Vec<Slot>,
}

impl KeyedRuntime {
    pub(super) fn new(context: &OperatorContext) -> Self {
        Self {
            backend: context.keyed_backend(),
            sides: SideOutputs::new(context.limits),
            clock: context.clock.clone(),
            watermark: MIN_WATERMARK,
            uses_state: false,
            slots: Vec::new(),
        }
    }

    /// Opens the function.
    pub(super) fn open(
        &mut self,
        context: &OperatorContext,
        open: impl FnOnce(&mut KeyedRuntimeContext<'_>) -> Result<(), BoxError>,
    ) -> TaskResult {
        let mut runtime = KeyedRuntimeContext::new(context, &mut self.backend);
        open(&mut runtime).map_err(TaskError::user)?;
        self.uses_state = runtime.uses_state();
        Ok(())
    }

    /// Calls the function for every row of a batch, with the row's key as the current one.
    pub(super) fn process_batch<K: Record, I: Record, O: Record>(
        &mut self,
        batch: &Batch,
        extractor: &mut dyn KeyExtractor,
        emitter: &mut Emitter<O>,
        out: &mut Output,
        mut call: impl FnMut(
            I::View<'_>,
            &mut KeyedContext<'_, K>,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let keys = keys_of(batch, extractor)?;
        let key_columns = K::Columns::from_array(&keys.column)?;
        self.slots.clear();
        if self.uses_state {
            let selection = batch.selection().map(|selection| &selection[..]);
            let (bytes, hashes) = (&keys.bytes, &keys.hashes);
            self.backend.resolve(Namespace::VOID, bytes, hashes, selection, &mut self.slots)?;
        }
        let mut slots = self.slots.iter().copied();
        let mut context = KeyedContext::of_batch(
            &key_columns,
            TimeService::new(self.clock.as_ref(), self.watermark),
            &mut self.backend,
            &mut self.sides,
        );
        let mut collector = emitter.collector(out);
        batch.try_for_each(|row| {
            let timestamp = batch.timestamps().map(|timestamps| timestamps[row]);
            context.set_row(row, &keys, slots.next(), timestamp);
            collector.set_timestamp(timestamp);
            call(columns.get(row), &mut context, &mut collector).map_err(TaskError::user)?;
            context.end_call(&mut collector)
        })?;
        collector.finish()?;
        self.finish(out)
    }

    /// Sets event time and calls `on_timer` for every event-time timer that is due, then passes the
    /// watermark on.
    pub(super) fn process_watermark<K: Record, O: Record>(
        &mut self,
        watermark: Timestamp,
        emitter: &mut Emitter<O>,
        out: &mut Output,
        on_timer: impl FnMut(
            Timestamp,
            &mut OnTimerContext<'_, K>,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        self.watermark = watermark;
        self.fire(TimeDomain::Event, watermark, emitter, out, on_timer)?;
        out.emit_watermark(watermark)
    }

    pub(super) fn next_processing_time(&self) -> Option<Timestamp> {
        self.backend.next_processing_timer()
    }

    /// Calls `on_timer` for every timer that is due at `time`, also for those registered meanwhile.
    pub(super) fn fire<K: Record, O: Record>(
        &mut self,
        domain: TimeDomain,
        time: Timestamp,
        emitter: &mut Emitter<O>,
        out: &mut Output,
        mut on_timer: impl FnMut(
            Timestamp,
            &mut OnTimerContext<'_, K>,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        if self.backend.next_timer(domain).is_none_or(|next| next > time) {
            return Ok(());
        }
        let now = TimeService::new(self.clock.as_ref(), self.watermark);
        let mut collector = emitter.collector(out);
        while let Some(timer) = self.backend.pop_due_timer(domain, time)? {
            let key = K::decode_key(&timer.key)?;
            self.backend.set_current_key(timer.hash(), &timer.key);
            let (state, sides) = (&mut self.backend, &mut self.sides);
            let mut context = OnTimerContext::new(&key, domain, timer.timestamp, now, state, sides);
            // Processing time says nothing about when in event time a result belongs.
            let event_time = (domain == TimeDomain::Event).then_some(timer.timestamp);
            collector.set_timestamp(event_time);
            on_timer(timer.timestamp, &mut context, &mut collector).map_err(TaskError::user)?;
            context.end_call(&mut collector)?;
        }
        collector.finish()?;
        self.finish(out)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        self.backend.clear_current_key();
        self.backend.finish_batch()?;
        self.sides.flush(out)
    }
}
