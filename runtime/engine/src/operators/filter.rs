//! Keeps some records.

use sciurus_core::{Batch, Columns, Record};

use crate::error::TaskResult;
use crate::operator::Operator;
use crate::output::Output;

/// Keeps the records for which a predicate holds; the batch's columns are shared, not copied.
pub struct Filter<T: Record, F> {
    predicate: F,
    input: std::marker::PhantomData<fn(T)>,
}

impl<T: Record, F> Filter<T, F> {
    /// Makes the operator of one subtask.
    pub fn new(predicate: F) -> Self {
        Self { predicate, input: std::marker::PhantomData }
    }
}

impl<T, F> Operator for Filter<T, F>
where
    T: Record,
    F: for<'a> FnMut(T::View<'a>) -> bool + Send,
{
    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let columns = batch.columns::<T>()?;
        out.emit(batch.filter(|row| (self.predicate)(columns.get(row))))
    }
}
