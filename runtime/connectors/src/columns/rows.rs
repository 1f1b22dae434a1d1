//! Rows of text on their way into a record batch.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use sciurus_core::Record;

use super::nested::StructData;
use super::{Column, ColumnData, Misfit, Syntax, UnsupportedField};

/// Collects rows of one record type. A row is complete or it isn't there.
pub(crate) struct Rows {
    schema: SchemaRef,
    row: StructData,
    scalar: bool,
}

impl Rows {
    /// Makes room for records of type `T`, read from `syntax`.
    pub(crate) fn of<T: Record>(syntax: Syntax) -> Result<Self, UnsupportedField> {
        let fields = T::fields();
        let row = StructData::new(&fields, "", syntax)?;
        let scalar = !matches!(T::data_type(), DataType::Struct(_));
        Ok(Self { schema: Arc::new(Schema::new(fields)), row, scalar })
    }

    /// Returns the columns of the fields.
    pub(crate) fn columns(&mut self) -> &mut [Column] {
        self.row.columns()
    }

    /// Returns the record as a struct, to fill it field by field.
    pub(crate) fn row(&mut self) -> &mut StructData {
        &mut self.row
    }

    /// Returns whether a record is a single value rather than a set of fields.
    pub(crate) fn is_scalar(&self) -> bool {
        self.scalar
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// Ends the row whose fields were appended to the columns. Where that had failed, or a field is
    /// missing that must be there, the columns go back to `len` rows.
    pub(crate) fn end_row<E>(
        &mut self,
        len: usize,
        filled: Result<(), E>,
        misfit: impl FnOnce(Misfit) -> E,
    ) -> Result<(), E> {
        let ended = filled.and_then(|()| self.row.end_struct().map_err(misfit));
        if ended.is_err() {
            self.row.truncate(len);
        }
        ended
    }

    /// Takes the rows as a batch.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        // A record without fields has rows all the same.
        let options = RecordBatchOptions::new().with_row_count(Some(self.row.len()));
        let columns = self.row.finish_columns()?;
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }
}
