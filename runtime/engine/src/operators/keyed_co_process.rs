//! Process functions on two keyed streams.

use sciurus_core::Batch;
use sciurus_core::time::Timestamp;

use super::keyed::KeyedRuntime;
use crate::checkpoint::SnapshotContext;
use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::exchange::KeyExtractor;
use crate::function::{KeyedCoProcessFunction, TimeDomain};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Runs a [`KeyedCoProcessFunction`].
pub struct KeyedCoProcess<F: KeyedCoProcessFunction> {
    function: F,
    extractors: [Box<dyn KeyExtractor>; 2],
    emitter: Emitter<F::Out>,
    runtime: KeyedRuntime,
}

impl<F: KeyedCoProcessFunction> KeyedCoProcess<F> {
    /// Makes the operator of one subtask. `extractors` are those of the exchanges in front
    /// of its inputs.
    pub fn new(
        function: F,
        extractors: [Box<dyn KeyExtractor>; 2],
        context: &OperatorContext,
    ) -> Self {
        Self {
            function,
            extractors,
            emitter: Emitter::new(context.limits),
            runtime: KeyedRuntime::new(context),
        }
    }
}

impl<F: KeyedCoProcessFunction> Operator for KeyedCoProcess<F> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.runtime.open(context, &mut self.function, F::initialize_state, F::open)
    }

    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Self { function, extractors: [first, second], emitter, runtime } = self;
        if input == 0 {
            runtime.process_batch::<F::Key, F::In1, F::Out>(
                &batch,
                first.as_mut(),
                emitter,
                out,
                |value, context, _, collector| function.process_element1(value, context, collector),
            )
        } else {
            runtime.process_batch::<F::Key, F::In2, F::Out>(
                &batch,
                second.as_mut(),
                emitter,
                out,
                |value, context, _, collector| function.process_element2(value, context, collector),
            )
        }
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
