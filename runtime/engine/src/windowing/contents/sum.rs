//! Sums of one field.

use sciurus_core::record::{Field, Numeric};
use sciurus_core::{Batch, Columns, Record};
use sciurus_state::{Slot, ValueColumn};

use super::{WindowContents, column_of, for_each_row};
use crate::error::TaskResult;

/// Keeps the first record, with the sum of all in one of its fields.
#[derive(Debug, Clone)]
pub struct FieldSum<F> {
    field: F,
}

impl<F> FieldSum<F> {
    /// Sums `field`.
    pub fn new(field: F) -> Self {
        Self { field }
    }
}

impl<T, F> WindowContents<T> for FieldSum<F>
where
    T: Record,
    F: Field<T>,
    F::Type: Numeric,
{
    type Accumulator = T;

    fn create(&mut self, columns: &T::Columns, row: usize) -> T {
        T::from_view(columns.get(row))
    }

    #[inline]
    fn add(&mut self, accumulator: &mut T, columns: &T::Columns, row: usize) {
        let sum = self.field.get_mut(accumulator);
        *sum = sum.add(self.field.get(columns.get(row)));
    }

    fn merge(&mut self, accumulator: &mut T, later: &T) {
        let sum = self.field.get_mut(accumulator);
        *sum = sum.add(self.field.get(later.view()));
    }
}

/// Keeps the sum of one field and nothing else: for records that are nothing but key and field.
#[derive(Debug, Clone)]
pub struct ColumnSum<F> {
    field: F,
}

impl<F> ColumnSum<F> {
    /// Sums `field`.
    pub fn new(field: F) -> Self {
        Self { field }
    }
}

impl<T, F> WindowContents<T> for ColumnSum<F>
where
    T: Record,
    F: Field<T>,
    F::Type: Numeric,
{
    type Accumulator = F::Type;

    const INVERTIBLE: bool = F::Type::EXACT;

    fn create(&mut self, columns: &T::Columns, row: usize) -> F::Type {
        self.field.get(columns.get(row))
    }

    fn add(&mut self, accumulator: &mut F::Type, columns: &T::Columns, row: usize) {
        *accumulator = accumulator.add(self.field.get(columns.get(row)));
    }

    #[inline]
    fn merge(&mut self, accumulator: &mut F::Type, later: &F::Type) {
        *accumulator = accumulator.add(*later);
    }

    #[inline]
    fn retract(&mut self, accumulator: &mut F::Type, added: &F::Type) {
        *accumulator = accumulator.sub(*added);
    }

    fn fold(
        &mut self,
        batch: &Batch,
        rows: Option<&[u32]>,
        slots: &[Slot],
        sums: &mut ValueColumn<'_, F::Type>,
    ) -> TaskResult {
        let values = column_of::<T, F>(batch, self.field)?;
        for_each_row(rows, slots, |row, slot| match sums.slot_mut(slot) {
            Some(sum) => *sum = sum.add(values.get(row)),
            vacant => *vacant = Some(values.get(row)),
        });
        Ok(())
    }
}
