//! Folders that outlive a power failure.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::FileSinkError;

/// Makes a folder and those that it is in, as far as they aren't there, durably.
pub(super) fn create(folder: &Path) -> Result<(), FileSinkError> {
    if folder.is_dir() {
        return Ok(());
    }
    let missing = folder.ancestors().take_while(|above| above.file_name().is_some());
    let missing: Vec<_> = missing.take_while(|above| !above.exists()).collect();
    fs::create_dir_all(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            FileSinkError::NotAFolder { path: folder.to_owned() }
        }
        _ => FileSinkError::unwritable(folder)(error),
    })?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        sync(above.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Makes durable which files are in a folder, under which names.
pub(super) fn sync(folder: &Path) -> Result<(), FileSinkError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(FileSinkError::unwritable(folder))
}
