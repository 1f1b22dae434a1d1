//! What the code that `#[derive(Record)]` writes refers to. No interface for anyone else.

pub use arrow_array::ArrayRef;
pub use arrow_schema::{DataType, Fields};

pub use super::layout::{arrow_field, column, exactly, struct_array, struct_columns};
pub use super::{Builder, Columns, DecodeError, Field, KeyColumns, Record, SchemaMismatch};
