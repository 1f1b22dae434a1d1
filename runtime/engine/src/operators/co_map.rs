//! One result for each record of two streams.

use sciurus_core::{Batch, Record};

use super::map::Map;
use crate::error::TaskResult;
use crate::operator::{BatchLimits, Operator};
use crate::output::Output;

/// Applies one function to the records of the first input, another to those of the second.
pub struct CoMap<A: Record, B: Record, O: Record, F, G> {
    first: Map<A, O, F>,
    second: Map<B, O, G>,
}

impl<A: Record, B: Record, O: Record, F, G> CoMap<A, B, O, F, G> {
    /// Makes the operator of one subtask.
    pub fn new(first: F, second: G, limits: BatchLimits) -> Self {
        Self { first: Map::new(first, limits), second: Map::new(second, limits) }
    }
}

impl<A, B, O, F, G> Operator for CoMap<A, B, O, F, G>
where
    A: Record,
    B: Record,
    O: Record,
    F: for<'a> FnMut(A::View<'a>) -> O + Send,
    G: for<'a> FnMut(B::View<'a>) -> O + Send,
{
    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult {
        match input {
            0 => self.first.process_batch(0, batch, out),
            _ => self.second.process_batch(0, batch, out),
        }
    }
}
