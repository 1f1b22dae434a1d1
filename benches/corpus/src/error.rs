//! What can go wrong while text is gathered.

use std::io;
use std::path::{Path, PathBuf};

/// The result of gathering text.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while text is gathered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The machine has no text to make a corpus from.
    #[error("found no text to run on; name a file with --corpus FILE")]
    NoText,
    /// No place to keep the corpus.
    #[error("neither XDG_CACHE_HOME nor HOME is set: no place to keep the text to run on")]
    NoCacheFolder,
    /// What is known of the corpus can't be kept as JSON.
    #[error("cannot write what is known of the text as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file or folder can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct FileError {
    path: PathBuf,
    source: io::Error,
}

/// Adds the path to an I/O error.
pub trait IoContext<T> {
    /// Says which file or folder the error is about.
    ///
    /// # Errors
    /// What the system said, with the path.
    fn at(self, path: &Path) -> Result<T, FileError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError { path: path.to_owned(), source })
    }
}
