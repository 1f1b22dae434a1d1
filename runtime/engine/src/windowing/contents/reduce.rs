//! One record, into which all others are put.

use sciurus_core::{Columns, Record};

use super::WindowContents;

/// Starts with the first record; a function puts every further one in.
#[derive(Debug, Clone)]
pub struct Reduce<F> {
    function: F,
}

impl<F> Reduce<F> {
    /// Makes contents of a function that puts its second argument into its first.
    pub fn new(function: F) -> Self {
        Self { function }
    }
}

impl<T, F> WindowContents<T> for Reduce<F>
where
    T: Record,
    F: for<'a, 'b> FnMut(&'b mut T, T::View<'a>) + Clone + Send + Sync + 'static,
{
    type Accumulator = T;

    fn create(&mut self, columns: &T::Columns, row: usize) -> T {
        T::from_view(columns.get(row))
    }

    #[inline]
    fn add(&mut self, accumulator: &mut T, columns: &T::Columns, row: usize) {
        (self.function)(accumulator, columns.get(row));
    }

    fn merge(&mut self, accumulator: &mut T, later: &T) {
        (self.function)(accumulator, later.view());
    }
}
