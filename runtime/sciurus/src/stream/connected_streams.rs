//! Two streams of different types that one operator reads.

use std::sync::Arc;

use sciurus_core::Record;
use sciurus_core::graph::NodeKind;
use sciurus_core::record::KeyColumns;
use sciurus_engine::Collector;
use sciurus_engine::function::CoProcessFunction;
use sciurus_engine::operator::OperatorFactory;
use sciurus_engine::operators::{CoFlatMap, CoMap, CoProcess};
use sciurus_engine::program::NodeCode;

use super::data_stream::operator;
use super::{DataStream, KeyedConnectedStreams, SingleOutputStreamOperator};

/// Two streams, of records of types `A` and `B`, that one operator reads without mixing them up.
///
/// What comes first of the two inputs is left open.
pub struct ConnectedStreams<A: Record, B: Record> {
    first: DataStream<A>,
    second: DataStream<B>,
}

impl<A: Record> DataStream<A> {
    /// Connects this stream with another, of any type.
    pub fn connect<B: Record>(&self, other: &DataStream<B>) -> ConnectedStreams<A, B> {
        ConnectedStreams { first: self.clone(), second: other.clone() }
    }
}

impl<A: Record, B: Record> ConnectedStreams<A, B> {
    /// Turns each record into one other: those of the first stream by `first`, those of the second
    /// by `second`. Functions that share something are written as a [`CoProcessFunction`].
    pub fn map<O: Record>(
        &self,
        first: impl for<'a> FnMut(A::View<'a>) -> O + Clone + Send + Sync + 'static,
        second: impl for<'a> FnMut(B::View<'a>) -> O + Clone + Send + Sync + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Co-Map",
            operator((first, second), |(first, second), context| {
                CoMap::<A, B, O, _, _>::new(first, second, context.limits)
            }),
        )
    }

    /// Turns each record into any number of others, which the functions collect.
    pub fn flat_map<O: Record>(
        &self,
        first: impl for<'a, 'b, 'c> FnMut(A::View<'a>, &'b mut Collector<'c, O>)
        + Clone
        + Send
        + Sync
        + 'static,
        second: impl for<'a, 'b, 'c> FnMut(B::View<'a>, &'b mut Collector<'c, O>)
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> SingleOutputStreamOperator<O> {
        self.transform(
            "Co-Flat Map",
            operator((first, second), |(first, second), context| {
                CoFlatMap::<A, B, O, _, _>::new(first, second, context.limits)
            }),
        )
    }

    /// Processes the records of both streams with one function.
    pub fn process<F: CoProcessFunction<In1 = A, In2 = B>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        self.transform("Co-Process", operator(function, CoProcess::new))
    }

    /// Partitions both streams by fields of the same type: records of either stream with the same
    /// key meet in the same subtask, where state belongs to the key.
    pub fn key_by<C, D>(&self, first: C, second: D) -> KeyedConnectedStreams<A, B, C::Key>
    where
        C: KeyColumns<A>,
        D: KeyColumns<B, Key = C::Key>,
    {
        self.first.key_by(first).connect(&self.second.key_by(second))
    }

    /// Partitions both streams by computed keys, whose type is to be named.
    pub fn key_by_fn<K: Record>(
        &self,
        first: impl for<'a> FnMut(&'a A::View<'a>) -> K::View<'a> + Clone + Send + Sync + 'static,
        second: impl for<'a> FnMut(&'a B::View<'a>) -> K::View<'a> + Clone + Send + Sync + 'static,
    ) -> KeyedConnectedStreams<A, B, K> {
        self.first.key_by_fn::<K>(first).connect(&self.second.key_by_fn::<K>(second))
    }

    /// Adds an operator of the engine that reads both streams.
    pub fn transform<O: Record>(
        &self,
        name: &str,
        factory: impl OperatorFactory + 'static,
    ) -> SingleOutputStreamOperator<O> {
        let Self { first, second } = self;
        let environment = &first.environment;
        let node = environment.builder().lock().add(
            name,
            NodeKind::TwoInput,
            NodeCode::Operator(Arc::new(factory)),
            &[&first.upstreams, &second.upstreams],
        );
        DataStream::of_node(environment.clone(), node).into()
    }
}
