//! What the operators that run keyed process functions have in common.

use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_state::{KeyedStateBackend, Namespace, OperatorBackend, Slot};

use crate::checkpoint::SnapshotContext;
use crate::collector::{Collector, Emitter};
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::function::{
    BroadcastContext, Context, FunctionInitializationContext, FunctionSnapshotContext,
    KeyedContext, KeyedRuntimeContext, OnTimerContext, TimeDomain, TimeService, initialize,
};
use crate::operator::OperatorContext;
use crate::output::Output;
use crate::side_output::SideOutputs;
use crate::timed_state::TimedState;

/// State, time and side outputs of a keyed function, and the loop around its calls.
pub(super) struct KeyedRuntime {
    /// Made when the operator is opened.
    state: Option<TimedState>,
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
            state: None,
            sides: SideOutputs::new(context.limits),
            clock: context.clock.clone(),
            watermark: MIN_WATERMARK,
            uses_state: false,
            slots: Vec::new(),
        }
    }

    /// Opens the function.
    pub(super) fn open<F>(
        &mut self,
        context: &OperatorContext,
        function: &mut F,
        initialize_state: impl FnOnce(
            &mut F,
            &mut FunctionInitializationContext<'_>,
        ) -> Result<(), BoxError>,
        open: impl FnOnce(&mut F, &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError>,
    ) -> TaskResult {
        let (state, watermark) = TimedState::open_with_watermark(context)?;
        let state = self.state.insert(state);
        self.watermark = watermark;
        initialize(function, context, &mut state.operator, initialize_state)?;
        let mut runtime = KeyedRuntimeContext::new(context, &mut state.keyed);
        open(function, &mut runtime).map_err(TaskError::user)?;
        self.uses_state = runtime.uses_state();
        Ok(())
    }

    /// Puts all state into a snapshot; `snapshot_state` is the function's part.
    pub(super) fn snapshot(
        &mut self,
        snapshot: &mut SnapshotContext<'_>,
        snapshot_state: impl FnOnce(&mut FunctionSnapshotContext<'_>) -> Result<(), BoxError>,
    ) -> TaskResult {
        let state = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let mut context = FunctionSnapshotContext::new(snapshot.barrier.id, &mut state.operator);
        snapshot_state(&mut context).map_err(TaskError::user)?;
        state.snapshot_if_used(self.uses_state, self.watermark, snapshot)
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
            &OperatorBackend,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        let TimedState { keyed: backend, operator, .. } =
            self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let columns = batch.columns::<I>()?;
        let keys = keys_of(batch, extractor)?;
        let key_columns = K::Columns::from_array(&keys.column)?;
        self.slots.clear();
        if self.uses_state {
            let selection = batch.selection().map(|selection| &selection[..]);
            let (bytes, hashes) = (&keys.bytes, &keys.hashes);
            backend.resolve(Namespace::VOID, bytes, hashes, selection, &mut self.slots)?;
        }
        let mut slots = self.slots.iter().copied();
        let mut context = KeyedContext::of_batch(
            &key_columns,
            TimeService::new(self.clock.as_ref(), self.watermark),
            backend,
            &mut self.sides,
        );
        let mut collector = emitter.collector(out);
        batch.try_for_each(|row| {
            let timestamp = batch.timestamps().map(|timestamps| timestamps[row]);
            context.set_row(row, &keys, slots.next(), timestamp);
            collector.set_timestamp(timestamp);
            call(columns.get(row), &mut context, operator, &mut collector)
                .map_err(TaskError::user)?;
            context.end_call(&mut collector)
        })?;
        collector.finish()?;
        self.finish(out)
    }

    /// Calls the function for every row of a broadcast batch, without a current key.
    pub(super) fn process_broadcast_batch<I: Record, O: Record>(
        &mut self,
        batch: &Batch,
        emitter: &mut Emitter<O>,
        out: &mut Output,
        mut call: impl FnMut(
            I::View<'_>,
            &mut BroadcastContext<'_, '_>,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        let operator = &mut self.state.as_mut().ok_or(TaskError::NOT_OPENED)?.operator;
        let columns = batch.columns::<I>()?;
        let time = TimeService::new(self.clock.as_ref(), self.watermark);
        let mut context = Context::new(time, &mut self.sides);
        let mut collector = emitter.collector(out);
        batch.try_for_each(|row| {
            let timestamp = batch.timestamps().map(|timestamps| timestamps[row]);
            context.set_timestamp(timestamp);
            collector.set_timestamp(timestamp);
            let mut broadcast = BroadcastContext::new(&mut context, operator);
            call(columns.get(row), &mut broadcast, &mut collector).map_err(TaskError::user)?;
            context.end_call(&mut collector)
        })?;
        collector.finish()?;
        self.sides.flush(out)
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
            &OperatorBackend,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        if watermark <= self.watermark {
            // It isn't back yet where it was before the operator was restored.
            return Ok(());
        }
        self.watermark = watermark;
        self.fire(TimeDomain::Event, watermark, emitter, out, on_timer)?;
        out.emit_watermark(watermark)
    }

    pub(super) fn next_processing_time(&self) -> Option<Timestamp> {
        self.state.as_ref()?.keyed.next_processing_timer()
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
            &OperatorBackend,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        let TimedState { keyed: backend, operator, .. } =
            self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        if backend.next_timer(domain).is_none_or(|next| next > time) {
            return Ok(());
        }
        let now = TimeService::new(self.clock.as_ref(), self.watermark);
        let mut collector = emitter.collector(out);
        while let Some(timer) = backend.pop_due_timer(domain, time)? {
            let key = K::decode_key(&timer.key)?;
            backend.set_current_key(timer.hash(), &timer.key);
            let sides = &mut self.sides;
            let mut context =
                OnTimerContext::new(&key, domain, timer.timestamp, now, backend, sides);
            // Processing time says nothing about when in event time a result belongs.
            let event_time = (domain == TimeDomain::Event).then_some(timer.timestamp);
            collector.set_timestamp(event_time);
            on_timer(timer.timestamp, &mut context, operator, &mut collector)
                .map_err(TaskError::user)?;
            context.end_call(&mut collector)?;
        }
        collector.finish()?;
        self.finish(out)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        let backend = &mut self.state.as_mut().ok_or(TaskError::NOT_OPENED)?.keyed;
        backend.clear_current_key();
        backend.finish_batch()?;
        self.sides.flush(out)
    }
}
