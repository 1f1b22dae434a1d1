//! Files on a disk.
//!
//! A file is written under another name, synced, renamed, and its folder is synced: it is there as
//! a whole or not at all, and where it is, it outlives a loss of power. What was deleted stays
//! deleted in the same way. Folders are synced into theirs when they are made.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::crash::crash_point;

/// What the names of files end with that are not whole yet, behind eight random digits.
const PARTIAL: &str = ".partial";

/// Returns whether a file of this name is one that was never finished.
pub(crate) fn is_partial(name: &str) -> bool {
    let random = name.strip_suffix(PARTIAL).and_then(|name| name.rsplit_once('.'));
    random.is_some_and(|(_, digits)| {
        digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// A file that is being written; it disappears where it isn't finished.
#[derive(Debug)]
pub(super) struct LocalWriter {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    is_finished: bool,
}

impl LocalWriter {
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut partial = name.to_owned();
        partial.push(format!(".{:08x}{PARTIAL}", fastrand::u32(..)));
        let partial = path.with_file_name(partial);
        let open = || OpenOptions::new().write(true).create_new(true).open(&partial);
        crash_point("create a file");
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    make_folder(folder)?;
                }
                open()?
            }
            other => other?,
        };
        Ok(Self { file, partial, path, is_finished: false })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        crash_point("write to a file");
        self.file.write_all(bytes)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        crash_point("sync a file");
        self.file.sync_all()?;
        crash_point("rename a file");
        fs::rename(&self.partial, &self.path)?;
        self.is_finished = true;
        crash_point("sync the folder of a file");
        sync_parent(&self.path)
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Makes a folder and those that it lies in, durably.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match make_one_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = path.parent() else { return Err(error) };
            make_folder(parent)?;
            // Some file systems, such as /proc, say so of folders that may not be made in them.
            make_one_folder(path)
        }
        other => other,
    }
}

fn make_one_folder(path: &Path) -> io::Result<()> {
    crash_point("make a folder");
    match fs::create_dir(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes what was made, renamed or deleted in a folder outlive a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Deletes a file, durably; one that isn't there is no error.
pub(super) fn delete(path: &Path) -> io::Result<()> {
    crash_point("delete a file");
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes files of any folders, each folder being synced once, and returns the first failure.
pub(super) fn delete_all(paths: &[&Path]) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    let mut result = Ok(());
    for path in paths {
        crash_point("delete one of several files");
        match fs::remove_file(path) {
            Ok(()) => folders.extend(path.parent()),
            Err(error) => result = result.and(ignore_missing(Err(error))),
        }
    }
    for folder in folders {
        result = result.and(ignore_missing(sync_folder(folder)));
    }
    result
}

/// Deletes a folder with all that is in it; one that isn't there is no error. Links are deleted,
/// not followed.
pub(super) fn delete_folder(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            delete_folder(&entry.path())?;
        } else {
            crash_point("delete a file of a folder");
            ignore_missing(fs::remove_file(entry.path()))?;
        }
    }
    crash_point("delete a folder");
    ignore_missing(fs::remove_dir(path))?;
    crash_point("sync the folder of a folder");
    sync_parent(path)
}

/// Deletes a folder if nothing is in it, and returns whether it is gone.
pub(super) fn delete_empty_folder(path: &Path) -> io::Result<bool> {
    crash_point("delete an empty folder");
    match fs::remove_dir(path) {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => Err(error),
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A file that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

/// Lists all files below a folder, in the order of their paths; a folder that isn't there has none.
pub(super) fn list(path: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                let (bytes, modified) = (metadata.len(), metadata.modified().ok());
                found.push(Found { path: entry.path(), bytes, modified });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Lists the names of the folders in a folder; one that isn't there has none.
pub(super) fn folders(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
