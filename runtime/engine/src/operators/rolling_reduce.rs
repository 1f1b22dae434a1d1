//! Running aggregates of whole records per key.

use std::marker::PhantomData;

use sciurus_core::{Batch, Columns, Record};
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, Slot, StateId};

use crate::checkpoint::SnapshotContext;
use crate::collector::Emitter;
use crate::error::{TaskError, TaskResult};
use crate::exchange::{KeyExtractor, keys_of};
use crate::operator::{Operator, OperatorContext};
use crate::output::Output;

/// Combines the records of each key into one, the first record to begin with, and emits the result
/// after each record, in batch execution once per key.
///
/// The function is given the result so far and the columns and row of the record to put in: so it
/// can compare a view of the one with a view of the other.
pub struct RollingReduce<T: Record, F> {
    function: F,
    extractor: Box<dyn KeyExtractor>,
    emitter: Emitter<T>,
    /// The backend and the state in it that the results are, once opened.
    state: Option<(KeyedBackend, StateId)>,
    slots: Vec<Slot>,
    batch_mode: bool,
    records: PhantomData<fn() -> T>,
}

impl<T, F> RollingReduce<T, F>
where
    T: Record,
    F: FnMut(&mut T, &T::Columns, usize) + Send,
{
    /// Makes the operator of one subtask. `extractor` is that of the exchange in front of it.
    pub fn new(function: F, extractor: Box<dyn KeyExtractor>, context: &OperatorContext) -> Self {
        Self {
            function,
            extractor,
            emitter: Emitter::new(context.limits),
            state: None,
            slots: Vec::new(),
            batch_mode: context.batch_mode,
            records: PhantomData,
        }
    }
}

impl<T, F> Operator for RollingReduce<T, F>
where
    T: Record,
    F: FnMut(&mut T, &T::Columns, usize) + Send,
{
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let mut backend = context.keyed_backend()?;
        let results = backend.register_value::<T>(&"reduce".into(), None)?;
        self.state = Some((backend, results));
        Ok(())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> TaskResult {
        let Self { function, extractor, emitter, state, slots, .. } = self;
        let (backend, id) = state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let columns = batch.columns::<T>()?;
        let keys = keys_of(&batch, extractor.as_mut())?;
        let selection = batch.selection().map(|selection| &selection[..]);
        backend.resolve(Namespace::VOID, &keys.bytes, &keys.hashes, selection, slots)?;
        let mut results = backend.value_column::<T>(*id, Namespace::VOID)?;
        let mut slots = slots.iter();
        let mut collector = emitter.collector(out);
        let batch_mode = self.batch_mode;
        batch.try_for_each(|row| {
            let Some(slot) = slots.next() else {
                return Err(TaskError::Defect("a row without a slot"));
            };
            let result = results.slot_mut(*slot);
            match result {
                Some(result) => function(result, &columns, row),
                None => *result = Some(T::from_view(columns.get(row))),
            }
            if batch_mode {
                return Ok(());
            }
            if let Some(result) = result {
                collector.set_timestamp(batch.timestamps().map(|timestamps| timestamps[row]));
                collector.collect_owned(result);
            }
            collector.check()
        })?;
        collector.finish()?;
        Ok(backend.finish_batch()?)
    }

    fn finish(&mut self, out: &mut Output) -> TaskResult {
        if !self.batch_mode {
            return Ok(());
        }
        let (backend, id) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        let mut collector = self.emitter.collector(out);
        backend.for_each_value::<T>(*id, Namespace::VOID, |_, _, result| {
            collector.collect_owned(result);
        })?;
        // They go out once, also where the operator is restored behind this.
        backend.drop_namespace(Namespace::VOID)?;
        collector.finish()
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        let (backend, _) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        snapshot.keyed = Some(backend.snapshot());
        Ok(())
    }
}
