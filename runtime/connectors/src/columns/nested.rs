//! Columns of lists and structs.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, FieldRef, Fields};

use super::{Column, ColumnData, Misfit, Scalar, Syntax, UnsupportedField};

/// Lists: their items one behind the other.
pub(crate) struct ListData {
    field: FieldRef,
    items: Column,
    offsets: Vec<i32>,
}

impl ListData {
    pub(super) fn new(
        field: &FieldRef,
        path: &str,
        syntax: Syntax,
    ) -> Result<Self, UnsupportedField> {
        let items = Column::new(field, path, syntax)?;
        Ok(Self { field: field.clone(), items, offsets: vec![0] })
    }

    /// Returns the column that the items of the next list are appended to.
    pub(crate) fn items(&mut self) -> &mut Column {
        &mut self.items
    }

    /// Ends the list whose items were appended.
    pub(crate) fn end_list(&mut self) {
        self.offsets.push(self.items.len() as i32);
    }
}

impl ColumnData for ListData {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn append(&mut self, _: Scalar<'_>) -> bool {
        false
    }

    fn append_default(&mut self) {
        self.end_list();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.items.truncate(self.offsets[self.offsets.len() - 1] as usize);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let items = self.items.finish()?;
        Ok(Arc::new(ListArray::try_new(self.field.clone(), offsets, items, nulls)?))
    }

    fn as_list(&mut self) -> Option<&mut ListData> {
        Some(self)
    }
}

/// Structs: a column for each field.
pub(crate) struct StructData {
    fields: Fields,
    columns: Vec<Column>,
    len: usize,
    /// The field that is expected next: objects mostly have their fields in the same order.
    next: usize,
}

impl StructData {
    pub(super) fn new(
        fields: &Fields,
        path: &str,
        syntax: Syntax,
    ) -> Result<Self, UnsupportedField> {
        let columns = fields.iter().map(|field| Column::new(field, path, syntax));
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { fields: fields.clone(), columns, len: 0, next: 0 })
    }

    pub(super) fn columns(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Returns the place of the field called `name`.
    pub(crate) fn find(&mut self, name: &str) -> Option<usize> {
        let expected = self.next;
        let found = if self.columns.get(expected).is_some_and(|column| column.name() == name) {
            expected
        } else {
            self.columns.iter().position(|column| column.name() == name)?
        };
        self.next = found + 1;
        Some(found)
    }

    /// Returns the column of the field at `place`, to which the value of the next struct is to be
    /// appended; fails where it has one already.
    pub(crate) fn field(&mut self, place: usize) -> Result<&mut Column, Misfit> {
        let column = &mut self.columns[place];
        if column.len() > self.len {
            return Err(Misfit::Twice { field: column.path.clone() });
        }
        Ok(column)
    }

    /// Ends the struct whose fields were appended: what is absent becomes null.
    pub(crate) fn end_struct(&mut self) -> Result<(), Misfit> {
        for column in &mut self.columns {
            if column.len() == self.len {
                column.append_null()?;
            }
        }
        self.len += 1;
        self.next = 0;
        Ok(())
    }

    pub(super) fn finish_columns(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.len = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}

impl ColumnData for StructData {
    fn len(&self) -> usize {
        self.len
    }

    fn append(&mut self, _: Scalar<'_>) -> bool {
        false
    }

    fn append_default(&mut self) {
        self.columns.iter_mut().for_each(Column::append_hidden);
        self.len += 1;
    }

    fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
        self.len = len;
        self.next = 0;
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let columns = self.finish_columns()?;
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), columns, nulls)?))
    }

    fn as_struct(&mut self) -> Option<&mut StructData> {
        Some(self)
    }
}
