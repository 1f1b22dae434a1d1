//! Reading fields out of columns and putting them together again: what tuples, derived structs,
//! options and lists share.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::Field as ArrowField;

use super::{Columns, Record, SchemaMismatch};

/// Returns the Arrow field `name` that holds records of type `T`.
pub fn arrow_field<T: Record>(name: &str) -> ArrowField {
    ArrowField::new(name, T::data_type(), T::NULLABLE)
}

/// Downcasts a column in which every row counts.
///
/// # Errors
/// [`SchemaMismatch`] where the array is of another type, or holds nulls and the record can't be
/// null.
pub fn column<C: Columns>(array: &ArrayRef) -> Result<C, SchemaMismatch> {
    if !C::Record::NULLABLE && array.null_count() > 0 {
        let found = format!("{} with {} nulls", array.data_type(), array.null_count());
        return Err(SchemaMismatch::of::<C::Record>(&found));
    }
    C::from_array(array)
}

/// Returns the columns of a struct array, cut to its rows.
///
/// # Errors
/// [`SchemaMismatch`] where the array is no struct array.
pub fn struct_columns<T: Record>(array: &ArrayRef) -> Result<&[ArrayRef], SchemaMismatch> {
    array
        .as_struct_opt()
        .map(StructArray::columns)
        .ok_or_else(|| SchemaMismatch::of::<T>(&array.data_type().to_string()))
}

/// Checks that there are `N` columns.
///
/// # Errors
/// [`SchemaMismatch`] where there are more or less.
pub fn exactly<const N: usize, T: Record>(
    columns: &[ArrayRef],
) -> Result<&[ArrayRef; N], SchemaMismatch> {
    columns.try_into().map_err(|_| SchemaMismatch::of::<T>(&format!("{} columns", columns.len())))
}

/// Puts the columns of `T`'s fields together into one column of structs.
pub fn struct_array<T: Record>(columns: Vec<ArrayRef>) -> ArrayRef {
    Arc::new(StructArray::new(T::fields(), columns, None))
}
