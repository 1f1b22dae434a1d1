//! Process functions on a keyed stream and a broadcast one.

use sciurus_core::Batch;
use sciurus_core::time::Timestamp;

use super::keyed::KeyedRuntime;
use crate::checkpoint::SnapshotContext;
use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::exchange::KeyExtractor;
use crate::function::{KeyedBroadcastProcessFunction, ReadBroadcast, TimeDomain};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Runs a [`KeyedBroadcastProcessFunction`]: the second input is the broadcast one.
pub struct KeyedBroadcastProcess<F: KeyedBroadcastProcessFunction> {
    function: F,
    extractor: Box<dyn KeyExtractor>,
    emitter: Emitter<F::Out>,
    runtime: KeyedRuntime,
}

impl<F: KeyedBroadcastProcessFunction> KeyedBroadcastProcess<F> {
    /// Makes the operator of one subtask. `extractor` is that of the exchange in front of its first
    /// input.
    pub fn new(function: F, extractor: Box<dyn KeyExtractor>, context: &OperatorContext) -> Self {
        Self {
            function,
            extractor,
            emitter: Emitter::new(context.limits),
            runtime: KeyedRuntime::new(context),
        }
    }
}

impl<F: KeyedBroadcastProcessFunction> Operator for KeyedBroadcastProcess<F> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        self.runtime.open(context, &mut self.function, F::initialize_state, F::open)
    }

    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Self { function, extractor, emitter, runtime } = self;
        if input == 0 {
            runtime.process_batch::<F::Key, F::In, F::Out>(
                &batch,
                extractor.as_mut(),
                emitter,
                out,
                |value, context, state, collector| {
                    let mut context = ReadBroadcast::new(context, state);
                    function.process_element(value, &mut context, collector)
                },
            )
        } else {
            runtime.process_broadcast_batch::<F::Broadcast, F::Out>(
                &batch,
                emitter,
                out,
                |value, context, collector| {
                    function.process_broadcast_element(value, context, collector)
                },
            )
        }
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        let Self { function, emitter, runtime, .. } = self;
        runtime.process_watermark::<F::Key, F::Out>(
            watermark,
            emitter,
            out,
            |timestamp, context, state, collector| {
                function.on_timer(timestamp, &mut ReadBroadcast::new(context, state), collector)
            },
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
            |timestamp, context, state, collector| {
                function.on_timer(timestamp, &mut ReadBroadcast::new(context, state), collector)
            },
        )
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        self.runtime.snapshot(snapshot, |context| self.function.snapshot_state(context))
    }

    fn close(&mut self) -> TaskResult {
        self.function.close().map_err(TaskError::user)
    }
}
