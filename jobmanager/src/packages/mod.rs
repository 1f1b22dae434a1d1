//! Uploaded packages: Flink's "jars".
//!
//! They lie as `UUID_NAME` in the folder that Flink uses, below `web.upload.dir`, where a package
//! that another process put there is found as well.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;
use sciurus_core::time::Timestamp;
use sciurus_package::{PackageError, PackageInfo, inspect};

use crate::blobs::{Blob, BlobError, BlobStore};

/// The folder of uploaded packages, as Flink calls it.
const FOLDER: &str = "flink-web-upload";

/// The longest name of a package, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Says why a package was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Its name can't be one.
    #[error("'{0}' can't be the name of a package: it has to be a file's name, like job.jar")]
    Name(String),
    /// It is no package that could be run.
    #[error("{name}: {error}")]
    Package {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: PackageError,
    },
    /// It can't be put where packages lie.
    #[error("can't keep the package as {}: {source}", path.display())]
    Io {
        /// Where it should lie.
        path: PathBuf,
        /// Why it doesn't.
        source: io::Error,
    },
}

/// Says why a package was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeletePackageError {
    /// There is none.
    #[error("there is no package {0}")]
    Unknown(String),
    /// The file can't be removed.
    #[error("can't remove {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A package that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPackage {
    /// `UUID_NAME`.
    pub id: String,
    /// The name under which it was uploaded.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// When it was uploaded, milliseconds since the epoch.
    pub uploaded: Timestamp,
    /// What it holds.
    pub info: Arc<PackageInfo>,
}

/// Keeps uploaded packages. Clones are the same.
#[derive(Clone, Debug)]
pub struct PackageStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    /// Whether they go with the process.
    is_temporary: bool,
    blobs: Arc<BlobStore>,
    /// By their ids.
    known: Mutex<BTreeMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    package: UploadedPackage,
    /// Kept, so that each run of the package finds it hashed and unpacked.
    blob: Option<Blob>,
}

impl PackageStore {
    /// Uses a folder below a directory, which need not exist.
    pub fn new(directory: &Path, is_temporary: bool, blobs: Arc<BlobStore>) -> Self {
        let directory = directory.join(FOLDER);
        Self(Arc::new(Inner { directory, is_temporary, blobs, known: Mutex::default() }))
    }

    /// Returns where packages lie. Whoever writes an upload writes it here first, under another
    /// name, so that it need not be copied.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Takes a package that lies at `temporary`, moving it where that is possible; looks into it
    /// first.
    ///
    /// # Errors
    /// [`UploadError`] where it is none, with the reason, or can't be kept. The file at `temporary`
    /// is then where it was.
    pub async fn upload(
        &self,
        temporary: PathBuf,
        name: String,
    ) -> Result<UploadedPackage, UploadError> {
        let store = self.clone();
        blocking(move || store.upload_blocking(&temporary, name)).await
    }

    fn upload_blocking(
        &self,
        temporary: &Path,
        name: String,
    ) -> Result<UploadedPackage, UploadError> {
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && !name.starts_with('.')
            && !name.contains(['/', '\\'])
            && !name.contains(char::is_control);
        if !is_name {
            return Err(UploadError::Name(name.chars().take(MAX_NAME_BYTES).collect()));
        }
        let mut info = match inspect(temporary) {
            Ok(info) => info,
            Err(error) => return Err(UploadError::Package { name, error }),
        };
        if matches!(info.kind, sciurus_package::PackageKind::Executable) {
            info.name.clone_from(&name);
        }
        let id = format!("{}_{name}", random_uuid());
        let path = self.0.directory.join(&id);
        let failed = |source| UploadError::Io { path: path.clone(), source };
        std::fs::create_dir_all(&self.0.directory).map_err(failed)?;
        if std::fs::rename(temporary, &path).is_err() {
            // It lies on another disk.
            let partial = self.0.directory.join(format!(".{id}.partial"));
            let copied =
                std::fs::copy(temporary, &partial).and_then(|_| std::fs::rename(&partial, &path));
            if let Err(source) = copied {
                let _ = std::fs::remove_file(&partial);
                return Err(UploadError::Io { path, source });
            }
            // It stays where it can't be removed, and is in nobody's way.
            let _ = std::fs::remove_file(temporary);
        }
        let uploaded = modified(&path);
        let package = UploadedPackage { id: id.clone(), name, path, uploaded, info: info.into() };
        // Where it can't be kept yet that is told to whoever runs it.
        let blob = self.0.blobs.adopt(&package.path).ok();
        self.0.known.lock().insert(id, Known { package: package.clone(), blob });
        tracing::info!("package {} was uploaded", package.id);
        Ok(package)
    }

    /// Returns all packages that there are, the newest first.
    pub async fn list(&self) -> Vec<UploadedPackage> {
        let store = self.clone();
        blocking(move || store.list_blocking()).await
    }

    fn list_blocking(&self) -> Vec<UploadedPackage> {
        let files = std::fs::read_dir(&self.0.directory).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let mut packages: Vec<_> = names.filter_map(|id| self.find(&id)).collect();
        packages.sort_by(|a, b| (b.uploaded, &b.id).cmp(&(a.uploaded, &a.id)));
        packages
    }

    /// Returns a package.
    pub async fn get(&self, id: &str) -> Option<UploadedPackage> {
        let (store, id) = (self.clone(), id.to_owned());
        blocking(move || store.find(&id)).await
    }

    /// Finds a package by its id, also one that another process has put there.
    fn find(&self, id: &str) -> Option<UploadedPackage> {
        if id.starts_with('.') || id.contains('/') {
            return None;
        }
        let path = self.0.directory.join(id);
        let is_there = path.is_file();
        if let Some(known) = self.0.known.lock().get(id) {
            return is_there.then(|| known.package.clone());
        }
        let (_, name) = id.split_once('_')?;
        let info = if is_there { inspect(&path).ok()? } else { return None };
        let package = UploadedPackage {
            id: id.to_owned(),
            name: name.to_owned(),
            uploaded: modified(&path),
            path,
            info: info.into(),
        };
        let known = Known { package: package.clone(), blob: None };
        self.0.known.lock().insert(id.to_owned(), known);
        Some(package)
    }

    /// Returns a package and its content; `None` where there is none. Waits for disks.
    ///
    /// # Errors
    /// [`BlobError`] where it can't be kept.
    pub(crate) fn open(&self, id: &str) -> Result<Option<(UploadedPackage, Blob)>, BlobError> {
        let Some(package) = self.find(id) else { return Ok(None) };
        let kept = self.0.known.lock().get(id).and_then(|known| known.blob.clone());
        if let Some(blob) = kept {
            return Ok(Some((package, blob)));
        }
        let blob = self.0.blobs.adopt(&package.path)?;
        if let Some(known) = self.0.known.lock().get_mut(id) {
            known.blob = Some(blob.clone());
        }
        Ok(Some((package, blob)))
    }

    /// Deletes a package. Jobs that run have a copy of theirs.
    ///
    /// # Errors
    /// [`DeletePackageError`] where there is none or it can't be removed.
    pub async fn delete(&self, id: &str) -> Result<(), DeletePackageError> {
        let (store, id) = (self.clone(), id.to_owned());
        blocking(move || {
            let package = store.find(&id).ok_or_else(|| DeletePackageError::Unknown(id.clone()))?;
            let known = store.0.known.lock().remove(&id);
            drop(known);
            std::fs::remove_file(&package.path)
                .map_err(|source| DeletePackageError::Io { path: package.path, source })
        })
        .await
    }

    /// Removes what goes with the process.
    pub fn close(&self) {
        if self.0.is_temporary {
            let _ = std::fs::remove_dir_all(&self.0.directory);
            // Only where nothing else is in it.
            let _ = self.0.directory.parent().map(std::fs::remove_dir);
        }
    }
}

/// Runs what waits for disks on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // It panicked, which goes on here; nobody aborts it.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

fn modified(path: &Path) -> Timestamp {
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_millis() as Timestamp)
}

/// Makes a random UUID, version 4.
fn random_uuid() -> String {
    let bits = fastrand::u128(..);
    let bits = bits & !(0xf << 76) | 0x4 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let text = format!("{bits:032x}");
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &text[range]).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that is accepted as an executable: this very test.
    fn executable(directory: &Path) -> PathBuf {
        let path = directory.join("upload.tmp");
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        path
    }

    fn store(directory: &Path, is_temporary: bool) -> PackageStore {
        let blobs = BlobStore::open(directory, &fastrand::u64(..).to_string()).unwrap();
        PackageStore::new(directory, is_temporary, blobs.into())
    }

    #[tokio::test]
    async fn packages_are_kept_listed_and_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), true);
        assert!(store.list().await.is_empty());
        let file = executable(directory.path());
        let package = store.upload(file.clone(), "job.jar".to_owned()).await.unwrap();
        assert!(package.id.ends_with("_job.jar") && !file.exists());
        assert_eq!(store.list().await, std::slice::from_ref(&package));
        let another = self::store(directory.path(), false);
        assert_eq!(another.get(&package.id).await.unwrap().name, "job.jar");
        store.delete(&package.id).await.unwrap();
        assert!(another.get(&package.id).await.is_none());
        let gone = store.delete(&package.id).await;
        assert!(matches!(gone, Err(DeletePackageError::Unknown(_))));
        store.close();
        assert!(!store.directory().exists());
    }

    #[tokio::test]
    async fn what_is_no_package_is_refused_and_left_where_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), true);
        let file = directory.path().join("upload.tmp");
        std::fs::write(&file, "no package").unwrap();
        let error = store.upload(file.clone(), "job.jar".to_owned()).await.unwrap_err();
        assert!(error.to_string().starts_with("job.jar: "), "{error}");
        for name in ["", "../x.jar", "a/b.jar", ".hidden", "a\nb.jar"] {
            let error = store.upload(file.clone(), name.to_owned()).await.unwrap_err();
            assert!(matches!(error, UploadError::Name(_)), "{name}");
        }
        assert!(file.exists());
        assert!(store.get("../upload.tmp").await.is_none());
    }

    #[test]
    fn ids_are_uuids() {
        let id = random_uuid();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4));
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
    }
}
