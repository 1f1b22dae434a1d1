//! Process functions on keyed streams.

use sciurus_core::Batch;
use sciurus_core::time::Timestamp;

use super::keyed::KeyedRuntime;
use crate::checkpoint::SnapshotContext;
use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::exchange::KeyExtractor;
use crate::function::{KeyedProcessFunction, TimeDomain};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Runs a [`KeyedProcessFunction`].
pub struct KeyedProcess<F: KeyedProcessFunction> {
    function: F,
    extractor: Box<dyn KeyExtractor>,
    emitter: Emitter<F::Out>,
    runtime: KeyedRuntime,
}

impl<F: KeyedProcessFunction> KeyedProcess<F> {
    /// Makes the operator of one subtask. `extractor` is that of the exchange in front of it.
    pub fn new(function: F, extractor: Box<dyn KeyExtractor>, context: &OperatorContext) -> Self {
        Self {
            function,
            extractor,
            emitter: Emitter::new(context.limits),
            runtime: KeyedRuntime::new(context),
        }
    }
}

impl<F: KeyedProcessFunction> Operator for KeyedProcess<F> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.runtime.open(context, &mut self.function, F::initialize_state, F::open)
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Self { function, extractor, emitter, runtime } = self;
        runtime.process_batch::<F::Key, F::In, F::Out>(
            &batch,
            extractor.as_mut(),
            emitter,
            out,
            |value, context, _, collector| function.process_element(value, context, collector),
        )
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        let Self { function, emitter, runtime, .. } = self;
        runtime.process_watermark::<F::Key, F::Out>(
            watermark,
            emitter,
            out,
            |timestamp, context, _, collector| function.on_timer(timestamp, context, collector),
        )
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.runtime.next_processing_time()
    }

    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        let Self { function, emitter, runtime, .. } = self;
        runtime.fire::<F::Key, F::Out>(
            TimeDomain::Processing,
            now,
            emitter,
            out,
            |timestamp, context, _, collector| function.on_timer(timestamp, context, collector),
        )
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        self.runtime.snapshot(snapshot, |context| self.function.snapshot_state(context))
    }

    fn close(&mut self) -> TaskResult {
        self.function.close().map_err(TaskError::user)
    }
}
