//! Any number of results for each record of two streams.

use sciurus_core::{Batch, Record};

use super::flat_map::FlatMap;
use crate::collector::Collector;
use crate::error::TaskResult;
use crate::operator::{BatchLimits, Operator};
use crate::output::Output;

/// Applies one function to the records of the first input, another to those of the second; both
/// collect their results.
pub struct CoFlatMap<A: Record, B: Record, O: Record, F, G> {
    first: FlatMap<A, O, F>,
    second: FlatMap<B, O, G>,
}

impl<A: Record, B: Record, O: Record, F, G> CoFlatMap<A, B, O, F, G> {
    /// Makes the operator of one subtask.
    pub fn new(first: F, second: G, limits: BatchLimits) -> Self {
        Self { first: FlatMap::new(first, limits), second: FlatMap::new(second, limits) }
    }
}

impl<A, B, O, F, G> Operator for CoFlatMap<A, B, O, F, G>
where
    A: Record,
    B: Record,
    O: Record,
    F: for<'a, 'b, 'c> FnMut(A::View<'a>, &'b mut Collector<'c, O>) + Send,
    G: for<'a, 'b, 'c> FnMut(B::View<'a>, &'b mut Collector<'c, O>) + Send,
{
    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        match input {
            0 => self.first.process_batch(0, batch, out),
            _ => self.second.process_batch(0, batch, out),
        }
    }
}
