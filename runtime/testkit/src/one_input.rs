//! Drives an operator with one input.

use std::marker::PhantomData;

use sciurus_core::element::StreamElement;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::{OutputTag, TaskResult};

use crate::checkpoint::OperatorCheckpoint;
use crate::event::Event;
use crate::options::HarnessOptions;
use crate::subtask::{Subtask, records};

/// Drives one subtask of an operator that turns records of type `I` into records of type `O`.
pub struct OneInputHarness<I: Record, O: Record> {
    subtask: Subtask,
    types: PhantomData<fn(I) -> O>,
}

impl<I: Record, O: Record> OneInputHarness<I, O> {
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
        Ok(Self { subtask: Subtask::open(&options, &make, 1, None)?, types: PhantomData })
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
        let subtask = Subtask::open(&options, &make, 1, Some(checkpoint))?;
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

    /// Processes a record without a timestamp.
    ///
    /// # Errors
    /// What the operator reports, as all that follows.
    pub fn process_element(&mut self, record: I::View<'_>) -> TaskResult {
        self.process_elements([record])
    }

    /// Processes a record with a timestamp.
    pub fn process_element_at(&mut self, record: I::View<'_>, timestamp: Timestamp) -> TaskResult {
        self.process_elements_at([(record, timestamp)])
    }

    /// Processes records without timestamps, in one batch.
    pub fn process_elements<'v>(
        &mut self,
        records: impl IntoIterator<Item = I::View<'v>>,
    ) -> TaskResult {
        let rows = records.into_iter().map(|record| (record, None));
        self.subtask.process_rows::<I>(0, rows)
    }

    /// Processes records with their timestamps, in one batch.
    pub fn process_elements_at<'v>(
        &mut self,
        records: impl IntoIterator<Item = (I::View<'v>, Timestamp)>,
    ) -> TaskResult {
        let rows = records.into_iter().map(|(record, timestamp)| (record, Some(timestamp)));
        self.subtask.process_rows::<I>(0, rows)
    }

    /// Processes a batch as it is.
    pub fn process_batch(&mut self, batch: Batch) -> TaskResult {
        self.subtask.process(0, StreamElement::Batch(batch))
    }

    /// Processes a watermark.
    pub fn process_watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.subtask.process(0, StreamElement::Watermark(watermark))
    }

    /// Says that the input is idle, or active again.
    pub fn process_status(&mut self, idle: bool) -> TaskResult {
        self.subtask.process_status(0, idle)
    }

    /// Sets the clock and fires the timers that are due.
    pub fn set_processing_time(&mut self, now: Timestamp) -> TaskResult {
        self.subtask.set_processing_time(now)
    }

    /// Returns the processing time at which the operator wants to be called next.
    pub fn next_processing_time(&self) -> Option<Timestamp> {
        self.subtask.next_processing_time()
    }

    /// Ends the input: the last watermark and what the operator still has.
    pub fn end_input(&mut self) -> TaskResult {
        self.subtask.process(0, StreamElement::EndOfInput)
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

    /// Takes the batches that came out of the main output, as they are.
    pub fn take_batches(&mut self) -> Vec<Batch> {
        self.subtask.take_batches()
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
