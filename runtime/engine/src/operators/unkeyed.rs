//! What the operators that run process functions without keys have in common.

use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_state::OperatorBackend;

use crate::checkpoint::SnapshotContext;
use crate::collector::{Collector, Emitter};
use crate::error::{TaskError, TaskResult};
use crate::function::{
    Context, FunctionInitializationContext, FunctionSnapshotContext, TimeService, initialize,
};
use crate::operator::OperatorContext;
use crate::output::Output;
use crate::side_output::SideOutputs;

/// Time and outputs of a function, and the loop around its calls.
pub(super) struct UnkeyedRuntime<O: Record> {
    emitter: Emitter<O>,
    sides: SideOutputs,
    clock: Arc<dyn Clock>,
    watermark: Timestamp,
    /// The function's operator state.
    state: OperatorBackend,
}

impl<O: Record> UnkeyedRuntime<O> {
    pub(super) fn new(context: &OperatorContext) -> Self {
        Self {
            emitter: Emitter::new(context.limits),
            sides: SideOutputs::new(context.limits),
            clock: context.clock.clone(),
            watermark: MIN_WATERMARK,
            state: OperatorBackend::new(),
        }
    }

    /// Restores the function's operator state.
    pub(super) fn initialize<F>(
        &mut self,
        context: &OperatorContext,
        function: &mut F,
        initialize_state: impl FnOnce(
            &mut F,
            &mut FunctionInitializationContext<'_>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        self.state = context.operator_backend()?;
        initialize(function, context, &mut self.state, initialize_state)
    }

    /// Puts the function's operator state into a snapshot, where it has any.
    pub(super) fn snapshot(
        &mut self,
        snapshot: &mut SnapshotContext<'_>,
        snapshot_state: impl FnOnce(&mut FunctionSnapshotContext<'_>) -> Result<(), BoxError>,
    ) -> TaskResult {
        let mut context = FunctionSnapshotContext::new(snapshot.barrier.id, &mut self.state);
        snapshot_state(&mut context).map_err(TaskError::user)?;
        let state = self.state.snapshot();
        snapshot.operator = (!state.states.is_empty()).then_some(state);
        Ok(())
    }

    /// Calls the function for every row of a batch.
    pub(super) fn process_batch<I: Record>(
        &mut self,
        batch: &Batch,
        out: &mut Output,
        mut call: impl FnMut(
            I::View<'_>,
            &mut Context<'_>,
            &mut OperatorBackend,
            &mut Collector<'_, O>,
        ) -> Result<(), BoxError>,
    ) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let time = TimeService::new(self.clock.as_ref(), self.watermark);
        let mut context = Context::new(time, &mut self.sides);
        let mut collector = self.emitter.collector(out);
        batch.try_for_each(|row| {
            let timestamp = batch.timestamps().map(|timestamps| timestamps[row]);
            context.set_timestamp(timestamp);
            collector.set_timestamp(timestamp);
            call(columns.get(row), &mut context, &mut self.state, &mut collector)
                .map_err(TaskError::user)?;
            context.end_call(&mut collector)
        })?;
        collector.finish()?;
        self.sides.flush(out)
    }

    /// Sets event time and passes the watermark on.
    pub(super) fn process_watermark(
        &mut self,
        watermark: Timestamp,
        out: &mut Output,
    ) -> TaskResult {
        self.watermark = watermark;
        out.emit_watermark(watermark)
    }
}
