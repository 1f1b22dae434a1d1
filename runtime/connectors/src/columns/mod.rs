//! Arrow columns made of text, for any Arrow type that a record can have: what CSV and JSON have
//! in common. No record type needs code of its own; its fields say it all.
//!
//! A [`Rows`] has a [`Column`] for each field. Each column takes a [`Scalar`], or the items of a
//! list, or the fields of a struct; a row that turns out not to fit is taken back from all columns.

mod data;
mod json;
mod nested;
mod rows;
mod scalars;
mod temporal;
mod write;

use std::fmt;

use arrow_array::ArrayRef;
use arrow_array::builder::BooleanBufferBuilder;
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field};

pub(crate) use data::ColumnData;
pub(crate) use json::reason as json_reason;
pub(crate) use nested::{ListData, StructData};
pub(crate) use rows::Rows;
pub(crate) use write::{ColumnText, JsonFields, json_text};

/// A single value on its way into a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'a> {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// Text, or anything written as text.
    Text(&'a str),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More would bury the message.
        const SHOWN_CHARS: usize = 60;
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(text) => match text.char_indices().nth(SHOWN_CHARS) {
                Some((end, _)) => write!(f, "'{}…'", &text[..end]),
                None => write!(f, "'{text}'"),
            },
        }
    }
}

/// Why a value doesn't fit its column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A value of another type.
    #[error("field '{field}': {value} is not {expected}")]
    Value {
        /// The field, with those around it: `outer.inner`.
        field: String,
        /// The value.
        value: String,
        /// What the field holds.
        expected: String,
    },
    /// Nothing, where something must be.
    #[error("field '{field}' is missing or null, and can't be absent")]
    Null {
        /// The field.
        field: String,
    },
    /// A field that came twice.
    #[error("field '{field}' comes twice")]
    Twice {
        /// The field.
        field: String,
    },
}

/// A type of field that a text format can't hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}' is of type {data_type}, which {syntax} cannot hold")]
pub struct UnsupportedField {
    /// The field.
    pub field: String,
    /// Its Arrow type.
    pub data_type: DataType,
    /// The format.
    pub syntax: Syntax,
}

/// How values are written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Cells, which have no parts.
    Csv,
    /// JSON.
    Json,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
        })
    }
}

/// Collects the values of one field.
pub(crate) struct Column {
    path: String,
    name: String,
    data_type: DataType,
    /// Which values are there; `None` where all must be.
    valid: Option<BooleanBufferBuilder>,
    data: Box<dyn ColumnData>,
}

impl Column {
    /// Makes an empty column for `field`, which lies within the field `parent` unless that is
    /// empty.
    pub(crate) fn new(
        field: &Field,
        parent: &str,
        syntax: Syntax,
    ) -> Result<Self, UnsupportedField> {
        let name = field.name().clone();
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        let data = data::for_type(field.data_type(), &path, syntax)?;
        Ok(Self {
            path,
            name,
            data_type: field.data_type().clone(),
            valid: field.is_nullable().then(|| BooleanBufferBuilder::new(0)),
            data,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the field may be absent.
    pub(crate) fn is_nullable(&self) -> bool {
        self.valid.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// Appends a value.
    pub(crate) fn append(&mut self, value: Scalar<'_>) -> Result<(), Misfit> {
        if !self.data.append(value) {
            return Err(self.misfit(value.to_string()));
        }
        self.set_valid();
        Ok(())
    }

    /// Appends that there is no value.
    pub(crate) fn append_null(&mut self) -> Result<(), Misfit> {
        let Some(valid) = &mut self.valid else {
            return Err(Misfit::Null { field: self.path.clone() });
        };
        valid.append(false);
        self.data.append_default();
        Ok(())
    }

    /// Appends what lies under a null around it.
    pub(crate) fn append_hidden(&mut self) {
        if let Some(valid) = &mut self.valid {
            valid.append(false);
        }
        self.data.append_default();
    }

    /// Notes that a value was appended to the column's data directly.
    pub(crate) fn set_valid(&mut self) {
        if let Some(valid) = &mut self.valid {
            valid.append(true);
        }
    }

    pub(crate) fn as_list(&mut self) -> Option<&mut ListData> {
        self.data.as_list()
    }

    pub(crate) fn as_struct(&mut self) -> Option<&mut StructData> {
        self.data.as_struct()
    }

    /// Makes the error that `value` is not what the column holds.
    pub(crate) fn misfit(&self, value: String) -> Misfit {
        let expected = match &self.data_type {
            DataType::Utf8View => "text".to_owned(),
            DataType::BinaryView => "bytes in base64".to_owned(),
            DataType::Boolean => "true or false".to_owned(),
            DataType::List(_) => "a list".to_owned(),
            DataType::Struct(_) => "an object".to_owned(),
            DataType::Date32 => "a date".to_owned(),
            DataType::Time64(_) => "a time of day".to_owned(),
            DataType::Timestamp(..) => "a date and time".to_owned(),
            DataType::Duration(_) => "a duration such as PT1.5S".to_owned(),
            other => format!("a number of type {other}"),
        };
        Misfit::Value { field: self.path.clone(), value, expected }
    }

    /// Drops all values from the `len`-th on.
    pub(crate) fn truncate(&mut self, len: usize) {
        if let Some(valid) = &mut self.valid {
            valid.truncate(len);
        }
        self.data.truncate(len);
    }

    /// Takes the values as an array.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.valid.as_mut().map(|valid| NullBuffer::new(valid.finish()));
        self.data.finish(nulls.filter(|nulls| nulls.null_count() > 0))
    }
}
