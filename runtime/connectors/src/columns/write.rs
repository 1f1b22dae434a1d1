//! Arrow values as text: what the cells of CSV and the values of JSON are written by.

use std::fmt::Debug;
use std::io::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationNanosecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sciurus_core::record::Temporal;

use super::{Syntax, UnsupportedField};

/// Writes the values of one column.
pub(crate) trait WriteValue: Send {
    /// Appends the value of a row that isn't null.
    fn write(&self, row: usize, out: &mut Vec<u8>);
}

impl<F: Fn(usize, &mut Vec<u8>) + Send> WriteValue for F {
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        self(row, out);
    }
}

/// A column to be written: its values, and which rows have none.
pub(crate) struct ColumnText {
    nulls: Option<arrow_buffer::NullBuffer>,
    values: Box<dyn WriteValue>,
}

impl ColumnText {
    /// Makes the writer of a column. `text` writes strings, as the syntax wants them.
    pub(crate) fn new(
        array: &ArrayRef,
        field: &Field,
        syntax: Syntax,
        text: fn(&str, &mut Vec<u8>),
    ) -> Result<Self, UnsupportedField> {
        let values = values(array, field, syntax, text)?;
        Ok(Self { nulls: array.logical_nulls(), values })
    }

    /// Appends the value of a row; returns `false`, and appends nothing, where it is null.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if !is_null {
            self.values.write(row, out);
        }
        !is_null
    }
}

/// Writes what cannot fail: memory takes all.
macro_rules! put {
    ($out:expr, $($format:tt)+) => {{
        let _ = write!($out, $($format)+);
    }};
}

fn values(
    array: &ArrayRef,
    field: &Field,
    syntax: Syntax,
    text: fn(&str, &mut Vec<u8>),
) -> Result<Box<dyn WriteValue>, UnsupportedField> {
    let unsupported = || UnsupportedField {
        field: field.name().clone(),
        data_type: field.data_type().clone(),
        syntax,
    };
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_: usize, _: &mut Vec<u8>| {}),
        DataType::Boolean => {
            let array = array.as_boolean().clone();
            Box::new(move |row, out: &mut Vec<u8>| put!(out, "{}", array.value(row)))
        }
        DataType::Int8 => numbers::<Int8Type>(array),
        DataType::Int16 => numbers::<Int16Type>(array),
        DataType::Int32 => numbers::<Int32Type>(array),
        DataType::Int64 => numbers::<Int64Type>(array),
        DataType::UInt8 => numbers::<UInt8Type>(array),
        DataType::UInt16 => numbers::<UInt16Type>(array),
        DataType::UInt32 => numbers::<UInt32Type>(array),
        DataType::UInt64 => numbers::<UInt64Type>(array),
        DataType::Float32 => floats::<Float32Type>(array, text),
        DataType::Float64 => floats::<Float64Type>(array, text),
        DataType::Utf8 => {
            let array = array.as_string::<i32>().clone();
            Box::new(move |row, out: &mut Vec<u8>| text(array.value(row), out))
        }
        DataType::Utf8View => {
            let array = array.as_string_view().clone();
            Box::new(move |row, out: &mut Vec<u8>| text(array.value(row), out))
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>().clone();
            Box::new(move |row, out: &mut Vec<u8>| {
                text(&BASE64_STANDARD.encode(array.value(row)), out);
            })
        }
        DataType::BinaryView => {
            let array = array.as_binary_view().clone();
            Box::new(move |row, out: &mut Vec<u8>| {
                text(&BASE64_STANDARD.encode(array.value(row)), out);
            })
        }
        DataType::Date32 => temporal::<Date32Type, NaiveDate>(array, text),
        DataType::Time64(_) => temporal::<Time64MicrosecondType, NaiveTime>(array, text),
        DataType::Timestamp(_, None) => {
            temporal::<TimestampMicrosecondType, NaiveDateTime>(array, text)
        }
        DataType::Timestamp(_, Some(_)) => {
            temporal::<TimestampMicrosecondType, DateTime<Utc>>(array, text)
        }
        DataType::Duration(_) => {
            let array = array.as_primitive::<DurationNanosecondType>().clone();
            Box::new(move |row, out: &mut Vec<u8>| text(&duration(array.value(row)), out))
        }
        DataType::List(item) if syntax == Syntax::Json => {
            let array = array.as_list::<i32>().clone();
            let items = ColumnText::new(array.values(), item, syntax, text)?;
            Box::new(move |row, out: &mut Vec<u8>| {
                let offsets = array.value_offsets();
                out.push(b'[');
                for item in offsets[row] as usize..offsets[row + 1] as usize {
                    if item > offsets[row] as usize {
                        out.push(b',');
                    }
                    if !items.write(item, out) {
                        out.extend_from_slice(b"null");
                    }
                }
                out.push(b']');
            })
        }
        DataType::Struct(fields) if syntax == Syntax::Json => {
            let columns = array.as_struct().columns();
            let fields = JsonFields::new(columns, fields, text)?;
            Box::new(move |row, out: &mut Vec<u8>| fields.write(row, out))
        }
        _ => return Err(unsupported()),
    })
}

fn numbers<A: ArrowPrimitiveType>(array: &ArrayRef) -> Box<dyn WriteValue>
where
    A::Native: std::fmt::Display,
{
    let array = array.as_primitive::<A>().clone();
    Box::new(move |row, out: &mut Vec<u8>| put!(out, "{}", array.value(row)))
}

/// JSON has no infinities and no NaN: they are written as text, which is read back as well.
fn floats<A: ArrowPrimitiveType>(
    array: &ArrayRef,
    text: fn(&str, &mut Vec<u8>),
) -> Box<dyn WriteValue>
where
    A::Native: Debug + Into<f64>,
{
    let array = array.as_primitive::<A>().clone();
    Box::new(move |row, out: &mut Vec<u8>| {
        let value = array.value(row);
        let wide: f64 = value.into();
        if wide.is_finite() {
            put!(out, "{value:?}");
        } else {
            text(&format!("{value:?}"), out);
        }
    })
}

/// Chrono's debug form is ISO 8601.
fn temporal<A, T>(array: &ArrayRef, text: fn(&str, &mut Vec<u8>)) -> Box<dyn WriteValue>
where
    A: ArrowPrimitiveType,
    T: Temporal<Arrow = A> + Debug,
{
    let array = array.as_primitive::<A>().clone();
    Box::new(move |row, out: &mut Vec<u8>| {
        let value = T::from_stored(array.value(row)).unwrap_or_default();
        text(&format!("{value:?}"), out);
    })
}

fn duration(nanos: i64) -> String {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let fraction = format!(".{nanos:09}");
    format!("PT{seconds}{}S", fraction.trim_end_matches('0').trim_end_matches('.'))
}

/// The fields of JSON objects.
pub(crate) struct JsonFields {
    /// Each field's key, with what stands before it, and its values.
    fields: Vec<(Vec<u8>, ColumnText)>,
}

impl JsonFields {
    /// Makes the writer of objects with these columns.
    pub(crate) fn new(
        columns: &[ArrayRef],
        fields: &arrow_schema::Fields,
        text: fn(&str, &mut Vec<u8>),
    ) -> Result<Self, UnsupportedField> {
        let field = |(place, (array, field)): (usize, (&ArrayRef, &std::sync::Arc<Field>))| {
            let mut key = vec![if place == 0 { b'{' } else { b',' }];
            json_text(field.name(), &mut key);
            key.push(b':');
            Ok((key, ColumnText::new(array, field, Syntax::Json, text)?))
        };
        let fields = columns.iter().zip(fields).enumerate().map(field).collect::<Result<_, _>>()?;
        Ok(Self { fields })
    }

    /// Appends the object of a row.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.fields.is_empty() {
            out.push(b'{');
        }
        for (key, values) in &self.fields {
            out.extend_from_slice(key);
            if !values.write(row, out) {
                out.extend_from_slice(b"null");
            }
        }
        out.push(b'}');
    }
}

/// Appends text as a JSON string.
pub(crate) fn json_text(text: &str, out: &mut Vec<u8>) {
    // Memory takes all, and a string is always JSON.
    let _ = serde_json::to_writer(out, text);
}
