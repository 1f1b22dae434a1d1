//! Integers, floats and booleans.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, ScalarBuffer};
use arrow_schema::DataType;

use super::codec::{DecodeError, take_array};
use super::{Builder, Columns, Record, SchemaMismatch};
use crate::key::KeyBytes;

/// A record that lies in one Arrow primitive column as it is.
pub trait Primitive: Record + Copy + ArrowNativeType {
    /// The Arrow type.
    type Arrow: ArrowPrimitiveType<Native = Self>;
}

/// A column of primitives.
#[derive(Debug, Clone)]
pub struct PrimitiveColumns<T: Primitive> {
    values: ScalarBuffer<T>,
}

impl<T: Primitive> PrimitiveColumns<T> {
    /// Returns the values as a slice.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

impl<T: Primitive + for<'a> Record<View<'a> = T>> Columns for PrimitiveColumns<T> {
    type Record = T;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        array
            .as_primitive_opt::<T::Arrow>()
            .map(|array| Self { values: array.values().clone() })
            .ok_or_else(|| SchemaMismatch::of::<T>(&array.data_type().to_string()))
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn get(&self, row: usize) -> T {
        self.values[row]
    }
}

/// Collects primitives.
#[derive(Debug)]
pub struct PrimitiveBuilder<T: Primitive> {
    values: Vec<T>,
    capacity: usize,
}

impl<T: Primitive + for<'a> Record<View<'a> = T>> Builder for PrimitiveBuilder<T> {
    type Record = T;

    fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), capacity: rows }
    }

    #[inline]
    fn append(&mut self, view: T) {
        self.values.push(view);
    }

    fn append_hidden(&mut self) {
        self.values.push(<T::Arrow as ArrowPrimitiveType>::default_value());
    }

    #[inline]
    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        size_of_val(self.values.as_slice())
    }

    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.capacity));
        Arc::new(PrimitiveArray::<T::Arrow>::new(values.into(), None))
    }
}

macro_rules! primitive_records {
    ($($native:ty, $arrow:ident, $data_type:ident, $format:literal;)*) => {$(
        impl Primitive for $native {
            type Arrow = $arrow;
        }

        impl Record for $native {
            type View<'a> = $native;
            type Columns = PrimitiveColumns<$native>;
            type Builder = PrimitiveBuilder<$native>;

            fn data_type() -> DataType {
                DataType::$data_type
            }

            #[inline]
            fn view(&self) -> $native {
                *self
            }

            #[inline]
            fn from_view(view: $native) -> Self {
                view
            }

            #[inline]
            fn encode(view: $native, out: &mut Vec<u8>) {
                out.extend_from_slice(&view.to_le_bytes());
            }

            #[inline]
            fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
                take_array(input, stringify!($native)).map(<$native>::from_le_bytes)
            }

            #[cfg(target_endian = "little")]
            fn key_bytes(columns: &Self::Columns) -> KeyBytes {
                KeyBytes::fixed(size_of::<$native>(), columns.values.clone().into_inner())
            }

            fn format(view: $native, out: &mut String) {
                // Writing to a string cannot fail.
                let _ = write!(out, $format, view);
            }
        }
    )*};
}

primitive_records! {
    i8, Int8Type, Int8, "{}";
    i16, Int16Type, Int16, "{}";
    i32, Int32Type, Int32, "{}";
    i64, Int64Type, Int64, "{}";
    u8, UInt8Type, UInt8, "{}";
    u16, UInt16Type, UInt16, "{}";
    u32, UInt32Type, UInt32, "{}";
    u64, UInt64Type, UInt64, "{}";
    f32, Float32Type, Float32, "{:?}";
    f64, Float64Type, Float64, "{:?}";
}

/// A column of booleans.
#[derive(Debug, Clone)]
pub struct BoolColumns {
    values: BooleanBuffer,
}

impl Columns for BoolColumns {
    type Record = bool;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        array
            .as_boolean_opt()
            .map(|array| Self { values: array.values().clone() })
            .ok_or_else(|| SchemaMismatch::of::<bool>(&array.data_type().to_string()))
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn get(&self, row: usize) -> bool {
        self.values.value(row)
    }
}

/// Collects booleans.
#[derive(Debug)]
pub struct BoolBuilder {
    values: BooleanBufferBuilder,
}

impl Builder for BoolBuilder {
    type Record = bool;

    fn with_capacity(rows: usize) -> Self {
        Self { values: BooleanBufferBuilder::new(rows) }
    }

    #[inline]
    fn append(&mut self, view: bool) {
        self.values.append(view);
    }

    fn append_hidden(&mut self) {
        self.values.append(false);
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn bytes(&self) -> usize {
        self.values.len().div_ceil(8)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), None))
    }
}

impl Record for bool {
    type View<'a> = bool;
    type Columns = BoolColumns;
    type Builder = BoolBuilder;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    #[inline]
    fn view(&self) -> bool {
        *self
    }

    #[inline]
    fn from_view(view: bool) -> Self {
        view
    }

    fn encode(view: bool, out: &mut Vec<u8>) {
        out.push(u8::from(view));
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        match take_array(input, "bool")? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(DecodeError::Invalid {
                what: "bool",
                reason: format!("the byte is {other}, not 0 or 1"),
            }),
        }
    }

    fn format(view: bool, out: &mut String) {
        out.push_str(if view { "true" } else { "false" });
    }
}
