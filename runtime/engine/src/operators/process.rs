//! Process functions on streams without keys.

use sciurus_core::Batch;
use sciurus_core::time::Timestamp;

use super::unkeyed::UnkeyedRuntime;
use crate::checkpoint::SnapshotContext;
use crate::error::{TaskError, TaskResult};
use crate::function::{ProcessFunction, RuntimeContext};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Runs a [`ProcessFunction`].
pub struct Process<F: ProcessFunction> {
    function: F,
    runtime: UnkeyedRuntime<F::Out>,
}

impl<F: ProcessFunction> Process<F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, context: &OperatorContext) -> Self {
        Self { function, runtime: UnkeyedRuntime::new(context) }
    }
}

impl<F: ProcessFunction> Operator for Process<F> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.runtime.initialize(context, &mut self.function, F::initialize_state)?;
        self.function.open(&mut RuntimeContext::new(context)).map_err(TaskError::user)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Self { function, runtime } = self;
        runtime.process_batch::<F::In>(&batch, out, |value, context, _, collector| {
            function.process_element(value, context, collector)
        })
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        self.runtime.process_watermark(watermark, out)
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        self.runtime.snapshot(snapshot, |context| self.function.snapshot_state(context))
    }

    fn close(&mut self) -> TaskResult {
        self.function.close().map_err(TaskError::user)
    }
}
