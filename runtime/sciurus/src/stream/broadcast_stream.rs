//! Streams whose records every subtask gets, and what reads them beside another stream.

use sciurus_core::Record;
use sciurus_engine::function::{BroadcastProcessFunction, KeyedBroadcastProcessFunction};
use sciurus_engine::operator::{Operator, OperatorContext};
use sciurus_engine::operators::{BroadcastProcess, KeyedBroadcastProcess};

use super::data_stream::operator;
use super::{DataStream, KeyedStream, SingleOutputStreamOperator};

/// A stream whose records all go to every subtask of the operator that reads it beside another
/// stream, to be kept there as broadcast state; Flink's `BroadcastStream`.
pub struct BroadcastStream<B: Record> {
    stream: DataStream<B>,
}

/// A stream and a broadcast one, which one operator reads.
pub struct BroadcastConnectedStream<A: Record, B: Record> {
    first: DataStream<A>,
    broadcast: DataStream<B>,
}

/// A keyed stream and a broadcast one, which one operator reads.
pub struct KeyedBroadcastConnectedStream<A: Record, B: Record, K: Record> {
    first: KeyedStream<A, K>,
    broadcast: DataStream<B>,
}

impl<A: Record> DataStream<A> {
    /// Makes of this stream one that other streams are processed in the light of.
    pub fn broadcast_state(&self) -> BroadcastStream<A> {
        BroadcastStream { stream: self.broadcast() }
    }

    /// Connects this stream with one that every subtask gets all of.
    pub fn connect_broadcast<B: Record>(
        &self,
        broadcast: &BroadcastStream<B>,
    ) -> BroadcastConnectedStream<A, B> {
        BroadcastConnectedStream { first: self.clone(), broadcast: broadcast.stream.clone() }
    }
}

impl<A: Record, K: Record> KeyedStream<A, K> {
    /// Connects this stream with one that every subtask gets all of.
    pub fn connect_broadcast<B: Record>(
        &self,
        broadcast: &BroadcastStream<B>,
    ) -> KeyedBroadcastConnectedStream<A, B, K> {
        KeyedBroadcastConnectedStream { first: self.clone(), broadcast: broadcast.stream.clone() }
    }
}

impl<A: Record, B: Record> BroadcastConnectedStream<A, B> {
    /// Processes the records of both streams with one function, which keeps broadcast state.
    pub fn process<F: BroadcastProcessFunction<In = A, Broadcast = B>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        let connected = self.first.connect(&self.broadcast);
        connected.transform("Co-Process-Broadcast", operator(function, BroadcastProcess::new))
    }
}

impl<A: Record, B: Record, K: Record> KeyedBroadcastConnectedStream<A, B, K> {
    /// Processes the records of both streams with one function, which keeps broadcast state and has
    /// state and timers of the key of the first stream's record.
    pub fn process<F: KeyedBroadcastProcessFunction<Key = K, In = A, Broadcast = B>>(
        &self,
        function: F,
    ) -> SingleOutputStreamOperator<F::Out> {
        let extractor = self.first.extractor.clone();
        let connected = self.first.stream.connect(&self.broadcast);
        let factory = move |context: &OperatorContext| {
            let operator =
                KeyedBroadcastProcess::new(function.clone(), extractor.create(), context);
            Ok(Box::new(operator) as Box<dyn Operator>)
        };
        connected.transform("Co-Process-Broadcast-Keyed", factory).change(|node| node.keyed = true)
    }
}
