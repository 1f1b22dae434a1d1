//! Two streams of different types that one operator reads by key.

use sciurus_core::Record;
use sciurus_engine::function::KeyedCoProcessFunction;
use sciurus_engine::operator::{Operator, OperatorContext, OperatorFactory};
use sciurus_engine::operators::KeyedCoProcess;

use super::{KeyedStream, SingleOutputStreamOperator};

/// Two streams, of records of types `A` and `B`, partitioned by keys of type `K`: records of either
/// stream with the same key meet in the same subtask.
pub struct KeyedConnectedStreams<A: Record, B: Record, K: Record> {
    first: KeyedStream<A, K>,
    second: KeyedStream<B, K>,
}

impl<A: Record, K: Record> KeyedStream<A, K> {
    /// Connects this stream with another, of any type, that is partitioned by the same type of key.
    pub fn connect<B: Record>(&self, other: &KeyedStream<B, K>) -> KeyedConnectedStreams<A, B, K> {
        KeyedConnectedStreams { first: self.clone(), second: other.clone() }
    }
}

impl<A: Record, B: Record, K: Record> KeyedConnectedStreams<A, B, K> {
    /// Processes the records of both streams with one function that has state and timers of the
    /// record's key.
    pub fn process<F: KeyedCoProcessFunction<Key = K, In1 = A, In2 = B>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        let extractors = [self.first.extractor.clone(), self.second.extractor.clone()];
        self.transform("Keyed Co-Process", move |context: &OperatorContext| {
            let extractors = [extractors[0].create(), extractors[1].create()];
            let operator = KeyedCoProcess::new(function.clone(), extractors, context);
            Ok(Box::new(operator) as Box<dyn Operator>)
        })
    }

    /// Adds a keyed operator of the engine that reads both streams.
    pub fn transform<O: Record>(
        &self,
        name: &str,
        factory: impl OperatorFactory + 'static,
    ) -> SingleOutputStreamOperator<O> {
        let connected = self.first.stream.connect(&self.second.stream);
        connected.transform(name, factory).change(|node| node.keyed = true)
    }
}
