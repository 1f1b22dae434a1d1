//! Jobs that have ended and whose files are being deleted, kept where the next JobManager finds
//! them: it neither runs such a job again nor leaves its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sciurus_core::config::Configuration;
use sciurus_core::ids::JobId;
use serde::{Deserialize, Serialize};

use super::{HaError, HaStore, error, read_sealed, set_aside, write_sealed};

/// A job that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedJob {
    /// The job's id.
    pub id: JobId,
    /// The URL of the directory of checkpoints in which the job's folder is.
    pub directory: String,
    /// The folders of the checkpoints that outlive it.
    pub kept: Vec<String>,
    /// What was set for the job: how its storage is reached may be part of it.
    pub configuration: Configuration,
}

impl HaStore {
    /// Remembers that a job has ended and forgets everything else about it; both are on the disk when
    /// this returns.
    ///
    /// # Errors
    /// [`HaError`] where that can't be written: nothing may be deleted then.
    pub fn put_ended(&self, job: &EndedJob) -> Result<(), HaError> {
        write_sealed(&self.ended_path(job.id), job)?;
        self.remove(job.id)
    }

    /// Returns the jobs that have ended and whose files may still be there.
    pub fn ended(&self) -> Vec<EndedJob> {
        let mut jobs = Vec::new();
        let files = fs::read_dir(&self.ended).into_iter().flatten().flatten();
        let files = files.map(|file| file.path());
        for path in files.filter(|path| path.extension() == Some("json".as_ref())) {
            match self.read_ended(&path) {
                Ok(job) => jobs.push(job),
                Err(reason) => {
                    set_aside(&path, "the files of a job that has ended can't be deleted", &reason);
                }
            }
        }
        jobs
    }

    /// Forgets a job that has ended: nothing of it is left.
    ///
    /// # Errors
    /// [`HaError`] where its file can't be removed.
    pub fn forget_ended(&self, id: JobId) -> Result<(), HaError> {
        let path = self.ended_path(id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(error("remove", &path)(source))
            }
            _ => Ok(()),
        }
    }

    fn read_ended(&self, path: &Path) -> Result<EndedJob, String> {
        let job: EndedJob = read_sealed(path)?;
        if self.ended_path(job.id) == path {
            Ok(job)
        } else {
            Err("it is another job's".to_owned())
        }
    }

    /// Forgets all else about jobs that are remembered as ended: a JobManager may have died before it
    /// did.
    pub(super) fn forget_all_that_ended(&self) {
        for EndedJob { id, .. } in self.ended() {
            if let Err(error) = self.remove(id) {
                tracing::error!("job {id} has ended, yet will be run again: {error}");
            }
        }
    }

    fn ended_path(&self, id: JobId) -> PathBuf {
        self.ended.join(format!("{id}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ha::{StoredJob, hash};

    fn ended() -> EndedJob {
        EndedJob {
            id: JobId::from_bytes([3; 16]),
            directory: "file:///checkpoints".to_owned(),
            kept: vec!["file:///checkpoints/03/chk-7".to_owned()],
            configuration: Configuration::from_pairs([("s3.endpoint", "x")]),
        }
    }

    #[test]
    fn a_job_that_has_ended_is_not_run_again_and_its_files_are_known() {
        let directory = tempfile::tempdir().unwrap();
        let package = directory.path().join("job.jar");
        fs::write(&package, "a job").unwrap();
        let store = HaStore::open(&directory.path().join("ha")).unwrap();
        let job = StoredJob {
            id: ended().id,
            package: "job.jar".to_owned(),
            sha256: hash(b"a job"),
            entry: None,
            arguments: Vec::new(),
            configuration: Configuration::new(),
            submitted_at: 1,
        };
        store.put(&job, &package).unwrap();
        store.put_ended(&ended()).unwrap();
        assert!(store.load().is_empty());
        // A JobManager that died between the two steps.
        store.put(&job, &package).unwrap();
        assert_eq!(store.ended(), [ended()]);
        assert!(store.load().is_empty());
        store.forget_ended(ended().id).unwrap();
        store.forget_ended(ended().id).unwrap();
        assert!(store.ended().is_empty());
    }

    #[test]
    fn a_damaged_note_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let store = HaStore::open(directory.path()).unwrap();
        store.put_ended(&ended()).unwrap();
        let path = store.ended_path(ended().id);
        let text = fs::read_to_string(&path).unwrap();
        for damaged in [text.replace("chk-7", "chk-8"), text[..text.len() / 2].to_owned()] {
            fs::write(&path, damaged).unwrap();
            assert!(store.ended().is_empty());
            assert!(path.with_extension("corrupt").exists() && !path.exists());
        }
    }
}
