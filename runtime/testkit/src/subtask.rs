//! One operator in the place it has in a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::clock::ManualClock;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};
use sciurus_engine::collector::Emitter;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::output::{OperatorNode, Output};
use sciurus_engine::{OutputTag, TaskResult};

use crate::checkpoint::{OperatorCheckpoint, barrier};
use crate::event::Event;
use crate::options::HarnessOptions;
use crate::recorder::Recorder;

/// One subtask of an operator: what all harnesses are made of.
pub(crate) struct Subtask {
    node: OperatorNode,
    clock: Arc<ManualClock>,
    main: Recorder,
    sides: BTreeMap<Arc<str>, Recorder>,
}

impl Subtask {
    /// Makes and opens an operator with `inputs` inputs.
    pub(crate) fn open<P: Operator + 'static>(
        options: &HarnessOptions,
        make: impl Fn(&OperatorContext) -> P,
        inputs: usize,
        restored: Option<&OperatorCheckpoint>,
    ) -> TaskResult<Self> {
        let (mut context, clock) = options.context();
        if let Some(checkpoint) = restored {
            context.state = Arc::new(checkpoint.share(options));
        }
        let operator = Box::new(make(&context));
        let main = Recorder::default();
        let mut output = Output::new(context.metrics.clone());
        output.add_edge(None, main.edge());
        let mut node = OperatorNode::new(context, operator, output, inputs);
        node.open()?;
        Ok(Self { node, clock, main, sides: BTreeMap::new() })
    }

    pub(crate) fn context(&self) -> &OperatorContext {
        &self.node.context
    }

    /// Processes one element.
    pub(crate) fn process(&mut self, input: usize, element: StreamElement) -> TaskResult {
        self.node.process(input, element)?;
        self.flush()
    }

    /// Processes records as one batch.
    pub(crate) fn process_rows<'v, T: Record>(
        &mut self,
        input: usize,
        rows: impl IntoIterator<Item = (T::View<'v>, Option<Timestamp>)>,
    ) -> TaskResult {
        let batch = batch::<T>(self.context(), rows)?;
        self.process(input, StreamElement::Batch(batch))
    }

    pub(crate) fn process_status(&mut self, input: usize, idle: bool) -> TaskResult {
        let status = if idle { WatermarkStatus::Idle } else { WatermarkStatus::Active };
        self.process(input, StreamElement::WatermarkStatus(status))
    }

    /// Sets the clock and fires what is due.
    pub(crate) fn set_processing_time(&mut self, now: Timestamp) -> TaskResult {
        self.clock.set(now);
        while self.node.next_processing_time().is_some_and(|due| due <= now) {
            self.node.on_processing_time(now)?;
        }
        self.flush()
    }

    pub(crate) fn next_processing_time(&self) -> Option<Timestamp> {
        self.node.next_processing_time()
    }

    pub(crate) fn read_side_output<T: Record>(&mut self, tag: &OutputTag<T>) {
        let recorder = Recorder::default();
        self.node.output.add_edge(Some(tag.id()), recorder.edge());
        self.sides.insert(tag.id().clone(), recorder);
    }

    pub(crate) fn take_output<T: Record>(&mut self) -> TaskResult<Vec<Event<T>>> {
        self.main.take()
    }

    pub(crate) fn take_batches(&mut self) -> Vec<Batch> {
        self.main.take_batches()
    }

    pub(crate) fn take_side_output<T: Record>(
        &mut self,
        tag: &OutputTag<T>,
    ) -> TaskResult<Vec<Event<T>>> {
        self.sides.get(tag.id()).map_or(Ok(Vec::new()), Recorder::take)
    }

    /// Puts the subtask's part into a checkpoint.
    pub(crate) fn snapshot(&mut self, id: u64, checkpoint: &mut OperatorCheckpoint) -> TaskResult {
        let mut parts = Vec::new();
        self.node.checkpoint(&barrier(id), &mut parts)?;
        self.flush()?;
        checkpoint.add(parts)
    }

    /// Says that a checkpoint is complete.
    pub(crate) fn checkpoint_complete(&mut self, id: u64) -> TaskResult {
        self.node.checkpoint_complete(CheckpointId(id))
    }

    pub(crate) fn close(&mut self) -> TaskResult {
        self.node.close()
    }

    /// Writers gather small batches; a test wants to see them now.
    fn flush(&mut self) -> TaskResult {
        self.node.output.try_for_each_writer(&mut |writer| writer.flush())
    }
}

/// Lays rows in a batch.
pub(crate) fn batch<'v, T: Record>(
    context: &OperatorContext,
    rows: impl IntoIterator<Item = (T::View<'v>, Option<Timestamp>)>,
) -> TaskResult<Batch> {
    let mut emitter = Emitter::<T>::new(context.limits);
    for (row, timestamp) in rows {
        // The batch is as large as the test wants it.
        let _ = emitter.append(row, timestamp);
    }
    emitter.take()
}

/// Keeps the records among `events`.
pub(crate) fn records<T: Record>(events: Vec<Event<T>>) -> Vec<T> {
    events.into_iter().filter_map(Event::into_record).collect()
}
