//! The values of a column, without their nulls.

use arrow_array::ArrayRef;
use arrow_array::types::{
    Date32Type, DurationNanosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, TimeUnit};

use super::nested::{ListData, StructData};
use super::scalars::{BinaryData, BoolData, PrimitiveData, TextData, UnitData, float, integer};
use super::{Scalar, Syntax, UnsupportedField, temporal};

/// Values of one Arrow type.
pub(crate) trait ColumnData: Send {
    /// Returns how many there are.
    fn len(&self) -> usize;

    /// Appends a value; returns `false`, and appends nothing, where it is of another type.
    fn append(&mut self, value: Scalar<'_>) -> bool;

    /// Appends any value, to lie under a null.
    fn append_default(&mut self);

    /// Drops all values from the `len`-th on.
    fn truncate(&mut self, len: usize);

    /// Takes the values as an array with these nulls.
    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError>;

    /// Returns the values as lists, where that is what they are.
    fn as_list(&mut self) -> Option<&mut ListData> {
        None
    }

    /// Returns the values as structs, where that is what they are.
    fn as_struct(&mut self) -> Option<&mut StructData> {
        None
    }
}

/// Makes an empty column of a type. `field` and `syntax` are for the error's message.
pub(super) fn for_type(
    data_type: &DataType,
    field: &str,
    syntax: Syntax,
) -> Result<Box<dyn ColumnData>, UnsupportedField> {
    let unsupported =
        || UnsupportedField { field: field.to_owned(), data_type: data_type.clone(), syntax };
    Ok(match data_type {
        DataType::Null => Box::new(UnitData::default()),
        DataType::Boolean => Box::new(BoolData::new()),
        DataType::Int8 => Box::new(PrimitiveData::<Int8Type>::new(integer)),
        DataType::Int16 => Box::new(PrimitiveData::<Int16Type>::new(integer)),
        DataType::Int32 => Box::new(PrimitiveData::<Int32Type>::new(integer)),
        DataType::Int64 => Box::new(PrimitiveData::<Int64Type>::new(integer)),
        DataType::UInt8 => Box::new(PrimitiveData::<UInt8Type>::new(integer)),
        DataType::UInt16 => Box::new(PrimitiveData::<UInt16Type>::new(integer)),
        DataType::UInt32 => Box::new(PrimitiveData::<UInt32Type>::new(integer)),
        DataType::UInt64 => Box::new(PrimitiveData::<UInt64Type>::new(integer)),
        DataType::Float32 => {
            Box::new(PrimitiveData::<Float32Type>::new(|value| float(value).map(|x| x as f32)))
        }
        DataType::Float64 => Box::new(PrimitiveData::<Float64Type>::new(float)),
        DataType::Utf8View => Box::new(TextData::new()),
        DataType::BinaryView => Box::new(BinaryData::new()),
        DataType::Date32 => Box::new(PrimitiveData::<Date32Type>::new(temporal::date)),
        DataType::Time64(TimeUnit::Microsecond) => {
            Box::new(PrimitiveData::<Time64MicrosecondType>::new(temporal::time))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let parse = if zone.is_some() { temporal::instant } else { temporal::local_date_time };
            Box::new(
                PrimitiveData::<TimestampMicrosecondType>::new(parse).of_type(data_type.clone()),
            )
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            Box::new(PrimitiveData::<DurationNanosecondType>::new(temporal::duration))
        }
        // A cell of CSV has no parts.
        DataType::List(item) if syntax != Syntax::Csv => {
            Box::new(ListData::new(item, field, syntax)?)
        }
        DataType::Struct(fields) if syntax != Syntax::Csv => {
            Box::new(StructData::new(fields, field, syntax)?)
        }
        _ => return Err(unsupported()),
    })
}
