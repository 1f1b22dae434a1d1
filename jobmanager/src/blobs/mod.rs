//! Packages by their content: what TaskManagers fetch.
//!
//! A blob is a file named by its SHA-256. It is there as long as somebody holds a [`Blob`]: a job
//! that runs, a TaskManager that is fetching it. Blobs of an earlier life of the process are
//! removed at the start.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sciurus_package::{Sha256Digest, sha256_of_file};

/// The folder of the blobs, in the directory that is configured.
const FOLDER: &str = "sciurus-blobs";

/// Says why a package can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk is full.
    #[error(
        "there is no room for the package in {} ({size_bytes} bytes needed): free some, or set \
         blob.storage.directory to another place", directory.display()
    )]
    NoSpace {
        /// Where it should lie.
        directory: PathBuf,
        /// How large it is.
        size_bytes: u64,
    },
    /// A file can't be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file isn't what it was.
    #[error("the package {} has changed: its SHA-256 was {expected} and is {found}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it was.
        expected: Sha256Digest,
        /// What it is.
        found: Sha256Digest,
    },
}

/// Keeps packages by their content.
#[derive(Debug)]
pub struct BlobStore {
    directory: PathBuf,
    blobs: Arc<Mutex<HashMap<Sha256Digest, Weak<Held>>>>,
    added: AtomicU64,
}

/// A package that is kept as long as this value, or a clone of it, lives.
#[derive(Clone, Debug)]
pub struct Blob(Arc<Held>);

#[derive(Debug)]
struct Held {
    sha256: Sha256Digest,
    size_bytes: u64,
    directory: PathBuf,
    path: PathBuf,
    blobs: Arc<Mutex<HashMap<Sha256Digest, Weak<Held>>>>,
}

impl Blob {
    /// Returns its SHA-256.
    pub fn sha256(&self) -> Sha256Digest {
        self.0.sha256
    }

    /// Returns its size.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns a folder that goes with the package, for what is taken out of it.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Another of the same content may have come in the meantime: it has a folder of its own.
        self.blobs.lock().retain(|_, held| held.strong_count() > 0);
        // What can't be removed is cleaned up by the next process.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl BlobStore {
    /// Opens a store below a directory, and removes what is left of an earlier one.
    ///
    /// # Errors
    /// [`BlobError::Io`] where the directory can't be made.
    pub fn open(directory: &Path, name: &str) -> Result<Self, BlobError> {
        let directory = directory.join(FOLDER).join(name);
        let failed = |action, source| BlobError::Io { action, path: directory.clone(), source };
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("clean up", error));
            }
            _ => {}
        }
        fs::create_dir_all(&directory).map_err(|error| failed("make", error))?;
        Ok(Self { directory, blobs: Arc::default(), added: AtomicU64::new(0) })
    }

    /// Returns a package that somebody holds.
    pub fn get(&self, sha256: Sha256Digest) -> Option<Blob> {
        self.blobs.lock().get(&sha256)?.upgrade().map(Blob)
    }

    /// Takes a copy of a package in, under the same name. Blocks while it reads the file.
    ///
    /// # Errors
    /// [`BlobError`] where it can't be kept, or isn't what `expected` says.
    pub fn add(&self, path: &Path, expected: Option<Sha256Digest>) -> Result<Blob, BlobError> {
        let io_error =
            |action, path: &Path, source| BlobError::Io { action, path: path.to_owned(), source };
        let (sha256, size_bytes) = hash(path)?;
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(BlobError::Changed { path: path.to_owned(), expected, found: sha256 });
        }
        if let Some(blob) = self.get(sha256) {
            return Ok(blob);
        }
        let number = self.added.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(format!("{sha256}-{number}"));
        fs::create_dir_all(&directory).map_err(|error| io_error("make", &directory, error))?;
        let name = path.file_name().unwrap_or("package.jar".as_ref());
        let target = directory.join(name);
        if let Err(error) = copy(path, &target) {
            let _ = fs::remove_dir_all(&directory);
            return Err(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    BlobError::NoSpace { directory: self.directory.clone(), size_bytes }
                }
                _ => io_error("copy the package to", &target, error),
            });
        }
        let held = Arc::new(Held {
            sha256,
            size_bytes,
            directory,
            path: target,
            blobs: self.blobs.clone(),
        });
        self.blobs.lock().insert(sha256, Arc::downgrade(&held));
        Ok(Blob(held))
    }

    /// Removes everything; whoever still holds a package has lost it.
    pub fn close(&self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn hash(path: &Path) -> Result<(Sha256Digest, u64), BlobError> {
    sha256_of_file(path).map_err(|error| BlobError::Io {
        action: "read",
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    })
}

/// Copies a file under another name first. A link would be quicker and follow changes of the
/// original.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let partial = to.with_extension("partial");
    fs::copy(from, &partial)?;
    fs::rename(&partial, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("job.jar");
        fs::write(&file, "a job").unwrap();
        let store = BlobStore::open(directory.path(), "test").unwrap();
        (directory, store, file)
    }

    #[test]
    fn a_package_is_kept_as_long_as_somebody_holds_it() {
        let (_directory, store, file) = store();
        let blob = store.add(&file, None).unwrap();
        let again = store.add(&file, Some(blob.sha256())).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(blob.path(), again.path());
        assert_eq!(blob.path().file_name().unwrap(), "job.jar");
        let path = blob.path().to_owned();
        drop(blob);
        assert_eq!(fs::read(&path).unwrap(), b"a job");
        let sha256 = again.sha256();
        assert!(store.get(sha256).is_some());
        drop(again);
        assert!(!path.exists() && store.get(sha256).is_none());
        assert_eq!(fs::read_dir(&store.directory).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_has_changed_is_not_taken() {
        let (_directory, store, file) = store();
        let sha256 = store.add(&file, None).unwrap().sha256();
        fs::write(&file, "another job").unwrap();
        assert!(matches!(store.add(&file, Some(sha256)), Err(BlobError::Changed { .. })));
    }

    #[test]
    fn what_an_earlier_process_left_is_removed() {
        let (directory, store, file) = store();
        let path = store.add(&file, None).unwrap().path().to_owned();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "left").unwrap();
        BlobStore::open(directory.path(), "test").unwrap();
        assert!(!path.exists());
    }
}
