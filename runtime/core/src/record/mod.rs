//! How a Rust type lies in Arrow columns.
//!
//! A [`Record`] names its Arrow type, a borrowed [`View`](Record::View) of one row, the
//! [`Columns`] it is read from (downcast once a batch) and the [`Builder`] it is written to.
//! User code sees owned records where it makes them and views where it reads them; the engine sees
//! Arrow arrays only.

mod codec;
#[doc(hidden)]
pub mod derived;
mod field;
mod layout;
mod list;
mod option;
mod primitive;
mod temporal;
mod text;
mod tuple;
mod unit;
pub mod view;

use std::fmt::Debug;

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Fields};

pub use codec::{DecodeError, RowCodec};
pub use field::{F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, Field, KeyColumns, Numeric};
pub use list::{ListBuilder, ListColumns, ListIter, ListView};
pub use option::{OptionBuilder, OptionColumns};
pub use primitive::{BoolBuilder, BoolColumns, Primitive, PrimitiveBuilder, PrimitiveColumns};
pub use temporal::{Temporal, TemporalBuilder, TemporalColumns};
pub use text::{BytesBuilder, BytesColumns, StringBuilder, StringColumns};
pub use unit::{UnitBuilder, UnitColumns};

use crate::key::KeyBytes;

/// A type whose values travel through a stream, one a row.
///
/// Implemented for primitives, `String`, [`bytes::Bytes`], date and time types, `Option`, `Vec`,
/// tuples of up to 12 records, and by `#[derive(Record)]` for structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a record of a stream",
    label = "not a `Record`",
    note = "records are primitives, `String`, `Bytes`, date and time types, `Option`, `Vec`, tuples of up to 12 records, and structs with `#[derive(Clone, Record)]`"
)]
pub trait Record: Clone + Send + Sync + 'static {
    /// One row, borrowed from its columns or from an owned record: `&str` for `String`, the value
    /// itself for primitives, a tuple of views for tuples.
    type View<'a>: Copy + Debug + PartialEq;
    /// The typed columns a batch of such records is read from.
    type Columns: Columns<Record = Self>;
    /// Collects rows into a batch of such records.
    type Builder: Builder<Record = Self>;

    /// Whether Arrow may find nulls in a column of such records: true for `Option`, and for `()`,
    /// whose columns have no other content. Their `Option`s are refused when they are compiled.
    const NULLABLE: bool = false;

    /// Returns the Arrow type of one column that holds such records.
    fn data_type() -> DataType;

    /// Returns the columns of a batch of such records: a struct's or tuple's own fields, otherwise
    /// one column named `value`.
    fn fields() -> Fields {
        Fields::from(vec![layout::arrow_field::<Self>("value")])
    }

    /// Borrows this record as a view.
    fn view(&self) -> Self::View<'_>;

    /// Makes an owned record of a view.
    fn from_view(view: Self::View<'_>) -> Self;

    /// Appends the row's binary form to `out`; [`decode`](Self::decode) reads it back. The form is
    /// stable (docs/formats.md): keys, timers and snapshots hold it. It takes one byte at least, so
    /// that a list can't claim more items than there are bytes.
    fn encode(view: Self::View<'_>, out: &mut Vec<u8>);

    /// Reads one row from the front of `input` and advances it.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes end early or don't form such a record.
    fn decode(input: &mut &[u8]) -> Result<Self, DecodeError>;

    /// Appends the row's form as a whole key. Differs from [`encode`](Self::encode) only for
    /// strings and bytes, which stand alone without a length.
    fn encode_key(view: Self::View<'_>, out: &mut Vec<u8>) {
        Self::encode(view, out);
    }

    /// Reads back a key that [`encode_key`](Self::encode_key) wrote, all of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] where `bytes` is not exactly one such key.
    fn decode_key(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = bytes;
        let key = Self::decode(&mut input)?;
        if input.is_empty() { Ok(key) } else { Err(DecodeError::Trailing { bytes: input.len() }) }
    }

    /// Returns every row of `columns` in its [`encode_key`](Self::encode_key) form: without a copy
    /// where Arrow's own layout is that form already.
    fn key_bytes(columns: &Self::Columns) -> KeyBytes {
        let rows = columns.len();
        let mut offsets = Vec::with_capacity(rows + 1);
        let mut data = Vec::new();
        offsets.push(0_i32);
        for row in 0..rows {
            Self::encode_key(columns.get(row), &mut data);
            offsets.push(data.len() as i32);
        }
        KeyBytes::variable(offsets.into(), data.into())
    }

    /// Reads keys back into one column, the inverse of [`key_bytes`](Self::key_bytes): without
    /// looking at single keys where Arrow's own layout is their form already.
    ///
    /// # Errors
    /// [`DecodeError`] where a key is none of this type.
    fn key_column(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
        codec::decode_keys::<Self>(keys)
    }

    /// Appends the row as text, the way Flink prints it: `(word,1)` for a tuple, `[a, b]` for a
    /// list, `null` for an absent value.
    fn format(view: Self::View<'_>, out: &mut String);
}

/// The typed columns of a batch, read row by row without a copy.
pub trait Columns: Clone + Send + Sync + 'static {
    /// What a row is.
    type Record: Record;

    /// Downcasts one column that holds whole records (a struct array for tuples and structs). Rows
    /// that are null in a column of records that can't be null read as something arbitrary: the
    /// caller knows that it won't read them.
    ///
    /// # Errors
    /// [`SchemaMismatch`] where the array is of another type.
    fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch>;

    /// Downcasts the columns of a batch, laid out as [`Record::fields`] says.
    ///
    /// # Errors
    /// [`SchemaMismatch`] where number or types of the columns differ, or a column holds nulls and
    /// its records can't be null.
    fn from_columns(columns: &[ArrayRef]) -> Result<Self, SchemaMismatch> {
        match columns {
            [array] => layout::column(array),
            _ => Err(SchemaMismatch::of::<Self::Record>(&format!("{} columns", columns.len()))),
        }
    }

    /// Returns the number of rows.
    fn len(&self) -> usize;

    /// Returns whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a view of row `row`.
    ///
    /// # Panics
    /// Where `row` is out of range.
    fn get(&self, row: usize) -> <Self::Record as Record>::View<'_>;
}

/// Collects rows into Arrow columns.
pub trait Builder: Send + 'static {
    /// What a row is.
    type Record: Record;

    /// Makes an empty builder that holds `rows` rows before it grows.
    fn with_capacity(rows: usize) -> Self;

    /// Appends a row.
    fn append(&mut self, view: <Self::Record as Record>::View<'_>);

    /// Appends a row that an enclosing null hides: its content is arbitrary.
    fn append_hidden(&mut self);

    /// Returns the number of rows appended since the last finish.
    fn len(&self) -> usize;

    /// Returns whether no row was appended since the last finish.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes that the rows take, approximately.
    fn bytes(&self) -> usize;

    /// Returns the rows as one column and starts anew with the same capacity.
    fn finish(&mut self) -> ArrayRef;

    /// Returns the rows as the columns of a batch, laid out as [`Record::fields`] says, and starts
    /// anew with the same capacity.
    fn finish_columns(&mut self) -> Vec<ArrayRef> {
        vec![self.finish()]
    }
}

/// The columns at hand are not those of the record type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("columns of {found} cannot be read as records of type {expected}")]
pub struct SchemaMismatch {
    /// The Arrow type that was expected.
    pub expected: String,
    /// What was found instead.
    pub found: String,
}

impl SchemaMismatch {
    /// Says that `found` is not what records of type `T` lie in.
    pub fn of<T: Record>(found: &str) -> Self {
        Self { expected: T::data_type().to_string(), found: found.to_owned() }
    }
}
