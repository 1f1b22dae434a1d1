//! Files. Writing them is the part of [`sink`]. Reading them: which ones ([`paths`]), in which splits ([`split`]), block by
//! block of whole lines ([`blocks`]), as records of some [`mod@format`]: lines of [`text`], [`csv`] or
//! [`json_lines`].

pub mod blocks;
pub mod csv;
pub mod error;
pub mod format;
pub mod json_lines;
mod lines;
pub mod malformed;
pub mod paths;
mod reader;
mod records;
pub mod sink;
pub mod source;
pub mod split;
pub mod text;

pub use csv::{CsvFormat, CsvSource};
pub use error::FileError;
pub use json_lines::{JsonLinesFormat, JsonLinesSource};
pub use malformed::{MalformedRecord, MalformedRecords};
pub use paths::InputPaths;
pub use sink::FileSink;
pub use source::FileSource;
pub use split::FileSplit;
