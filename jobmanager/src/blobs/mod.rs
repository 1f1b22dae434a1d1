//! Packages by their content: what TaskManagers fetch.
//!
//! A blob is a file named by its SHA-256. It is there as long as somebody holds a [`Blob`]: a job
//! that runs, a TaskManager that is fetching it. Blobs of an earlier life of the process are
//! removed at the start.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use sciurus_package::Sha256Digest;
use sha2::{Digest, Sha256};

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

    /// Returns the directory of the store, for what else goes with this life of the process.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes a copy of a package in, under the same name. Blocks while it copies the file.
    ///
    /// # Errors
    /// [`BlobError`] where it can't be kept.
    pub fn add(&self, path: &Path) -> Result<Blob, BlobError> {
        let (directory, target) = self.make_room(path)?;
        let copied = copy(path, &target);
        self.finish(path, directory, target, copied)
    }

    /// Takes a package in that nobody is going to change, without a copy where that is possible.
    /// Blocks while it reads the file.
    ///
    /// # Errors
    /// [`BlobError`] where it can't be kept.
    pub fn adopt(&self, path: &Path) -> Result<Blob, BlobError> {
        let (directory, target) = self.make_room(path)?;
        let linked = fs::hard_link(path, &target);
        let copied = match linked {
            Ok(()) => read(&target),
            // It lies on another disk.
            Err(_) => copy(path, &target),
        };
        self.finish(path, directory, target, copied)
    }

    fn make_room(&self, path: &Path) -> Result<(PathBuf, PathBuf), BlobError> {
        let number = self.added.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.join(format!("package-{number}"));
        fs::create_dir_all(&directory).map_err(|source| BlobError::Io {
            action: "make",
            path: directory.clone(),
            source,
        })?;
        let target = directory.join(path.file_name().unwrap_or("package.jar".as_ref()));
        Ok((directory, target))
    }

    fn finish(
        &self,
        path: &Path,
        directory: PathBuf,
        target: PathBuf,
        copied: io::Result<(Sha256Digest, u64)>,
    ) -> Result<Blob, BlobError> {
        // It may be an executable, to be run from here.
        let executable = |copied| {
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).map(|()| copied)
        };
        let (sha256, size_bytes) = copied.and_then(executable).map_err(|source| {
            let _ = fs::remove_dir_all(&directory);
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::NoSpace {
                    directory: self.directory.clone(),
                    size_bytes: path.metadata().map_or(0, |metadata| metadata.len()),
                },
                _ => BlobError::Io { action: "keep the package", path: path.to_owned(), source },
            }
        })?;
        let held = Arc::new(Held {
            sha256,
            size_bytes,
            directory,
            path: target,
            blobs: self.blobs.clone(),
        });
        let mut blobs = self.blobs.lock();
        if let Some(earlier) = blobs.get(&sha256).and_then(Weak::upgrade) {
            // Dropped without the lock, which its end needs.
            drop(blobs);
            drop(held);
            return Ok(Blob(earlier));
        }
        blobs.insert(sha256, Arc::downgrade(&held));
        Ok(Blob(held))
    }

    /// Removes everything; whoever still holds a package has lost it.
    pub fn close(&self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// How much is copied at once.
const COPY_BYTES: usize = 256 << 10;

/// Copies a file and hashes what was copied. A link would be quicker and follow changes of the
/// original.
fn copy(from: &Path, to: &Path) -> io::Result<(Sha256Digest, u64)> {
    let mut to = File::create_new(to)?;
    pass(from, |bytes| to.write_all(bytes))
}

fn read(path: &Path) -> io::Result<(Sha256Digest, u64)> {
    pass(path, |_| Ok(()))
}

fn pass(
    from: &Path,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(Sha256Digest, u64)> {
    let mut from = File::open(from)?;
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((Sha256Digest(hash.finalize().into()), length));
        }
        hash.update(&buffer[..read]);
        each(&buffer[..read])?;
        length += read as u64;
    }
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
        let blob = store.add(&file).unwrap();
        let again = store.add(&file).unwrap();
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
    fn what_is_adopted_outlives_its_name() {
        let (directory, store, file) = store();
        let blob = store.adopt(&file).unwrap();
        let copy = directory.path().join("copy.jar");
        fs::copy(&file, &copy).unwrap();
        assert_eq!(store.add(&copy).unwrap().path(), blob.path(), "it is the same");
        fs::remove_file(&file).unwrap();
        assert_eq!(fs::read(blob.path()).unwrap(), b"a job");
        assert_eq!(blob.sha256(), sciurus_package::sha256_of_file(&copy).unwrap().0);
        assert_eq!(fs::read_dir(&store.directory).unwrap().count(), 1);
    }

    #[test]
    fn what_an_earlier_process_left_is_removed() {
        let (directory, store, file) = store();
        let path = store.add(&file).unwrap().path().to_owned();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "left").unwrap();
        BlobStore::open(directory.path(), "test").unwrap();
        assert!(!path.exists());
    }
}
