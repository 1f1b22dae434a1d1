//! One result for each record.

use sciurus_core::{Batch, BoxError, Columns, Record};

use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::operator::{BatchLimits, Operator};
use crate::output::Output;

/// Applies a function to each record.
pub struct Map<I: Record, O: Record, F> {
    function: F,
    emitter: Emitter<O>,
    input: std::marker::PhantomData<fn(I)>,
}

impl<I: Record, O: Record, F> Map<I, O, F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, limits: BatchLimits) -> Self {
        Self { function, emitter: Emitter::new(limits), input: std::marker::PhantomData }
    }
}

impl<I, O, F> Operator for Map<I, O, F>
where
    I: Record,
    O: Record,
    F: for<'a> FnMut(I::View<'a>) -> O + Send,
{
    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let mut collector = self.emitter.collector(out);
        match batch.timestamps() {
            None => batch.for_each(|row| {
                let result = (self.function)(columns.get(row));
                collector.collect(result.view());
            }),
            Some(timestamps) => batch.for_each(|row| {
                let result = (self.function)(columns.get(row));
                collector.set_timestamp(Some(timestamps[row]));
                collector.collect(result.view());
            }),
        }
        collector.finish()
    }
}

/// Applies a function that can fail to each record.
pub struct TryMap<I: Record, O: Record, F> {
    function: F,
    emitter: Emitter<O>,
    input: std::marker::PhantomData<fn(I)>,
}

impl<I: Record, O: Record, F> TryMap<I, O, F> {
    /// Makes the operator of one subtask.
    pub fn new(function: F, limits: BatchLimits) -> Self {
        Self { function, emitter: Emitter::new(limits), input: std::marker::PhantomData }
    }
}

impl<I, O, F> Operator for TryMap<I, O, F>
where
    I: Record,
    O: Record,
    F: for<'a> FnMut(I::View<'a>) -> Result<O, BoxError> + Send,
{
    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<I>()?;
        let mut collector = self.emitter.collector(out);
        batch.try_for_each(|row| {
            let result = (self.function)(columns.get(row)).map_err(TaskError::user)?;
            collector.set_timestamp(batch.timestamps().map(|timestamps| timestamps[row]));
            collector.collect(result.view());
            Ok::<_, TaskError>(())
        })?;
        collector.finish()
    }
}
