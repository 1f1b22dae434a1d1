//! Records that may be absent: the same column with a null buffer.

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::DataType;
use arrow_select::nullif::nullif;

use super::codec::{DecodeError, take_array};
use super::{Builder, Columns, Record, SchemaMismatch};

/// A column of records that may be absent.
#[derive(Debug, Clone)]
pub struct OptionColumns<C> {
    values: C,
    nulls: Option<NullBuffer>,
}

impl<C: Columns> Columns for OptionColumns<C> {
    type Record = Option<C::Record>;

    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
        Ok(Self { values: C::from_array(array)?, nulls: array.nulls().cloned() })
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn get(&self, row: usize) -> Option<<C::Record as Record>::View<'_>> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values.get(row)),
        }
    }
}

/// Collects records that may be absent.
#[derive(Debug)]
pub struct OptionBuilder<B> {
    values: B,
    nulls: NullBufferBuilder,
}

impl<B: Builder> Builder for OptionBuilder<B> {
    type Record = Option<B::Record>;

    fn with_capacity(rows: usize) -> Self {
        Self { values: B::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    #[inline]
    fn append(&mut self, view: Option<<B::Record as Record>::View<'_>>) {
        match view {
            Some(view) => {
                self.values.append(view);
                self.nulls.append_non_null();
            }
            None => self.append_hidden(),
        }
    }

    fn append_hidden(&mut self) {
        self.values.append_hidden();
        self.nulls.append_null();
    }

    #[inline]
    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.values.bytes() + self.nulls.len().div_ceil(8)
    }

    fn finish(&mut self) -> ArrayRef {
        let values = self.values.finish();
        match self.nulls.finish() {
            Some(nulls) => with_nulls(&values, &nulls),
            None => values,
        }
    }
}

/// Sets the nulls of an array that has none; its values are shared and not checked again.
fn with_nulls(values: &ArrayRef, nulls: &NullBuffer) -> ArrayRef {
    match nullif(values, &BooleanArray::new(!nulls.inner(), None)) {
        Ok(array) => array,
        Err(error) => unreachable!("there is one null bit a row: {error}"),
    }
}

impl<T: Record> Record for Option<T> {
    type View<'a> = Option<T::View<'a>>;
    type Columns = OptionColumns<T::Columns>;
    type Builder = OptionBuilder<T::Builder>;

    const NULLABLE: bool = {
        assert!(
            !T::NULLABLE,
            "an `Option` of an `Option` or of `()` has no columns of its own: use one `Option`, or `bool`"
        );
        true
    };

    fn data_type() -> DataType {
        T::data_type()
    }

    #[inline]
    fn view(&self) -> Self::View<'_> {
        self.as_ref().map(T::view)
    }

    fn from_view(view: Self::View<'_>) -> Self {
        view.map(T::from_view)
    }

    fn encode(view: Self::View<'_>, out: &mut Vec<u8>) {
        out.push(u8::from(view.is_some()));
        if let Some(view) = view {
            T::encode(view, out);
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
        match take_array(input, "Option")? {
            [0] => Ok(None),
            [1] => T::decode(input).map(Some),
            [other] => Err(DecodeError::Invalid {
                what: "Option",
                reason: format!("the byte before the value is {other}, not 0 or 1"),
            }),
        }
    }

    fn format(view: Self::View<'_>, out: &mut String) {
        match view {
            Some(view) => T::format(view, out),
            None => out.push_str("null"),
        }
    }
}
