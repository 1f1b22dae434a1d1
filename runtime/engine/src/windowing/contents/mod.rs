//! What a window keeps of its records.

mod aggregate;
mod elements;
mod extreme;
mod reduce;
mod sum;

use arrow_array::Array;
use sciurus_core::record::{Field, RowCodec};
use sciurus_core::{Batch, Columns, Record};
use sciurus_state::{Slot, ValueColumn};

pub use aggregate::Aggregate;
pub use elements::{ElementList, Elements};
pub use extreme::{ColumnExtreme, Extreme, FieldExtreme, RecordExtreme};
pub use reduce::Reduce;
pub use sum::{ColumnSum, FieldSum};

use crate::error::{TaskError, TaskResult};

/// Puts the records of a window together, one by one, into an accumulator.
///
/// An accumulator starts with a record: windows without records have none. Where windows share
/// slices, the accumulators of slices are merged, the earlier one first; so merging must be
/// associative, and which record came first counts within a slice only.
pub trait WindowContents<T: Record>: Clone + Send + Sync + 'static {
    /// What is kept of the records of one key.
    type Accumulator: RowCodec;

    /// Whether [`retract`](Self::retract) takes back exactly what [`merge`](Self::merge) added.
    const INVERTIBLE: bool = false;

    /// Returns the accumulator of one record.
    fn create(&mut self, columns: &T::Columns, row: usize) -> Self::Accumulator;

    /// Adds a record.
    fn add(&mut self, accumulator: &mut Self::Accumulator, columns: &T::Columns, row: usize);

    /// Adds what a later slice or session has.
    fn merge(&mut self, accumulator: &mut Self::Accumulator, later: &Self::Accumulator);

    /// Takes back what [`merge`](Self::merge) added; only called where it can.
    fn retract(&mut self, accumulator: &mut Self::Accumulator, added: &Self::Accumulator) {
        let _ = (accumulator, added);
    }

    /// Adds rows of a batch (all where `rows` is `None`), each to the accumulator of its slot.
    ///
    /// # Errors
    /// Where the batch doesn't hold the expected columns.
    fn fold(
        &mut self,
        batch: &Batch,
        rows: Option<&[u32]>,
        slots: &[Slot],
        accumulators: &mut ValueColumn<'_, Self::Accumulator>,
    ) -> TaskResult {
        let columns = batch.columns::<T>()?;
        for_each_row(rows, slots, |row, slot| match accumulators.slot_mut(slot) {
            Some(accumulator) => self.add(accumulator, &columns, row),
            vacant => *vacant = Some(self.create(&columns, row)),
        });
        Ok(())
    }
}

/// Calls `visit` with every row and its slot.
#[inline]
fn for_each_row(rows: Option<&[u32]>, slots: &[Slot], mut visit: impl FnMut(usize, Slot)) {
    match rows {
        None => slots.iter().enumerate().for_each(|(row, slot)| visit(row, *slot)),
        Some(rows) => rows.iter().zip(slots).for_each(|(row, slot)| visit(*row as usize, *slot)),
    }
}

/// Downcasts the column of one field.
fn column_of<T: Record, F: Field<T>>(
    batch: &Batch,
    field: F,
) -> TaskResult<<F::Type as Record>::Columns> {
    let _ = field;
    let column = batch.records().column(F::INDEX);
    if !F::Type::NULLABLE && column.null_count() > 0 {
        return Err(TaskError::Defect("an aggregated column holds nulls"));
    }
    Ok(Columns::from_array(column)?)
}
