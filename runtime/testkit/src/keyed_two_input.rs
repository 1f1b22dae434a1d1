//! Drives all subtasks of an operator with two inputs behind exchanges.

use std::marker::PhantomData;

use sciurus_core::Record;
use sciurus_core::element::StreamElement;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::{KeyExtractorFactory, Partitioner};
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::{TaskError, TaskResult};

use crate::checkpoint::OperatorCheckpoint;
use crate::event::Event;
use crate::options::HarnessOptions;
use crate::subtask::{Subtask, batch, records};

/// Drives all subtasks of an operator with two inputs. Records of the first go where their keys
/// belong; those of the second too, or to every subtask where it is broadcast. Watermarks and time
/// go everywhere.
///
/// Outputs are those of the subtasks one after the other.
pub struct KeyedTwoInputHarness<A: Record, B: Record, O: Record> {
    partitioners: [Partitioner; 2],
    subtasks: Vec<Subtask>,
    types: PhantomData<fn(A, B) -> O>,
}

impl<A: Record, B: Record, O: Record> KeyedTwoInputHarness<A, B, O> {
    /// Makes and opens the subtasks of an operator in a job that is as `options` say, restored from
    /// `checkpoint` where there is one. `keys` extracts the keys of the first input and of the
    /// second, which is broadcast where there is nothing.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn open<P: Operator + 'static>(
        options: HarnessOptions,
        checkpoint: Option<&OperatorCheckpoint>,
        keys: (&dyn KeyExtractorFactory, Option<&dyn KeyExtractorFactory>),
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        let HarnessOptions { parallelism, max_parallelism, .. } = options;
        let subtasks = (0..parallelism).map(|subtask| {
            Subtask::open(&HarnessOptions { subtask, ..options }, &make, 2, checkpoint)
        });
        let hash = |keys: &dyn KeyExtractorFactory| {
            Partitioner::hash(keys.create(), parallelism, max_parallelism)
        };
        Ok(Self {
            partitioners: [hash(keys.0), keys.1.map_or(Partitioner::Broadcast, hash)],
            subtasks: subtasks.collect::<TaskResult<_>>()?,
            types: PhantomData,
        })
    }

    /// Takes checkpoint `id` of all subtasks.
    ///
    /// # Errors
    /// What the operator reports, as all that follows.
    pub fn snapshot(&mut self, id: u64) -> TaskResult<OperatorCheckpoint> {
        let mut checkpoint = OperatorCheckpoint::default();
        for subtask in &mut self.subtasks {
            subtask.snapshot(id, &mut checkpoint)?;
        }
        Ok(checkpoint)
    }

    /// Processes a record of the first input.
    pub fn process_element1_at(&mut self, record: A::View<'_>, timestamp: Timestamp) -> TaskResult {
        self.process::<A>(0, record, timestamp)
    }

    /// Processes a record of the second input.
    pub fn process_element2_at(&mut self, record: B::View<'_>, timestamp: Timestamp) -> TaskResult {
        self.process::<B>(1, record, timestamp)
    }

    fn process<T: Record>(
        &mut self,
        input: usize,
        record: T::View<'_>,
        timestamp: Timestamp,
    ) -> TaskResult {
        let Some(first) = self.subtasks.first() else {
            return Err(TaskError::Defect("a harness without subtasks"));
        };
        let batch = batch::<T>(first.context(), [(record, Some(timestamp))])?;
        let channels = self.subtasks.len();
        self.partitioners[input].partition(batch, channels, |channel, batch| {
            self.subtasks[channel].process(input, StreamElement::Batch(batch))
        })
    }

    /// Processes a watermark of both inputs.
    pub fn process_watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.broadcast(&StreamElement::Watermark(watermark))
    }

    /// Sets the clocks and fires the timers that are due.
    pub fn set_processing_time(&mut self, now: Timestamp) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(|subtask| subtask.set_processing_time(now))
    }

    /// Ends both inputs.
    pub fn end_input(&mut self) -> TaskResult {
        self.broadcast(&StreamElement::EndOfInput)
    }

    /// Takes the records that came out of the main output.
    pub fn take_records(&mut self) -> TaskResult<Vec<O>> {
        let outputs: TaskResult<Vec<Vec<Event<O>>>> =
            self.subtasks.iter_mut().map(Subtask::take_output).collect();
        Ok(records(outputs?.into_iter().flatten().collect()))
    }

    fn broadcast(&mut self, element: &StreamElement) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(|subtask| {
            subtask.process(0, element.clone())?;
            subtask.process(1, element.clone())
        })
    }
}
