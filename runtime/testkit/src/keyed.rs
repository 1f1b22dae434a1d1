//! Drives all subtasks of a keyed operator behind a hash exchange.

use std::marker::PhantomData;

use sciurus_core::Record;
use sciurus_core::element::StreamElement;
use sciurus_core::time::Timestamp;
use sciurus_engine::exchange::{KeyExtractorFactory, Partitioner};
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::{OutputTag, TaskError, TaskResult};

use crate::checkpoint::OperatorCheckpoint;
use crate::event::Event;
use crate::options::HarnessOptions;
use crate::subtask::{Subtask, batch, records};

/// Drives all subtasks of an operator with one keyed input: records go where their keys belong,
/// watermarks and time everywhere.
///
/// Outputs are those of the subtasks one after the other. A test runs at several parallelisms and
/// compares sorted outputs: they must not differ.
///
/// ```
/// use sciurus_core::record::{Columns, F0, Record};
/// use sciurus_engine::exchange::{ColumnKeys, KeyExtractorFactory};
/// use sciurus_engine::operators::RollingReduce;
/// use sciurus_testkit::KeyedHarness;
///
/// type Count = (String, i64);
///
/// let keys = ColumnKeys::<Count, F0>::default();
/// for parallelism in [1, 2] {
///     let mut harness = KeyedHarness::<Count, Count>::open(parallelism, &keys, |context| {
///         let add = |sum: &mut Count, columns: &<Count as Record>::Columns, row: usize| {
///             sum.1 += columns.get(row).1;
///         };
///         RollingReduce::new(add, keys.create(), context)
///     })?;
///     harness.process_elements([("oak", 1), ("elm", 2), ("oak", 3)])?;
///     let mut sums = harness.take_records()?;
///     sums.sort();
///     assert_eq!(sums, [("elm", 2), ("oak", 1), ("oak", 4)].map(|(k, n)| (k.to_owned(), n)));
/// }
/// # Ok::<(), sciurus_engine::TaskError>(())
/// ```
pub struct KeyedHarness<I: Record, O: Record> {
    partitioner: Partitioner,
    subtasks: Vec<Subtask>,
    types: PhantomData<fn(I) -> O>,
}

impl<I: Record, O: Record> KeyedHarness<I, O> {
    /// Makes and opens `parallelism` subtasks of an operator, whose keys `keys` extracts.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn open<P: Operator + 'static>(
        parallelism: u32,
        keys: &dyn KeyExtractorFactory,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        Self::open_with(HarnessOptions { parallelism, ..Default::default() }, keys, make)
    }

    /// Makes and opens the subtasks of an operator in a job that is as `options` say.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn open_with<P: Operator + 'static>(
        options: HarnessOptions,
        keys: &dyn KeyExtractorFactory,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        Self::make(options, keys, make, None)
    }

    /// Makes and opens subtasks that are restored from `checkpoint`, of however many subtasks that
    /// is.
    ///
    /// # Errors
    /// What the operator reports.
    pub fn restore<P: Operator + 'static>(
        options: HarnessOptions,
        checkpoint: &OperatorCheckpoint,
        keys: &dyn KeyExtractorFactory,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
    ) -> TaskResult<Self> {
        Self::make(options, keys, make, Some(checkpoint))
    }

    fn make<P: Operator + 'static>(
        options: HarnessOptions,
        keys: &dyn KeyExtractorFactory,
        make: impl Fn(&OperatorContext) -> P + Send + Sync,
        checkpoint: Option<&OperatorCheckpoint>,
    ) -> TaskResult<Self> {
        let HarnessOptions { parallelism, max_parallelism, .. } = options;
        let subtasks = (0..parallelism).map(|subtask| {
            Subtask::open(&HarnessOptions { subtask, ..options }, &make, 1, checkpoint)
        });
        Ok(Self {
            partitioner: Partitioner::hash(keys.create(), parallelism, max_parallelism),
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

    /// Says that checkpoint `id`, and with it every earlier one, is complete.
    pub fn checkpoint_complete(&mut self, id: u64) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(|subtask| subtask.checkpoint_complete(id))
    }

    /// Processes a record without a timestamp.
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
        self.process_rows(records.into_iter().map(|record| (record, None)))
    }

    /// Processes records with their timestamps, in one batch.
    pub fn process_elements_at<'v>(
        &mut self,
        records: impl IntoIterator<Item = (I::View<'v>, Timestamp)>,
    ) -> TaskResult {
        self.process_rows(records.into_iter().map(|(record, timestamp)| (record, Some(timestamp))))
    }

    fn process_rows<'v>(
        &mut self,
        rows: impl IntoIterator<Item = (I::View<'v>, Option<Timestamp>)>,
    ) -> TaskResult {
        let Some(first) = self.subtasks.first() else {
            return Err(TaskError::Defect("a harness without subtasks"));
        };
        let batch = batch::<I>(first.context(), rows)?;
        let channels = self.subtasks.len();
        self.partitioner.partition(batch, channels, |channel, batch| {
            self.subtasks[channel].process(0, StreamElement::Batch(batch))
        })
    }

    /// Processes a watermark.
    pub fn process_watermark(&mut self, watermark: Timestamp) -> TaskResult {
        self.broadcast(&StreamElement::Watermark(watermark))
    }

    /// Sets the clocks and fires the timers that are due.
    pub fn set_processing_time(&mut self, now: Timestamp) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(|subtask| subtask.set_processing_time(now))
    }

    /// Returns the processing time at which a subtask wants to be called next.
    pub fn next_processing_time(&self) -> Option<Timestamp> {
        self.subtasks.iter().filter_map(Subtask::next_processing_time).min()
    }

    /// Ends the input: the last watermark and what the operator still has.
    pub fn end_input(&mut self) -> TaskResult {
        self.broadcast(&StreamElement::EndOfInput)
    }

    /// Closes the operator.
    pub fn close(&mut self) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(Subtask::close)
    }

    /// Takes all that came out of the main output.
    pub fn take_output(&mut self) -> TaskResult<Vec<Event<O>>> {
        let outputs: TaskResult<Vec<_>> =
            self.subtasks.iter_mut().map(Subtask::take_output).collect();
        Ok(outputs?.into_iter().flatten().collect())
    }

    /// Takes the records that came out of the main output.
    pub fn take_records(&mut self) -> TaskResult<Vec<O>> {
        Ok(records(self.take_output()?))
    }

    /// Reads a side output from now on.
    pub fn read_side_output<S: Record>(&mut self, tag: &OutputTag<S>) {
        self.subtasks.iter_mut().for_each(|subtask| subtask.read_side_output(tag));
    }

    /// Takes all that came out of a side output that is read.
    pub fn take_side_output<S: Record>(&mut self, tag: &OutputTag<S>) -> TaskResult<Vec<Event<S>>> {
        let outputs: TaskResult<Vec<_>> =
            self.subtasks.iter_mut().map(|subtask| subtask.take_side_output(tag)).collect();
        Ok(outputs?.into_iter().flatten().collect())
    }

    fn broadcast(&mut self, element: &StreamElement) -> TaskResult {
        self.subtasks.iter_mut().try_for_each(|subtask| subtask.process(0, element.clone()))
    }
}
