//! Makes files visible.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use sciurus_core::BoxError;

use super::{FileSinkError, folders};
use crate::sink::Committer;

/// A whole file that waits to be made visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCommittable {
    /// The hidden file.
    pub pending: String,
    /// The path that it gets.
    pub finished: String,
}

/// Renames files, which is all or nothing, and makes the renaming durable.
pub(super) struct FileCommitter;

impl Committer<FileCommittable> for FileCommitter {
    fn commit(&mut self, committables: Vec<FileCommittable>) -> Result<(), BoxError> {
        let mut folders = BTreeSet::new();
        for file in &committables {
            let finished = Path::new(&file.finished);
            match fs::rename(&file.pending, finished) {
                Ok(()) => {}
                // It was renamed before a failure.
                Err(error) if error.kind() == ErrorKind::NotFound && finished.exists() => {}
                Err(error) => {
                    return Err(FileSinkError::Unfinished { path: finished.into(), error }.into());
                }
            }
            folders.extend(finished.parent());
        }
        for folder in folders {
            folders::sync(folder)?;
        }
        Ok(())
    }

    fn abort(&mut self, committables: Vec<FileCommittable>) -> Result<(), BoxError> {
        for file in committables {
            match fs::remove_file(&file.pending) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}
