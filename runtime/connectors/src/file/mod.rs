//! Reading files: which ones ([`paths`]), in which splits ([`split`], [`enumerator`]), block by
//! block of whole lines ([`blocks`]), as records of some [`format`], for instance lines of [`text`].

pub mod blocks;
pub mod enumerator;
pub mod error;
pub mod format;
mod lines;
pub mod paths;
mod reader;
pub mod source;
pub mod split;
pub mod text;

pub use error::FileError;
pub use paths::InputPaths;
pub use source::FileSource;
pub use split::FileSplit;
