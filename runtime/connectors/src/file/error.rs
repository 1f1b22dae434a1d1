//! What can be wrong with files.

use std::io;
use std::path::{Path, PathBuf};

/// Why files can't be read. Every message names the path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No path was given at all.
    #[error("no input path was given")]
    NoPath,
    /// A path that does not exist.
    #[error("the input {} does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A pattern that matches no file.
    #[error("no file matches the pattern {pattern}")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// Something that is no pattern.
    #[error("{pattern} is not a valid pattern: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder that cannot be opened, listed or read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// A path that is not UTF-8, and so cannot be part of a split.
    #[error("the name of {} is not UTF-8", path.display())]
    Name {
        /// The path.
        path: PathBuf,
    },
    /// A line that takes too much memory.
    #[error(
        "{}: the line that starts at byte {offset} is longer than {limit_bytes} bytes; is this a text file?",
        path.display()
    )]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// Where the line starts.
        offset: u64,
        /// The longest line that is read, bytes.
        limit_bytes: usize,
    },
}

impl FileError {
    /// Makes an error of what the system said about `path`.
    pub fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.to_owned() },
            _ => Self::Unreadable { path: path.to_owned(), error },
        }
    }
}
