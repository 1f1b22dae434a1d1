//! Any number of results for each record.

use sciurus_core::{Batch, BoxError, Columns, Record};

use crate::collector::{Collector, Emitter};
use crate::error::{TaskError, TaskResult};
use crate::operator::{BatchLimits, Operator};
use crate::output::Output;

/// Applies a function that collects its results to each record.
pub struct FlatMap<I: Record, O: Record, F> {
    function: F,
    emitter: Emitter<O>,
    input: std::marker::PhantomData<fn(I)>,
}

impl<I: Record, O: Record, F> FlatMap<I, O, F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, limits: BatchLimits) -> Self {
        Self { function, emitter: Emitter::new(limits), input: std::marker::PhantomData }
    }
}

impl<I, O, F> Operator for FlatMap<I, O, F>
where
    I: Record,
    O: Record,
    F: for<'a, 'b, 'c> FnMut(I::View<'a>, &'b mut Collector<'c, O>) + Send,
{
    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let mut collector = self.emitter.collector(out);
        batch.try_for_each(|row| {
            collector.set_timestamp(batch.timestamps().map(|timestamps| timestamps[row]));
            (self.function)(columns.get(row), &mut collector);
            collector.check()
        })?;
        collector.finish()
    }
}

/// Applies a function that collects its results and can fail to each record.
pub struct TryFlatMap<I: Record, O: Record, F> {
    function: F,
    emitter: Emitter<O>,
    input: std::marker::PhantomData<fn(I)>,
}

impl<I: Record, O: Record, F> TryFlatMap<I, O, F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, limits: BatchLimits) -> Self {
        Self { function, emitter: Emitter::new(limits), input: std::marker::PhantomData }
    }
}

impl<I, O, F> Operator for TryFlatMap<I, O, F>
where
    I: Record,
    O: Record,
    F: for<'a, 'b, 'c> FnMut(I::View<'a>, &'b mut Collector<'c, O>) -> Result<(), BoxError> + Send,
{
    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let mut collector = self.emitter.collector(out);
        batch.try_for_each(|row| {
            collector.set_timestamp(batch.timestamps().map(|timestamps| timestamps[row]));
            (self.function)(columns.get(row), &mut collector).map_err(TaskError::user)?;
            collector.check()
        })?;
        collector.finish()
    }
}
