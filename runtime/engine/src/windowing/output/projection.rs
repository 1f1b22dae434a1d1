//! From what a window keeps to what its function is given.

use sciurus_core::{Builder, Columns, Record};
use sciurus_state::AggregateFunction;

use crate::error::TaskResult;
use crate::windowing::contents::{Elements, WindowContents};

/// Turns what a window keeps into the elements that its function is given.
pub trait Projection<A>: Send {
    /// What an element is.
    type Item: Record;

    /// Calls `then` with the elements of `contents`.
    ///
    /// # Errors
    /// What `then` returned.
    fn project(
        &mut self,
        contents: &A,
        then: impl FnOnce(&[Self::Item]) -> TaskResult,
    ) -> TaskResult;
}

/// The one record that is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accumulated;

impl<T: Record> Projection<T> for Accumulated {
    type Item = T;

    fn project(&mut self, contents: &T, then: impl FnOnce(&[T]) -> TaskResult) -> TaskResult {
        then(std::slice::from_ref(contents))
    }
}

/// The result of an aggregate function.
#[derive(Debug, Clone)]
pub struct AggregateResult<F> {
    function: F,
}

impl<F> AggregateResult<F> {
    /// Takes the results of `function`.
    pub fn new(function: F) -> Self {
        Self { function }
    }
}

impl<F> Projection<F::Accumulator> for AggregateResult<F>
where
    F: AggregateFunction,
    F::Output: Record,
{
    type Item = F::Output;

    fn project(
        &mut self,
        contents: &F::Accumulator,
        then: impl FnOnce(&[F::Output]) -> TaskResult,
    ) -> TaskResult {
        then(&[self.function.result(contents)])
    }
}

/// All records.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllElements;

impl<T: Record> Projection<Elements<T>> for AllElements {
    type Item = T;

    fn project(
        &mut self,
        contents: &Elements<T>,
        then: impl FnOnce(&[T]) -> TaskResult,
    ) -> TaskResult {
        then(contents.as_slice())
    }
}

/// What an incremental function makes of all records, computed when the window fires.
#[derive(Debug, Clone)]
pub struct Recomputed<C, P> {
    contents: C,
    projection: P,
}

impl<C, P> Recomputed<C, P> {
    /// Puts records into the accumulator of `contents`, which `projection` is then given.
    pub fn new(contents: C, projection: P) -> Self {
        Self { contents, projection }
    }
}

impl<T, C, P> Projection<Elements<T>> for Recomputed<C, P>
where
    T: Record,
    C: WindowContents<T>,
    P: Projection<C::Accumulator>,
{
    type Item = P::Item;

    fn project(
        &mut self,
        elements: &Elements<T>,
        then: impl FnOnce(&[P::Item]) -> TaskResult,
    ) -> TaskResult {
        let elements = elements.as_slice();
        if elements.is_empty() {
            return Ok(());
        }
        let mut builder = T::Builder::with_capacity(elements.len());
        for element in elements {
            builder.append(element.view());
        }
        let columns = T::Columns::from_array(&builder.finish())?;
        let mut accumulator = self.contents.create(&columns, 0);
        for row in 1..elements.len() {
            self.contents.add(&mut accumulator, &columns, row);
        }
        self.projection.project(&accumulator, then)
    }
}
