//! A stream of records and its transformations.

use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::graph::{NodeKind, Partitioning};
use sciurus_core::ids::NodeId;
use sciurus_core::record::KeyColumns;
use sciurus_core::{BoxError, Record};
use sciurus_engine::Collector;
use sciurus_engine::exchange::{ColumnKeys, FunctionKeysFactory};
use sciurus_engine::function::ProcessFunction;
use sciurus_engine::operator::{Operator, OperatorContext, OperatorFactory};
use sciurus_engine::operators::{Filter, FlatMap, Map, Process, TryFlatMap, TryMap};
use sciurus_engine::program::{EdgeCode, NodeCode};

use super::{KeyedStream, SingleOutputStreamOperator};
use crate::environment::StreamExecutionEnvironment;
use crate::graph_builder::Upstream;

/// A stream of records of type `T`.
///
/// A handle: its methods add operators to the job of its environment and return the streams that
/// come out of them. Functions see records as views ([`Record::View`]): `&str` for `String`, tuples
/// of views for tuples. Each subtask works with its own clone of a function.
pub struct DataStream<T: Record> {
    pub(crate) environment: StreamExecutionEnvironment,
    pub(crate) upstreams: Vec<Upstream>,
    records: PhantomData<fn() -> T>,
}

impl<T: Record> Clone for DataStream<T> {
    fn clone(&self) -> Self {
        Self::new(self.environment.clone(), self.upstreams.clone())
    }
}

impl<T: Record> DataStream<T> {
    pub(crate) fn new(environment: StreamExecutionEnvironment, upstreams: Vec<Upstream>) -> Self {
        Self { environment, upstreams, records: PhantomData }
    }

    pub(crate) fn of_node(environment: StreamExecutionEnvironment, node: NodeId) -> Self {
        let upstream = environment.builder().lock().output_of(node);
        Self::new(environment, vec![upstream])
    }

    /// Adds an operator of the engine with this stream as its only input.
    pub fn transform<O: Record>(
        &self,
        name: &str,
        factory: impl OperatorFactory + 'static,
    ) -> SingleOutputStreamOperator<O> {
        let code = NodeCode::Operator(Arc::new(factory));
        let node = self.environment.builder().lock().add(
            name,
            NodeKind::OneInput,
            code,
            &[&self.upstreams],
        );
        DataStream::of_node(self.environment.clone(), node).into()
    }

    /// Turns each record into one other. The function is given a view and returns an owned record.
    pub fn map<O: Record>(
        &self,
        function: impl for<'a> FnMut(T::View<'a>) -> O + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Map",
            operator(function, |function, context| Map::<T, O, _>::new(function, context.limits)),
        )
    }

    /// Turns each record into one other; an error fails the job.
    pub fn try_map<O: Record>(
        &self,
        function: impl for<'a> FnMut(T::View<'a>) -> Result<O, BoxError> + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Map",
            operator(function, |function, context| {
                TryMap::<T, O, _>::new(function, context.limits)
            }),
        )
    }

    /// Keeps the records for which the predicate holds.
    pub fn filter(
        &self,
        predicate: impl for<'a> FnMut(T::View<'a>) -> bool + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<T> {
        self.transform("Filter", operator(predicate, |predicate, _| Filter::<T, _>::new(predicate)))
    }

    /// Turns each record into any number of others, which the function collects.
    pub fn flat_map<O: Record>(
        &self,
        function: impl for<'a, 'b, 'c> FnMut(T::View<'a>, &'b mut Collector<'c, O>)
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Flat Map",
            operator(function, |function, context| {
                FlatMap::<T, O, _>::new(function, context.limits)
            }),
        )
    }

    /// Turns each record into any number of others, which the function collects; an error fails
    /// the job.
    pub fn try_flat_map<O: Record>(
        &self,
        function: impl for<'a, 'b, 'c> FnMut(
            T::View<'a>,
            &'b mut Collector<'c, O>,
        ) -> Result<(), BoxError>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Flat Map",
            operator(function, |function, context| {
                TryFlatMap::<T, O, _>::new(function, context.limits)
            }),
        )
    }

    /// Processes each record with a function that has a life cycle and side outputs.
    pub fn process<F: ProcessFunction<In = T>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        self.transform("Process", operator(function, Process::new))
    }

    /// Joins this stream with others of the same type, in no particular order.
    #[must_use]
    pub fn union(&self, others: &[&Self]) -> Self {
        let others = others.iter().flat_map(|stream| stream.upstreams.iter().cloned());
        let upstreams = self.upstreams.iter().cloned().chain(others).collect();
        Self::new(self.environment.clone(), upstreams)
    }

    /// Sends each record to the subtask of the same number; parallelisms must be equal.
    #[must_use]
    pub fn forward(&self) -> Self {
        self.partitioned(Partitioning::Forward)
    }

    /// Spreads the records evenly over all subtasks of the next operator.
    #[must_use]
    pub fn rebalance(&self) -> Self {
        self.partitioned(Partitioning::Rebalance)
    }

    /// Spreads the records evenly over some subtasks of the next operator, those nearby.
    #[must_use]
    pub fn rescale(&self) -> Self {
        self.partitioned(Partitioning::Rescale)
    }

    /// Sends each record to a random subtask of the next operator.
    #[must_use]
    pub fn shuffle(&self) -> Self {
        self.partitioned(Partitioning::Shuffle)
    }

    /// Sends each record to every subtask of the next operator.
    #[must_use]
    pub fn broadcast(&self) -> Self {
        self.partitioned(Partitioning::Broadcast)
    }

    /// Sends all records to the first subtask of the next operator.
    #[must_use]
    pub fn global(&self) -> Self {
        self.partitioned(Partitioning::Global)
    }

    /// Partitions the stream by one or several fields (`F0`, `Reading::SENSOR`, `(F0, F2)`):
    /// records with the same key meet in the same subtask, where state belongs to the key.
    pub fn key_by<C: KeyColumns<T>>(&self, key: C) -> KeyedStream<T, C::Key> {
        let _ = key;
        KeyedStream::new(self, Arc::new(ColumnKeys::<T, C>::default()), C::indices())
    }

    /// Partitions the stream by a computed key, whose type is to be named:
    /// `key_by_fn::<String>(|(word, _)| word)`.
    pub fn key_by_fn<K: Record>(
        &self,
        key: impl for<'a> FnMut(&'a T::View<'a>) -> K::View<'a> + Clone + Send + Sync + 'static,
    ) -> KeyedStream<T, K> {
        KeyedStream::new(self, Arc::new(FunctionKeysFactory::<T, K, _>::new(key)), Vec::new())
    }

    fn partitioned(&self, partitioning: Partitioning) -> Self {
        self.partitioned_with(partitioning, None)
    }

    pub(crate) fn partitioned_with(
        &self,
        partitioning: Partitioning,
        code: Option<&EdgeCode>,
    ) -> Self {
        let upstreams = self.upstreams.iter().map(|upstream| Upstream {
            partitioning: Some((partitioning, code.cloned())),
            ..upstream.clone()
        });
        Self::new(self.environment.clone(), upstreams.collect())
    }
}

/// Makes the factory of an operator that owns a clone of a user function.
pub(crate) fn operator<F, O>(
    function: F,
    make: impl Fn(F, &OperatorContext) -> O + Send + Sync + 'static,
) -> impl OperatorFactory + 'static
where
    F: Clone + Send + Sync + 'static,
    O: Operator + 'static,
{
    move |context: &OperatorContext| {
        Ok(Box::new(make(function.clone(), context)) as Box<dyn Operator>)
    }
}
