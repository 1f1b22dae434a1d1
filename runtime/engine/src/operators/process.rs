//! Process functions on streams without keys.

use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::time::{MIN_WATERMARK, Timestamp};
use sciurus_core::{Batch, Columns};

use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::function::{Context, ProcessFunction, RuntimeContext, TimeService};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;
use crate::side_output::SideOutputs;

/// Runs a [`ProcessFunction`].
pub struct Process<F: ProcessFunction> {
    function: F,
    emitter: Emitter<F::Out>,
    sides: SideOutputs,
    clock: Arc<dyn Clock>,
    watermark: Timestamp,
}

impl<F: ProcessFunction> Process<F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, context: &OperatorContext) -> Self {
        Self {
            function,
            emitter: Emitter::new(context.limits),
            sides: SideOutputs::new(context.limits),
            clock: context.clock.clone(),
            watermark: MIN_WATERMARK,
        }
    }
}

impl<F: ProcessFunction> Operator for Process<F> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.function.open(&mut RuntimeContext::new(context)).map_err(TaskError::user)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<F::In>()?;
        let time = TimeService::new(self.clock.as_ref(), self.watermark);
        let mut context = Context::new(time, &mut self.sides);
        let mut collector = self.emitter.collector(out);
        batch.try_for_each(|row| {
            let timestamp = batch.timestamps().map(|timestamps| timestamps[row]);
            context.set_timestamp(timestamp);
            collector.set_timestamp(timestamp);
            self.function
                .process_element(columns.get(row), &mut context, &mut collector)
                .map_err(TaskError::user)?;
            context.sides().emit_full(collector.output())?;
            collector.check()
        })?;
        collector.finish()?;
        self.sides.flush(out)
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        self.watermark = watermark;
        out.emit_watermark(watermark)
    }

    fn close(&mut self) -> TaskResult {
        self.function.close().map_err(TaskError::user)
    }
}
