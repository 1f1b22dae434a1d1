//! Strings and bytes.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder as ArrowStringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::DataType;
use bytes::Bytes;

use super::codec::{DecodeError, decode_keys, put_sized, take_sized};
use super::{Builder, Columns, Record, SchemaMismatch};
use crate::key::KeyBytes;

/// How many bytes a value is taken to have when a builder reserves room.
const EXPECTED_VALUE_BYTES: usize = 8;

/// A column of strings.
#[derive(Debug, Clone)]
pub struct StringColumns {
    array: StringArray,
}

impl Columns for StringColumns {
    type Record = String;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        array
            .as_string_opt::<i32>()
            .map(|array| Self { array: array.clone() })
            .ok_or_else(|| SchemaMismatch::of::<String>(&array.data_type().to_string()))
    }

    fn len(&self) -> usize {
        self.array.len()
    }

    #[inline]
    fn get(&self, row: usize) -> &str {
        self.array.value(row)
    }
}

/// A column of byte strings.
#[derive(Debug, Clone)]
pub struct BytesColumns {
    array: BinaryArray,
}

impl Columns for BytesColumns {
    type Record = Bytes;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        array
            .as_binary_opt::<i32>()
            .map(|array| Self { array: array.clone() })
            .ok_or_else(|| SchemaMismatch::of::<Bytes>(&array.data_type().to_string()))
    }

    fn len(&self) -> usize {
        self.array.len()
    }

    #[inline]
    fn get(&self, row: usize) -> &[u8] {
        self.array.value(row)
    }
}

macro_rules! variable_builder {
    ($(#[$doc:meta])* $name:ident, $arrow:ident, $record:ty, $view:ty, $empty:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            values: $arrow,
            rows: usize,
        }

        impl Builder for $name {
            type Record = $record;

            fn with_capacity(rows: usize) -> Self {
                Self { values: $arrow::with_capacity(rows, rows * EXPECTED_VALUE_BYTES), rows }
            }

            #[inline]
            fn append(&mut self, view: $view) {
                self.values.append_value(view);
            }

            fn append_hidden(&mut self) {
                self.values.append_value($empty);
            }

            #[inline]
            fn len(&self) -> usize {
                self.values.offsets_slice().len() - 1
            }

            #[inline]
            fn bytes(&self) -> usize {
                self.values.values_slice().len() + size_of_val(self.values.offsets_slice())
            }

            fn finish(&mut self) -> ArrayRef {
                let bytes = self.values.values_slice().len().max(self.rows * EXPECTED_VALUE_BYTES);
                let next = $arrow::with_capacity(self.rows, bytes);
                Arc::new(std::mem::replace(&mut self.values, next).finish())
            }
        }
    };
}

variable_builder!(
    /// Collects strings.
    StringBuilder, ArrowStringBuilder, String, &str, ""
);
variable_builder!(
    /// Collects byte strings.
    BytesBuilder, BinaryBuilder, Bytes, &[u8], b""
);

impl Record for String {
    type View<'a> = &'a str;
    type Columns = StringColumns;
    type Builder = StringBuilder;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    #[inline]
    fn view(&self) -> &str {
        self
    }

    fn from_view(view: &str) -> Self {
        view.to_owned()
    }

    fn encode(view: &str, out: &mut Vec<u8>) {
        put_sized(view.as_bytes(), out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        Self::decode_key(take_sized(input, "String")?)
    }

    fn encode_key(view: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(view.as_bytes());
    }

    fn decode_key(bytes: &[u8]) -> Result<Self, DecodeError> {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|error| DecodeError::Invalid { what: "String", reason: error.to_string() })
    }

    fn key_bytes(columns: &Self::Columns) -> KeyBytes {
        KeyBytes::variable(columns.array.offsets().inner().clone(), columns.array.values().clone())
    }

    fn key_column(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
        let KeyBytes::Variable { offsets, data } = keys else { return decode_keys::<Self>(keys) };
        let offsets = OffsetBuffer::new(offsets.clone());
        StringArray::try_new(offsets, data.clone(), None)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| DecodeError::Invalid { what: "String", reason: error.to_string() })
    }

    fn format(view: &str, out: &mut String) {
        out.push_str(view);
    }
}

impl Record for Bytes {
    type View<'a> = &'a [u8];
    type Columns = BytesColumns;
    type Builder = BytesBuilder;

    fn data_type() -> DataType {
        DataType::Binary
    }

    #[inline]
    fn view(&self) -> &[u8] {
        self
    }

    fn from_view(view: &[u8]) -> Self {
        Bytes::copy_from_slice(view)
    }

    fn encode(view: &[u8], out: &mut Vec<u8>) {
        put_sized(view, out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        take_sized(input, "Bytes").map(Bytes::copy_from_slice)
    }

    fn encode_key(view: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(view);
    }

    fn decode_key(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn key_bytes(columns: &Self::Columns) -> KeyBytes {
        KeyBytes::variable(columns.array.offsets().inner().clone(), columns.array.values().clone())
    }

    fn key_column(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
        let KeyBytes::Variable { offsets, data } = keys else { return decode_keys::<Self>(keys) };
        let offsets = OffsetBuffer::new(offsets.clone());
        BinaryArray::try_new(offsets, data.clone(), None)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| DecodeError::Invalid { what: "Bytes", reason: error.to_string() })
    }

    fn format(view: &[u8], out: &mut String) {
        for byte in view {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
        }
    }
}
