//! Packages: fetched from the JobManager once, checked, unpacked, kept for the next job.

mod fetch;
mod retention;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_package::limits::MAX_PACKAGE_BYTES;
use sciurus_package::{ExtractOptions, PackageError, Platform, Sha256Digest};
use sciurus_rpc::{convert, proto};
use tokio::sync::OnceCell;
use tracing::{debug, info, warn};

pub(crate) use fetch::Blobs;

/// Says which package is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackageId {
    pub(crate) sha256: Sha256Digest,
    pub(crate) size_bytes: u64,
    /// What it is called, for messages.
    pub(crate) name: String,
}

impl PackageId {
    /// Reads it from a message.
    pub(crate) fn read(package: &proto::Package) -> Result<Self, FetchError> {
        let sha256 =
            convert::fixed(&package.sha256, "package's hash").map_err(|_| FetchError::Message)?;
        Ok(Self {
            sha256: Sha256Digest(sha256),
            size_bytes: package.size_bytes,
            name: package.name.chars().take(100).collect(),
        })
    }
}

/// Says why there is no executable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the JobManager's message names no package")]
    Message,
    #[error("the package {name} can't be fetched from the JobManager: {reason}")]
    Fetch { name: String, reason: String },
    #[error("the package {name} arrived damaged: {reason}")]
    Damaged { name: String, reason: String },
    #[error("the package {name} has {size_bytes} bytes where {MAX_PACKAGE_BYTES} is the most")]
    TooLarge { name: String, size_bytes: u64 },
    #[error("the package {name} can't be used: {source}")]
    Package { name: String, source: PackageError },
}

impl FetchError {
    /// Describes it as the reason for which a worker could not be started.
    pub(crate) fn to_cause(&self) -> FailureCause {
        match self {
            Self::Message => FailureCause::new(Fault::Bug, "InvalidPackage", self.to_string()),
            Self::Fetch { .. } | Self::Damaged { .. } => {
                FailureCause::new(Fault::Environment, "PackageUnavailable", self.to_string())
            }
            Self::Package { source, .. } if !source.is_of_package() => {
                FailureCause::new(Fault::Environment, "PackageUnavailable", self.to_string())
            }
            Self::Package { .. } | Self::TooLarge { .. } => {
                FailureCause::new(Fault::User, "InvalidPackage", self.to_string()).not_retriable()
            }
        }
    }
}

/// An executable that is ready to be started. It stays where it is while this is held.
#[derive(Debug)]
pub(crate) struct CachedExecutable {
    pub(crate) path: PathBuf,
    /// How much of the cache it takes.
    size_bytes: u64,
}

#[derive(Default)]
struct Entry {
    /// Set by whoever comes first; the others wait for that.
    executable: Arc<OnceCell<Arc<CachedExecutable>>>,
    /// Counts uses: the greatest number was used last.
    last_used: u64,
}

/// The packages that have been fetched, by their hash, in a directory of its own.
pub(crate) struct PackageCache {
    directory: PathBuf,
    limit_bytes: u64,
    options: ExtractOptions,
    platform: Platform,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_hash: HashMap<Sha256Digest, Entry>,
    uses: u64,
}

impl PackageCache {
    /// Makes a cache in an empty directory.
    pub(crate) fn new(directory: PathBuf, limit_bytes: u64, options: ExtractOptions) -> Self {
        let platform = Platform::current();
        Self { directory, limit_bytes, options, platform, entries: Mutex::default() }
    }

    /// Returns a package's executable. It is fetched where it isn't there yet; whoever wants the
    /// same meanwhile waits for it.
    pub(crate) async fn executable(
        &self,
        package: &PackageId,
        blobs: &impl Blobs,
    ) -> Result<Arc<CachedExecutable>, FetchError> {
        if package.size_bytes > MAX_PACKAGE_BYTES {
            let (name, size_bytes) = (package.name.clone(), package.size_bytes);
            return Err(FetchError::TooLarge { name, size_bytes });
        }
        let cell = {
            let mut entries = self.entries.lock();
            entries.uses += 1;
            let uses = entries.uses;
            let entry = entries.by_hash.entry(package.sha256).or_default();
            entry.last_used = uses;
            Arc::clone(&entry.executable)
        };
        let executable = cell.get_or_try_init(|| self.fetch(package, blobs)).await.map(Arc::clone);
        drop(cell);
        match executable {
            Ok(executable) if executable.path.exists() => {
                self.clean();
                Ok(executable)
            }
            Ok(executable) => {
                // Somebody has cleaned up below us, or the machine's executable is gone.
                self.entries.lock().by_hash.remove(&package.sha256);
                let reason = format!("{} has disappeared", executable.path.display());
                Err(FetchError::Damaged { name: package.name.clone(), reason })
            }
            Err(error) => {
                let mut entries = self.entries.lock();
                let unused = entries.by_hash.get(&package.sha256).is_some_and(|entry| {
                    entry.executable.get().is_none() && Arc::strong_count(&entry.executable) == 1
                });
                if unused {
                    entries.by_hash.remove(&package.sha256);
                }
                Err(error)
            }
        }
    }

    async fn fetch(
        &self,
        package: &PackageId,
        blobs: &impl Blobs,
    ) -> Result<Arc<CachedExecutable>, FetchError> {
        let begun = Instant::now();
        let target = self.directory.join(package.sha256.to_string());
        let mut result = fetch::fetch(package, blobs, &target, &self.platform, &self.options).await;
        // What the network has damaged may come whole the second time.
        if matches!(result, Err(FetchError::Damaged { .. })) {
            result = fetch::fetch(package, blobs, &target, &self.platform, &self.options).await;
        }
        let (path, size_bytes) = result?;
        let took = begun.elapsed().min(Duration::from_secs(u64::from(u32::MAX)));
        info!(
            package = package.name, sha256 = %package.sha256, bytes = package.size_bytes,
            took_ms = took.as_millis() as u64, "fetched a package"
        );
        Ok(Arc::new(CachedExecutable { path, size_bytes }))
    }

    /// Removes what was used least recently and by nobody now, until the rest fits.
    fn clean(&self) {
        let mut entries = self.entries.lock();
        let kept = entries.by_hash.iter().filter_map(|(hash, entry)| {
            // Those of the machine are not in the cache.
            let executable = entry.executable.get().filter(|found| found.size_bytes > 0)?;
            Some(retention::Kept {
                key: *hash,
                size_bytes: executable.size_bytes,
                last_used: entry.last_used,
                // One is the cell's own.
                in_use: Arc::strong_count(executable) > 1
                    || Arc::strong_count(&entry.executable) > 1,
            })
        });
        for hash in retention::superfluous(kept.collect(), self.limit_bytes) {
            entries.by_hash.remove(&hash);
            let path = self.directory.join(hash.to_string());
            debug!(sha256 = %hash, "removing a package from the cache");
            if let Err(error) = fs::remove_dir_all(&path) {
                warn!(path = %path.display(), %error, "can't remove a package from the cache");
            }
        }
    }
}

#[cfg(test)]
mod tests;
