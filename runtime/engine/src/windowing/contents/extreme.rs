//! Least and greatest values.

use std::cmp::Ordering;

use sciurus_core::record::Field;
use sciurus_core::{Batch, Columns, Record};
use sciurus_state::{Slot, ValueColumn};

use super::{WindowContents, column_of, for_each_row};
use crate::error::TaskResult;

/// Which end of an order is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Extreme {
    /// Returns whether `value` is to take the place of `best`; of equals the first stays.
    #[inline]
    fn prefers<V: PartialOrd + Copy>(self, value: V, best: V) -> bool {
        let order = compare(value, best);
        match self {
            Self::Min => order == Ordering::Less,
            Self::Max => order == Ordering::Greater,
        }
    }
}

/// Compares two values; what isn't a number is the greatest.
#[inline]
fn compare<V: PartialOrd + Copy>(one: V, other: V) -> Ordering {
    let is_nan = |value: V| value.partial_cmp(&value).is_none();
    one.partial_cmp(&other).unwrap_or_else(|| is_nan(one).cmp(&is_nan(other)))
}

/// Keeps the first record, with the least or greatest value of all in one of its fields.
#[derive(Debug, Clone)]
pub struct FieldExtreme<F> {
    field: F,
    extreme: Extreme,
}

impl<F> FieldExtreme<F> {
    /// Looks for the extreme of `field`.
    pub fn new(field: F, extreme: Extreme) -> Self {
        Self { field, extreme }
    }
}

impl<T, F> WindowContents<T> for FieldExtreme<F>
where
    T: Record,
    F: Field<T>,
    for<'a> <F::Type as Record>::View<'a>: PartialOrd,
{
    type Accumulator = T;

    fn create(&mut self, columns: &T::Columns, row: usize) -> T {
        T::from_view(columns.get(row))
    }

    fn add(&mut self, accumulator: &mut T, columns: &T::Columns, row: usize) {
        let best = self.field.get_mut(accumulator);
        let value = self.field.get(columns.get(row));
        if self.extreme.prefers(value, best.view()) {
            *best = F::Type::from_view(value);
        }
    }

    fn merge(&mut self, accumulator: &mut T, later: &T) {
        let best = self.field.get_mut(accumulator);
        let value = self.field.get(later.view());
        if self.extreme.prefers(value, best.view()) {
            *best = F::Type::from_view(value);
        }
    }
}

/// Keeps the record with the least or greatest value of a field, of several the first.
#[derive(Debug, Clone)]
pub struct RecordExtreme<F> {
    field: F,
    extreme: Extreme,
}

impl<F> RecordExtreme<F> {
    /// Looks for the record with the extreme of `field`.
    pub fn new(field: F, extreme: Extreme) -> Self {
        Self { field, extreme }
    }
}

impl<T, F> WindowContents<T> for RecordExtreme<F>
where
    T: Record,
    F: Field<T>,
    for<'a> <F::Type as Record>::View<'a>: PartialOrd,
{
    type Accumulator = T;

    fn create(&mut self, columns: &T::Columns, row: usize) -> T {
        T::from_view(columns.get(row))
    }

    fn add(&mut self, accumulator: &mut T, columns: &T::Columns, row: usize) {
        let record = columns.get(row);
        if self.extreme.prefers(self.field.get(record), self.field.get(accumulator.view())) {
            *accumulator = T::from_view(record);
        }
    }

    fn merge(&mut self, accumulator: &mut T, later: &T) {
        if self.extreme.prefers(self.field.get(later.view()), self.field.get(accumulator.view())) {
            *accumulator = later.clone();
        }
    }
}

/// Keeps the extreme of one field and nothing else: for records that are nothing but key and field.
#[derive(Debug, Clone)]
pub struct ColumnExtreme<F> {
    field: F,
    extreme: Extreme,
}

impl<F> ColumnExtreme<F> {
    /// Looks for the extreme of `field`.
    pub fn new(field: F, extreme: Extreme) -> Self {
        Self { field, extreme }
    }
}

impl<T, F> WindowContents<T> for ColumnExtreme<F>
where
    T: Record,
    F: Field<T>,
    for<'a> <F::Type as Record>::View<'a>: PartialOrd,
{
    type Accumulator = F::Type;

    fn create(&mut self, columns: &T::Columns, row: usize) -> F::Type {
        F::Type::from_view(self.field.get(columns.get(row)))
    }

    fn add(&mut self, accumulator: &mut F::Type, columns: &T::Columns, row: usize) {
        let value = self.field.get(columns.get(row));
        if self.extreme.prefers(value, accumulator.view()) {
            *accumulator = F::Type::from_view(value);
        }
    }

    fn merge(&mut self, accumulator: &mut F::Type, later: &F::Type) {
        if self.extreme.prefers(later.view(), accumulator.view()) {
            accumulator.clone_from(later);
        }
    }

    fn fold(
        &mut self,
        batch: &Batch,
        rows: Option<&[u32]>,
        slots: &[Slot],
        extremes: &mut ValueColumn<'_, F::Type>,
    ) -> TaskResult {
        let values = column_of::<T, F>(batch, self.field)?;
        for_each_row(rows, slots, |row, slot| match extremes.slot_mut(slot) {
            Some(best) => {
                if self.extreme.prefers(values.get(row), best.view()) {
                    *best = F::Type::from_view(values.get(row));
                }
            }
            vacant => *vacant = Some(F::Type::from_view(values.get(row))),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_the_greatest() {
        assert!(Extreme::Max.prefers(f64::NAN, f64::INFINITY));
        assert!(Extreme::Min.prefers(1.0, f64::NAN));
        assert!(!Extreme::Min.prefers(f64::NAN, 1.0));
        assert!(!Extreme::Max.prefers(f64::NAN, f64::NAN));
    }

    #[test]
    fn of_equals_the_first_stays() {
        assert!(!Extreme::Max.prefers(1, 1) && !Extreme::Min.prefers(1, 1));
        assert!(Extreme::Max.prefers(2, 1) && Extreme::Min.prefers(1, 2));
    }
}
