//! Columns of values without parts.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BooleanArray, NullArray, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType};
use arrow_select::nullif::nullif;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sciurus_core::Builder;
use sciurus_core::record::{BytesBuilder, StringBuilder};

use super::{ColumnData, Scalar};

/// Reads a whole number: not one with a fraction, but one written as text.
pub(super) fn integer<N: TryFrom<i128> + FromStr>(value: Scalar<'_>) -> Option<N> {
    match value {
        Scalar::Integer(value) => N::try_from(value).ok(),
        Scalar::Text(text) => text.trim_ascii().parse().ok(),
        Scalar::Bool(_) | Scalar::Float(_) => None,
    }
}

/// Reads a number.
pub(super) fn float(value: Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Integer(value) => Some(value as f64),
        Scalar::Float(value) => Some(value),
        Scalar::Text(text) => text.trim_ascii().parse().ok(),
        Scalar::Bool(_) => None,
    }
}

/// Numbers, and what is stored as a number.
pub(super) struct PrimitiveData<A: ArrowPrimitiveType> {
    values: Vec<A::Native>,
    parse: fn(Scalar<'_>) -> Option<A::Native>,
    data_type: DataType,
}

impl<A: ArrowPrimitiveType> PrimitiveData<A> {
    pub(super) fn new(parse: fn(Scalar<'_>) -> Option<A::Native>) -> Self {
        Self { values: Vec::new(), parse, data_type: A::DATA_TYPE }
    }

    /// Sets the type exactly, where it has a time zone.
    pub(super) fn of_type(self, data_type: DataType) -> Self {
        Self { data_type, ..self }
    }
}

impl<A: ArrowPrimitiveType> ColumnData for PrimitiveData<A> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn append(&mut self, value: Scalar<'_>) -> bool {
        let value = (self.parse)(value);
        self.values.extend(value);
        value.is_some()
    }

    fn append_default(&mut self) {
        self.values.push(A::default_value());
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let next = Vec::with_capacity(self.values.len());
        let values = std::mem::replace(&mut self.values, next);
        let array = PrimitiveArray::<A>::new(values.into(), nulls);
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}

/// Booleans.
pub(super) struct BoolData(BooleanBufferBuilder);

impl BoolData {
    pub(super) fn new() -> Self {
        Self(BooleanBufferBuilder::new(0))
    }
}

impl ColumnData for BoolData {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn append(&mut self, value: Scalar<'_>) -> bool {
        let value = match value {
            Scalar::Bool(value) => value,
            Scalar::Text(text) if text.trim_ascii().eq_ignore_ascii_case("true") => true,
            Scalar::Text(text) if text.trim_ascii().eq_ignore_ascii_case("false") => false,
            _ => return false,
        };
        self.0.append(value);
        true
    }

    fn append_default(&mut self) {
        self.0.append(false);
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(BooleanArray::new(self.0.finish(), nulls)))
    }
}

/// Text.
pub(super) struct TextData(StringBuilder);

impl TextData {
    pub(super) fn new() -> Self {
        Self(StringBuilder::with_capacity(0))
    }
}

impl ColumnData for TextData {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn append(&mut self, value: Scalar<'_>) -> bool {
        match value {
            Scalar::Text(text) => self.0.append(text),
            other => self.0.append(&other.to_string()),
        }
        true
    }

    fn append_default(&mut self) {
        self.0.append_hidden();
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        with_nulls(self.0.finish(), nulls)
    }
}

/// Bytes, in text written as base64.
pub(super) struct BinaryData {
    values: BytesBuilder,
    decoded: Vec<u8>,
}

impl BinaryData {
    pub(super) fn new() -> Self {
        Self { values: BytesBuilder::with_capacity(0), decoded: Vec::new() }
    }
}

impl ColumnData for BinaryData {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn append(&mut self, value: Scalar<'_>) -> bool {
        let Scalar::Text(text) = value else { return false };
        self.decoded.clear();
        let decoded = BASE64_STANDARD.decode_vec(text.trim_ascii(), &mut self.decoded);
        if decoded.is_ok() {
            self.values.append(&self.decoded);
        }
        decoded.is_ok()
    }

    fn append_default(&mut self) {
        self.values.append_hidden();
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        with_nulls(self.values.finish(), nulls)
    }
}

fn with_nulls(array: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    match nulls {
        Some(nulls) => nullif(&array, &BooleanArray::new(!nulls.inner(), None)),
        None => Ok(array),
    }
}

/// The unit record, whose one value is written as null or left out.
#[derive(Default)]
pub(super) struct UnitData(usize);

impl ColumnData for UnitData {
    fn len(&self) -> usize {
        self.0
    }

    fn append(&mut self, value: Scalar<'_>) -> bool {
        let fits = matches!(value, Scalar::Text(""));
        self.0 += usize::from(fits);
        fits
    }

    fn append_default(&mut self) {
        self.0 += 1;
    }

    fn truncate(&mut self, len: usize) {
        self.0 = self.0.min(len);
    }

    fn finish(&mut self, _: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(NullArray::new(std::mem::take(&mut self.0))))
    }
}
