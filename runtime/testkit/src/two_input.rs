//! Drives an operator with two inputs.

use std::marker::PhantomData;

use sciurus_core::Record;
use sciurus_core::element::StreamElement;
use sciurus_core::time::Timestamp;
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::{OutputTag, TaskResult};

use crate::checkpoint::OperatorCheckpoint;
use crate::event::Event;
use crate::options::HarnessOptions;
use crate::subtask::{Subtask, records};

/// Drives one subtask of an operator that reads records of type `A` and of type `B`.
pub struct TwoInputHarness<A: Record, B: Record, O: Record> {
    subtask: Subtask,
    types: PhantomData<fn(A, B) -> O>,
}

impl<A: Record, B: Record, O: Record> TwoInputHarness<A, B, O> {
    /// Makes and opens an operator.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn open<P: Operator + 'static>(
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        Self::open_with(HarnessOptions::default(), make)
    }

    /// Makes and opens an operator in a job that is as `options` say.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn open_with<P: Operator + 'static>(
        options: HarnessOptions,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        Ok(Self { subtask: Subtask::open(&options, &make, 2, None)?, types: PhantomData })
    }

    /// Makes and opens a subtask that is restored from `checkpoint`, of however many subtasks that
    /// is.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn restore<P: Operator + 'static>(
        options: HarnessOptions,
        checkpoint: &OperatorCheckpoint,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        let subtask = Subtask::open(&options, &make, 2, Some(checkpoint))?;
        Ok(Self { subtask, types: PhantomData })
    }

    /// Takes checkpoint `id` of the subtask.
    pub fn snapshot(&mut self, id: u64) -> TaskResult<OperatorCheckpoint> {
        let mut checkpoint = OperatorCheckpoint::default();
        self.subtask.snapshot(id, &mut checkpoint)?;
        Ok(checkpoint)
    }

    /// Says that checkpoint `id`, and with it every earlier one, is complete.
    pub fn checkpoint_complete(&mut self, id: u64) -> TaskResult {
        self.subtask.checkpoint_complete(id)
    }

    /// Returns where the operator believes it runs: its metrics, its accumulators.
    pub fn context(&self) -> &OperatorContext {
        self.subtask.context()
    }

    /// Processes a record of the first input.
    ///
    /// # Errors
    /// What the operator reports, as all that follows.
    pub fn process_element1(&mut self, record: A::View<'_>) -> TaskResult {
        self.subtask.process_rows::<A>(0, [(record, None)])
    }

    /// Processes a record of the second input.
    pub fn process_element2(&mut self, record: B::View<'_>) -> TaskResult {
        self.subtask.process_rows::<B>(1, [(record, None)])
    }

    /// Processes a record of the first input with a timestamp.
    pub fn process_element1_at(&mut self, record: A::View<'_>, timestamp: Timestamp) -> TaskResult {
        self.subtask.process_rows::<A>(0, [(record, Some(timestamp))])
    }

    /// Processes a record of the second input with a timestamp.
    pub fn process_element2_at(&mut self, record: B::View<'_>, timestamp: Timestamp) -> TaskResult {
        self.subtask.process_rows::<B>(1, [(record, Some(timestamp))])
    }

    /// Processes a watermark of the first input.
    pub fn process_watermark1(&mut self, watermark: Timestamp) -> TaskResult {
        self.subtask.process(0, StreamElement::Watermark(watermark))
    }

    /// Processes a watermark of the second input.
    pub fn process_watermark2(&mut self, watermark: Timestamp) -> TaskResult {
        self.subtask.process(1, StreamElement::Watermark(watermark))
    }

    /// Processes a watermark of both inputs.
    pub fn process_both_watermarks(&mut self, watermark: Timestamp) -> TaskResult {
        self.process_watermark1(watermark)?;
        self.process_watermark2(watermark)
    }

    /// Says that the first input is idle, or active again.
    pub fn process_status1(&mut self, idle: bool) -> TaskResult {
        self.subtask.process_status(0, idle)
    }

    /// Says that the second input is idle, or active again.
    pub fn process_status2(&mut self, idle: bool) -> TaskResult {
        self.subtask.process_status(1, idle)
    }

    /// Sets the clock and fires the timers that are due.
    pub fn set_processing_time(&mut self, now: Timestamp) -> TaskResult {
        self.subtask.set_processing_time(now)
    }

    /// Ends the first input.
    pub fn end_input1(&mut self) -> TaskResult {
        self.subtask.process(0, StreamElement::EndOfInput)
    }

    /// Ends the second input.
    pub fn end_input2(&mut self) -> TaskResult {
        self.subtask.process(1, StreamElement::EndOfInput)
    }

    /// Closes the operator.
    pub fn close(&mut self) -> TaskResult {
        self.subtask.close()
    }

    /// Takes all that came out of the main output.
    pub fn take_output(&mut self) -> TaskResult<Vec<Event<O>>> {
        self.subtask.take_output()
    }

    /// Takes the records that came out of the main output.
    pub fn take_records(&mut self) -> TaskResult<Vec<O>> {
        Ok(records(self.take_output()?))
    }

    /// Reads a side output from now on.
    pub fn read_side_output<S: Record>(&mut self, tag: &OutputTag<S>) {
        self.subtask.read_side_output(tag);
    }

    /// Takes all that came out of a side output that is read.
    pub fn take_side_output<S: Record>(&mut self, tag: &OutputTag<S>) -> TaskResult<Vec<Event<S>>> {
        self.subtask.take_side_output(tag)
    }
}
