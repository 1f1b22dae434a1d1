//! Strings and bytes.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, BinaryViewArray, StringArray, StringViewArray};
use arrow_schema::DataType;
use bytes::Bytes;

use super::codec::{DecodeError, decode_keys, put_sized, take_sized};
use super::view::{StringViews, ViewBuilder};
use super::{Builder, Columns, Record, SchemaMismatch};
use crate::key::KeyBytes;

macro_rules! text_columns {
    ($(#[$doc:meta])* $name:ident, $record:ty, $view:ty, $views:ident, $as_views:ident,
     $offsets:ident, $as_offsets:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Layout<$views, $offsets>);

        impl Columns for $name {
            type Record = $record;

            fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
                let views = array.$as_views().map(|array| Layout::Views(array.clone()));
                views
                    .or_else(|| array.$as_offsets::<i32>().map(|a| Layout::Offsets(a.clone())))
                    .map(Self)
                    .ok_or_else(|| SchemaMismatch::of::<$record>(&array.data_type().to_string()))
            }

            fn len(&self) -> usize {
                match &self.0 {
                    Layout::Views(array) => array.len(),
                    Layout::Offsets(array) => array.len(),
                }
            }

            #[inline]
            fn get(&self, row: usize) -> $view {
                match &self.0 {
                    Layout::Views(array) => array.value(row),
                    Layout::Offsets(array) => array.value(row),
                }
            }
        }

        impl $name {
            fn key_bytes(&self) -> KeyBytes {
                match &self.0 {
                    Layout::Views(array) => {
                        KeyBytes::views(array.views().clone(), array.data_buffers().clone())
                    }
                    Layout::Offsets(array) => {
                        let offsets = array.offsets().inner().clone();
                        KeyBytes::variable(offsets, array.values().clone())
                    }
                }
            }
        }
    };
}

/// Arrow's two layouts of values of different lengths. Builders make views; sources that read text
/// as it stands may leave it in one piece, with offsets.
#[derive(Debug, Clone)]
enum Layout<V, O> {
    Views(V),
    Offsets(O),
}

text_columns!(
    /// A column of strings: `Utf8View` or `Utf8`.
    StringColumns, String, &str, StringViewArray, as_string_view_opt, StringArray, as_string_opt
);
text_columns!(
    /// A column of byte strings: `BinaryView` or `Binary`.
    BytesColumns, Bytes, &[u8], BinaryViewArray, as_binary_view_opt, BinaryArray, as_binary_opt
);

/// Collects strings.
#[derive(Debug)]
pub struct StringBuilder(StringViews);

impl StringBuilder {
    /// Drops all rows from the `len`-th on.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }
}

impl Builder for StringBuilder {
    type Record = String;

    fn with_capacity(rows: usize) -> Self {
        Self(StringViews::with_capacity(rows))
    }

    #[inline]
    fn append(&mut self, view: &str) {
        self.0.append(view);
    }

    fn append_hidden(&mut self) {
        self.0.append("");
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Collects byte strings.
#[derive(Debug)]
pub struct BytesBuilder(ViewBuilder);

impl BytesBuilder {
    /// Drops all rows from the `len`-th on.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }
}

impl Builder for BytesBuilder {
    type Record = Bytes;

    fn with_capacity(rows: usize) -> Self {
        Self(ViewBuilder::with_capacity(rows))
    }

    #[inline]
    fn append(&mut self, view: &[u8]) {
        self.0.append(view);
    }

    fn append_hidden(&mut self) {
        self.0.append(b"");
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish_bytes())
    }
}

impl Record for String {
    type View<'a> = &'a str;
    type Columns = StringColumns;
    type Builder = StringBuilder;

    fn data_type() -> DataType {
        DataType::Utf8View
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
        columns.key_bytes()
    }

    fn key_column(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
        let invalid = |reason| DecodeError::Invalid { what: "String", reason };
        if let KeyBytes::Views { views, buffers } = keys {
            return StringViewArray::try_new(views.clone(), buffers.clone(), None)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| invalid(error.to_string()));
        }
        let mut column = StringBuilder::with_capacity(keys.len());
        for row in 0..keys.len() {
            let key = std::str::from_utf8(keys.get(row));
            column.append(key.map_err(|error| invalid(error.to_string()))?);
        }
        Ok(column.finish())
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
        DataType::BinaryView
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
        columns.key_bytes()
    }

    fn key_column(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
        let KeyBytes::Views { views, buffers } = keys else { return decode_keys::<Self>(keys) };
        BinaryViewArray::try_new(views.clone(), buffers.clone(), None)
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
