//! Accepted jobs, kept where the next JobManager finds them.
//!
//! One file for each job, JSON within an envelope that has a version and a checksum, and each
//! package once, by its SHA-256; [`checkpoints`] has what is remembered of its checkpoints. A file is written under another name, synced and renamed, so it is
//! there as a whole or not at all. [`ended`] has those that have ended and whose files are not all
//! deleted. What can't be read is set aside and reported: a broken entry
//! must not keep the others from running.

mod checkpoints;
mod ended;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sciurus_core::config::Configuration;
use sciurus_core::ids::JobId;
use sciurus_core::time::Timestamp;
use sciurus_package::{Sha256Digest, sha256_of_file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use checkpoints::{KnownCheckpoints, RecoveredCheckpoints, StoredCheckpoints};
pub use ended::EndedJob;

/// The version of the files.
const VERSION: u32 = 1;

/// Says why a job can't be kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "can't {action} {}: {source}; check that high-availability.storageDir can be written to and has \
     room", path.display()
)]
pub struct HaError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A job that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredJob {
    /// The job's id.
    pub id: JobId,
    /// The name of its package.
    pub package: String,
    /// The package's SHA-256.
    pub sha256: String,
    /// The job of the package that was asked for.
    pub entry: Option<String>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What was set for it.
    pub configuration: Configuration,
    /// When it was submitted, milliseconds since the epoch.
    pub submitted_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    /// SHA-256 of `job`, as it stands there.
    checksum: String,
    /// JSON.
    job: String,
}

/// The directory in which accepted jobs are kept. All functions wait for disks.
#[derive(Clone, Debug)]
pub struct HaStore {
    jobs: PathBuf,
    packages: PathBuf,
    checkpoints: PathBuf,
    ended: PathBuf,
    /// Held while a job is kept or forgotten: its package must not go when another job comes that
    /// has found it there.
    changing: Arc<Mutex<()>>,
}

impl HaStore {
    /// Uses a directory, and makes it where it isn't there.
    ///
    /// # Errors
    /// [`HaError`] where it can't be made.
    pub fn open(directory: &Path) -> Result<Self, HaError> {
        let store = Self {
            jobs: directory.join("jobs"),
            packages: directory.join("packages"),
            checkpoints: directory.join("checkpoints"),
            ended: directory.join("ended"),
            changing: Arc::default(),
        };
        for path in [&store.jobs, &store.packages, &store.checkpoints, &store.ended] {
            fs::create_dir_all(path).map_err(error("make the directory", path))?;
        }
        Ok(store)
    }

    /// Keeps a job and its package; both are on the disk when this returns.
    ///
    /// # Errors
    /// [`HaError`] where they can't be written.
    pub fn put(&self, job: &StoredJob, package: &Path) -> Result<(), HaError> {
        let _changing = self.changing.lock();
        let stored = self.package_path(&job.sha256);
        if !stored.exists() {
            let mut source = File::open(package).map_err(error("read", package))?;
            write_durably(&stored, |file| io::copy(&mut source, file).map(drop))?;
        }
        self.write(job)
    }

    /// Keeps another configuration of a job than it was submitted with. A job that isn't kept is
    /// left alone.
    ///
    /// # Errors
    /// [`HaError`] where it can't be written.
    pub fn set_configuration(
        &self,
        id: JobId,
        configuration: &Configuration,
    ) -> Result<(), HaError> {
        let _changing = self.changing.lock();
        match self.read(&self.job_path(id)) {
            Ok(job) => self.write(&StoredJob { configuration: configuration.clone(), ..job }),
            Err(_) => Ok(()),
        }
    }

    fn write(&self, job: &StoredJob) -> Result<(), HaError> {
        write_sealed(&self.job_path(job.id), job)
    }

    /// Forgets a job that has ended, its checkpoints, and its package unless another job needs it.
    ///
    /// # Errors
    /// [`HaError`] where the job's file can't be removed: the next JobManager would run it again.
    pub fn remove(&self, id: JobId) -> Result<(), HaError> {
        let _changing = self.changing.lock();
        let path = self.job_path(id);
        let sha256 = self.read(&path).map(|job| job.sha256);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(error("remove", &path)(source));
            }
            _ => {}
        }
        self.forget_checkpoints(id)?;
        if let Ok(sha256) = sha256 {
            let is_needed =
                self.files().any(|path| self.read(&path).is_ok_and(|job| job.sha256 == sha256));
            if !is_needed {
                let _ = fs::remove_file(self.package_path(&sha256));
            }
        }
        Ok(())
    }

    /// Returns all jobs that are kept, in the order in which they were submitted, each with the
    /// path of its package, and forgets those that have ended. What can't be used is set aside with
    /// the ending `.corrupt`.
    pub fn load(&self) -> Vec<(StoredJob, PathBuf)> {
        self.forget_all_that_ended();
        let mut jobs = Vec::new();
        for path in self.files() {
            match self.read(&path).and_then(|job| self.check_package(&job).map(|p| (job, p))) {
                Ok(job) => jobs.push(job),
                Err(reason) => set_aside(&path, "an accepted job can't be run again", &reason),
            }
        }
        self.forget_checkpoints_of_no_job();
        jobs.sort_by_key(|(job, _)| (job.submitted_at, job.id));
        jobs
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let files = fs::read_dir(&self.jobs).into_iter().flatten().flatten();
        files.map(|file| file.path()).filter(|path| path.extension() == Some("json".as_ref()))
    }

    fn read(&self, path: &Path) -> Result<StoredJob, String> {
        let job: StoredJob = read_sealed(path)?;
        // It becomes part of a path.
        job.sha256.parse::<Sha256Digest>().map_err(|()| "its package has no hash".to_owned())?;
        if self.job_path(job.id) == path { Ok(job) } else { Err("it is another job's".to_owned()) }
    }

    fn check_package(&self, job: &StoredJob) -> Result<PathBuf, String> {
        let path = self.package_path(&job.sha256);
        let (found, _) = sha256_of_file(&path).map_err(|error| error.to_string())?;
        if found.to_string() == job.sha256 {
            Ok(path)
        } else {
            Err(format!("its package {} has changed", path.display()))
        }
    }

    fn job_path(&self, id: JobId) -> PathBuf {
        self.jobs.join(format!("{id}.json"))
    }

    fn package_path(&self, sha256: &str) -> PathBuf {
        self.packages.join(sha256)
    }
}

/// Writes what there is to know of a job, with its checksum; it is on the disk when this returns.
fn write_sealed(path: &Path, job: &impl Serialize) -> Result<(), HaError> {
    let text = to_json(job);
    let envelope = Envelope { version: VERSION, checksum: hash(text.as_bytes()), job: text };
    let bytes = to_json(&envelope);
    write_durably(path, |file| file.write_all(bytes.as_bytes()))
}

/// Reads what [`write_sealed`] wrote, or says why it can't be used.
fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if envelope.version != VERSION {
        return Err(format!("its version is {}, not {VERSION}", envelope.version));
    }
    if envelope.checksum != hash(envelope.job.as_bytes()) {
        return Err("its checksum is wrong".to_owned());
    }
    serde_json::from_str(&envelope.job).map_err(|error| error.to_string())
}

/// Renames a file that can't be used, and reports it.
fn set_aside(path: &Path, what: &str, reason: &str) {
    let aside = path.with_extension("corrupt");
    tracing::error!("{what}: {}: {reason}; it is set aside as {}", path.display(), aside.display());
    if let Err(error) = fs::rename(path, &aside) {
        tracing::error!("can't rename {}: {error}", path.display());
    }
}

fn write_durably(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), HaError> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial).map_err(error("write", &partial))?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&partial, path));
    // The directory, too, has to be on the disk.
    let synced = renamed.and_then(|()| match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    });
    synced.map_err(|source| {
        let _ = fs::remove_file(&partial);
        error("write", path)(source)
    })
}

fn error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HaError {
    let path = path.to_owned();
    move |source| HaError { action, path, source }
}

fn to_json(value: &impl Serialize) -> String {
    let Ok(text) = serde_json::to_string(value) else {
        unreachable!("an accepted job holds nothing that JSON can't")
    };
    text
}

fn hash(bytes: &[u8]) -> String {
    Sha256Digest(Sha256::digest(bytes).into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, HaStore, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let package = directory.path().join("job.jar");
        fs::write(&package, "a job").unwrap();
        let store = HaStore::open(&directory.path().join("ha")).unwrap();
        (directory, store, package)
    }

    fn job(number: u8, at: Timestamp) -> StoredJob {
        StoredJob {
            id: JobId::from_bytes([number; 16]),
            package: "job.jar".to_owned(),
            sha256: hash(b"a job"),
            entry: Some("word-count".to_owned()),
            arguments: vec!["--input".to_owned(), "x".to_owned()],
            configuration: Configuration::from_pairs([("parallelism.default", "2")]),
            submitted_at: at,
        }
    }

    #[test]
    fn jobs_come_back_in_their_order_until_they_end() {
        let (_directory, store, package) = store();
        store.put(&job(1, 20), &package).unwrap();
        store.put(&job(2, 10), &package).unwrap();
        let stored: Vec<_> = store.load().into_iter().map(|(job, _)| job).collect();
        assert_eq!(stored, [job(2, 10), job(1, 20)]);
        store.remove(job(1, 0).id).unwrap();
        let (left, path) = store.load().pop().unwrap();
        assert_eq!((left.id, fs::read(&path).unwrap()), (job(2, 0).id, b"a job".to_vec()));
        store.remove(job(2, 0).id).unwrap();
        store.remove(job(2, 0).id).unwrap();
        assert!(store.load().is_empty() && !path.exists());
    }

    #[test]
    fn what_is_broken_is_set_aside_and_the_others_run() {
        let (_directory, store, package) = store();
        for number in 1..=5 {
            store.put(&job(number, 1), &package).unwrap();
        }
        let path = |number| store.job_path(job(number, 1).id);
        let text = fs::read_to_string(path(1)).unwrap();
        fs::write(path(1), text.replace("word-count", "word-cuont")).unwrap();
        fs::write(path(2), &text[..text.len() / 2]).unwrap();
        fs::write(path(3), text.replace("\"version\":1", "\"version\":9")).unwrap();
        fs::copy(path(5), path(4)).unwrap();
        let ids: Vec<_> = store.load().into_iter().map(|(job, _)| job.id).collect();
        assert_eq!(ids, [job(5, 1).id]);
        assert!(path(1).with_extension("corrupt").exists());
        fs::write(store.package_path(&job(5, 1).sha256), "another").unwrap();
        assert!(store.load().is_empty());
    }
}
