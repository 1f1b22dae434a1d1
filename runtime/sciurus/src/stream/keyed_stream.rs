//! A stream partitioned by key.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use arrow_schema::Schema;
use sciurus_core::Record;
use sciurus_core::graph::Partitioning;
use sciurus_core::record::{Field, Numeric};
use sciurus_engine::exchange::KeyExtractorFactory;
use sciurus_engine::function::KeyedProcessFunction;
use sciurus_engine::operator::{Operator, OperatorContext, OperatorFactory};
use sciurus_engine::operators::{KeyedProcess, RollingSum};
use sciurus_engine::program::EdgeCode;

use super::{DataStream, SingleOutputStreamOperator};

/// A stream of records of type `T`, partitioned by keys of type `K`: records with the same key are
/// processed by the same subtask, in the order in which each producer sent them.
pub struct KeyedStream<T: Record, K: Record> {
    pub(crate) stream: DataStream<T>,
    pub(crate) extractor: Arc<dyn KeyExtractorFactory>,
    /// The key's columns, none where a function computes the key.
    pub(crate) key_columns: Vec<usize>,
    keys: PhantomData<fn() -> K>,
}

impl<T: Record, K: Record> Clone for KeyedStream<T, K> {
    fn clone(&self) -> Self {
        Self {
            stream: self.stream.clone(),
            extractor: self.extractor.clone(),
            key_columns: self.key_columns.clone(),
            keys: PhantomData,
        }
    }
}

/// What needs no key is done as with any stream, subtask by subtask.
impl<T: Record, K: Record> Deref for KeyedStream<T, K> {
    type Target = DataStream<T>;

    fn deref(&self) -> &DataStream<T> {
        &self.stream
    }
}

impl<T: Record, K: Record> KeyedStream<T, K> {
    pub(crate) fn new(
        stream: &DataStream<T>,
        extractor: Arc<dyn KeyExtractorFactory>,
        key_columns: Vec<usize>,
    ) -> Self {
        let code = EdgeCode::Key(extractor.clone());
        let stream = stream.partitioned_with(Partitioning::Hash, Some(&code));
        Self { stream, extractor, key_columns, keys: PhantomData }
    }

    /// Sums a field per key: each record goes out with the sum so far in its place, and the first
    /// record's other fields. In batch execution only the final sums go out.
    pub fn sum<F>(&self, field: F) -> SingleOutputStreamOperator<T>
    where
        F: Field<T>,
        F::Type: Numeric,
    {
        let schema = Arc::new(Schema::new(T::fields()));
        let is_covered = |index| index == F::INDEX || self.key_columns.contains(&index);
        if !(0..schema.fields().len()).all(is_covered) || self.key_columns.contains(&F::INDEX) {
            return self.sum_of_records(field);
        }
        let key_columns = self.key_columns.clone();
        let extractor = self.extractor.clone();
        self.transform("Keyed Aggregation", move |context: &OperatorContext| {
            Ok(Box::new(RollingSum::<K, F::Type>::new(
                schema.clone(),
                key_columns.clone(),
                F::INDEX,
                extractor.create(),
                context,
            )) as Box<dyn Operator>)
        })
    }

    /// Processes each record with a function that has state and timers of the record's key.
    pub fn process<F: KeyedProcessFunction<Key = K, In = T>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        let extractor = self.extractor.clone();
        self.transform("KeyedProcess", move |context: &OperatorContext| {
            let operator = KeyedProcess::new(function.clone(), extractor.create(), context);
            Ok(Box::new(operator) as Box<dyn Operator>)
        })
    }

    /// Adds a keyed operator of the engine with this stream as its only input.
    pub fn transform<O: Record>(
        &self,
        name: &str,
        factory: impl OperatorFactory + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.stream.transform(name, factory).change(|node| node.keyed = true)
    }
}
