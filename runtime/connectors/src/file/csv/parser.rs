//! Puts cells into the fields they belong to.

use sciurus_core::Record;

use super::CsvFormat;
use super::cells::{Cell, Dialect};
use crate::columns::{Column, Misfit, Rows, Scalar};
use crate::file::records::RecordParser;

/// Parses rows of one file after the other.
pub(super) struct CsvParser {
    dialect: Dialect,
    header: bool,
    comment: Option<u8>,
    null_literal: String,
    multi_line: bool,
    /// Which field each cell of a row belongs to; none where it is ignored.
    fields: Vec<Option<usize>>,
}

impl CsvParser {
    pub(super) fn new<T: Record>(format: &CsvFormat<T>, rows: &mut Rows) -> Self {
        Self {
            dialect: format.dialect,
            header: format.header,
            comment: format.comment,
            null_literal: format.null_literal.clone(),
            multi_line: format.multi_line,
            fields: (0..rows.columns().len()).map(Some).collect(),
        }
    }

    fn append(&self, row: &str, rows: &mut Rows) -> Result<(), String> {
        let columns = rows.columns();
        let mut cells = self.dialect.cells(row);
        for (place, field) in self.fields.iter().enumerate() {
            let Some(cell) = cells.next() else { return Err(self.wrong_number(place)) };
            let cell = cell?;
            if let Some(field) = field {
                self.append_cell(&cell, &mut columns[*field]).map_err(|e| e.to_string())?;
            }
        }
        match cells.count() {
            0 => Ok(()),
            more => Err(self.wrong_number(self.fields.len() + more)),
        }
    }

    fn append_cell(&self, cell: &Cell<'_>, column: &mut Column) -> Result<(), Misfit> {
        if column.is_nullable() && !cell.quoted && cell.text == self.null_literal {
            return column.append_null();
        }
        column.append(Scalar::Text(&cell.text))
    }

    fn wrong_number(&self, found: usize) -> String {
        let expected = self.fields.len();
        let whose = if self.header { "the header" } else { "the record type" };
        format!("the row has {found} cells, where {whose} has {expected}")
    }
}

impl RecordParser for CsvParser {
    fn record_len(&self, text: &[u8]) -> usize {
        if self.multi_line {
            self.dialect.row_len(text)
        } else {
            memchr::memchr(b'\n', text).unwrap_or(text.len())
        }
    }

    fn is_blank(&self, record: &str) -> bool {
        record.is_empty()
            || self.comment.is_some_and(|comment| record.as_bytes().first() == Some(&comment))
    }

    fn has_header(&self) -> bool {
        self.header
    }

    fn set_header(&mut self, header: &str, rows: &mut Rows) -> Result<(), String> {
        let columns = rows.columns();
        let mut names = Vec::new();
        self.fields.clear();
        for cell in self.dialect.cells(header) {
            let name = cell?.text.trim().to_owned();
            let field = columns.iter().position(|column| column.name() == name);
            if field.is_some() && names.contains(&name) {
                return Err(format!("the header has the column '{name}' twice"));
            }
            self.fields.push(field);
            names.push(name);
        }
        for (field, column) in columns.iter().enumerate() {
            if !self.fields.contains(&Some(field)) && !column.is_nullable() {
                let name = column.name();
                let names = names.join(", ");
                return Err(format!("the header lacks the column '{name}' (it has {names})"));
            }
        }
        Ok(())
    }

    fn parse(&mut self, record: &str, rows: &mut Rows) -> Result<(), String> {
        let len = rows.len();
        let appended = self.append(record, rows);
        rows.end_row(len, appended, |misfit| misfit.to_string())
    }
}
