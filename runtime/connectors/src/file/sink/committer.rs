//! Makes files visible.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use sciurus_core::BoxError;

use super::FileSinkError;
use crate::sink::Committer;

/// A whole file that waits to be made visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCommittable {
    /// The hidden file.
    pub in_progress: String,
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
            match fs::rename(&file.in_progress, finished) {
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
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(FileSinkError::unwritable(folder))?;
        }
        Ok(())
    }

    fn abort(&mut self, committables: Vec<FileCommittable>) -> Result<(), BoxError> {
        for file in committables {
            match fs::remove_file(&file.in_progress) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}
