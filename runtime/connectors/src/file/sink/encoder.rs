//! What records look like in files.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use sciurus_core::{Batch, BoxError, Record};

use crate::columns::{ColumnText, JsonFields, Rows, Syntax, UnsupportedField, json_text};

/// Turns records into bytes; one a subtask.
pub trait Encoder<T: Record>: Send {
    /// Appends what each file begins with.
    fn encode_header(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Rows of `batch` follow.
    ///
    /// # Errors
    /// Fails the task.
    fn start_batch(&mut self, batch: &Batch) -> Result<(), BoxError> {
        let _ = batch;
        Ok(())
    }

    /// Appends a record: row `row` of the batch started last, `record` as a view.
    ///
    /// # Errors
    /// Fails the task.
    fn encode(
        &mut self,
        record: T::View<'_>,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError>;
}

/// Lines of text, as records are printed.
#[derive(Debug, Clone, Default)]
pub struct TextEncoder {
    line: String,
}

impl<T: Record> Encoder<T> for TextEncoder {
    fn encode(&mut self, record: T::View<'_>, _: usize, out: &mut Vec<u8>) -> Result<(), BoxError> {
        self.line.clear();
        T::format(record, &mut self.line);
        self.line.push('\n');
        out.extend_from_slice(self.line.as_bytes());
        Ok(())
    }
}

/// Rows of comma-separated values, as RFC 4180 says, with `\n` as the line end. Null is an empty
/// cell, and empty text in a field that may be null is `""`.
pub(super) struct CsvEncoder {
    fields: Fields,
    header: bool,
    columns: Vec<Cells>,
}

struct Cells {
    text: ColumnText,
    nullable: bool,
}

impl CsvEncoder {
    pub(super) fn new<T: Record>(header: bool) -> Result<Self, UnsupportedField> {
        // What can't be read can't be written either.
        Rows::of::<T>(Syntax::Csv)?;
        Ok(Self { fields: T::fields(), header, columns: Vec::new() })
    }
}

impl<T: Record> Encoder<T> for CsvEncoder {
    fn encode_header(&mut self, out: &mut Vec<u8>) {
        if !self.header {
            return;
        }
        for (place, field) in self.fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            csv_text(field.name(), out);
        }
        out.push(b'\n');
    }

    fn start_batch(&mut self, batch: &Batch) -> Result<(), BoxError> {
        let cells = |(array, field): (_, &Arc<Field>)| {
            let text = ColumnText::new(array, field, Syntax::Csv, csv_text)?;
            Ok(Cells { text, nullable: field.is_nullable() })
        };
        let columns = batch.records().columns().iter().zip(&self.fields);
        self.columns = columns.map(cells).collect::<Result<_, UnsupportedField>>()?;
        Ok(())
    }

    fn encode(&mut self, _: T::View<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), BoxError> {
        for (place, cells) in self.columns.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let start = out.len();
            let written = cells.text.write(row, out);
            // A lone empty cell would make an empty line, which readers skip.
            let lone = self.columns.len() == 1;
            if written && out.len() == start && (cells.nullable || lone) {
                out.extend_from_slice(b"\"\"");
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

/// Appends a cell, in quotes where it needs them.
fn csv_text(text: &str, out: &mut Vec<u8>) {
    if !text.contains(['"', ',', '\n', '\r']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for (place, piece) in text.split('"').enumerate() {
        if place > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'"');
}

/// JSON objects, or plain values where records have no fields, one a line.
pub(super) struct JsonLinesEncoder<T> {
    columns: Json,
    records: PhantomData<fn() -> T>,
}

enum Json {
    Fields(JsonFields),
    Value(ColumnText),
    NotStarted,
}

impl<T: Record> JsonLinesEncoder<T> {
    pub(super) fn new() -> Self {
        Self { columns: Json::NotStarted, records: PhantomData }
    }
}

impl<T: Record> Encoder<T> for JsonLinesEncoder<T> {
    fn start_batch(&mut self, batch: &Batch) -> Result<(), BoxError> {
        let columns = batch.records().columns();
        let fields = T::fields();
        self.columns = match T::data_type() {
            DataType::Struct(_) => Json::Fields(JsonFields::new(columns, &fields, json_text)?),
            _ => Json::Value(ColumnText::new(&columns[0], &fields[0], Syntax::Json, json_text)?),
        };
        Ok(())
    }

    fn encode(&mut self, _: T::View<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), BoxError> {
        match &self.columns {
            Json::Fields(fields) => fields.write(row, out),
            Json::Value(values) => {
                if !values.write(row, out) {
                    out.extend_from_slice(b"null");
                }
            }
            Json::NotStarted => return Err("a record before its batch".into()),
        }
        out.push(b'\n');
        Ok(())
    }
}
