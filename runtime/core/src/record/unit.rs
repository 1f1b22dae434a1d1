//! `()`: the record without content, for streams in which only the arrival or the time counts.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, NullArray};
use arrow_schema::DataType;

use super::codec::{DecodeError, take_array};
use super::{Builder, Columns, Record, SchemaMismatch};
use crate::key::KeyBytes;

/// A column of records without content.
#[derive(Debug, Clone)]
pub struct UnitColumns {
    rows: usize,
}

impl Columns for UnitColumns {
    type Record = ();

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        match array.data_type() {
            DataType::Null => Ok(Self { rows: array.len() }),
            other => Err(SchemaMismatch::of::<()>(&other.to_string())),
        }
    }

    fn len(&self) -> usize {
        self.rows
    }

    #[inline]
    fn get(&self, row: usize) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
    }
}

/// Counts records without content.
#[derive(Debug)]
pub struct UnitBuilder {
    rows: usize,
}

impl Builder for UnitBuilder {
    type Record = ();

    fn with_capacity(_rows: usize) -> Self {
        Self { rows: 0 }
    }

    #[inline]
    fn append(&mut self, (): ()) {
        self.rows += 1;
    }

    fn append_hidden(&mut self) {
        self.rows += 1;
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn bytes(&self) -> usize {
        0
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(NullArray::new(std::mem::take(&mut self.rows)))
    }
}

impl Record for () {
    type View<'a> = ();
    type Columns = UnitColumns;
    type Builder = UnitBuilder;

    // To Arrow a column of type Null is one of nulls only.
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Null
    }

    fn view(&self) {}

    fn from_view((): ()) {}

    fn encode((): (), out: &mut Vec<u8>) {
        out.push(0);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        match take_array(input, "()")? {
            [0] => Ok(()),
            [other] => Err(DecodeError::Invalid {
                what: "()",
                reason: format!("the byte is {other}, not 0"),
            }),
        }
    }

    fn key_bytes(columns: &UnitColumns) -> KeyBytes {
        KeyBytes::fixed(1, vec![0_u8; columns.rows].into())
    }

    fn format((): (), out: &mut String) {
        out.push_str("()");
    }
}
