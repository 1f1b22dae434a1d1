//! The accumulator of a user's aggregate function.

use std::mem::replace;

use sciurus_core::Columns;
use sciurus_state::AggregateFunction;

use super::WindowContents;

/// Keeps the accumulator of an [`AggregateFunction`].
#[derive(Debug, Clone)]
pub struct Aggregate<A> {
    function: A,
}

impl<A> Aggregate<A> {
    /// Makes contents of an aggregate function.
    pub fn new(function: A) -> Self {
        Self { function }
    }
}

impl<A: AggregateFunction + Sync> WindowContents<A::Input> for Aggregate<A> {
    type Accumulator = A::Accumulator;

    fn create(
        &mut self,
        columns: &<A::Input as sciurus_core::Record>::Columns,
        row: usize,
    ) -> A::Accumulator {
        let mut accumulator = self.function.create_accumulator();
        self.function.add(columns.get(row), &mut accumulator);
        accumulator
    }

    #[inline]
    fn add(
        &mut self,
        accumulator: &mut A::Accumulator,
        columns: &<A::Input as sciurus_core::Record>::Columns,
        row: usize,
    ) {
        self.function.add(columns.get(row), accumulator);
    }

    fn merge(&mut self, accumulator: &mut A::Accumulator, later: &A::Accumulator) {
        let earlier = replace(accumulator, self.function.create_accumulator());
        *accumulator = self.function.merge(earlier, later.clone());
    }
}
