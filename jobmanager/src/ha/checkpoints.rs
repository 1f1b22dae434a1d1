//! Which checkpoints the jobs retain, kept where the next JobManager finds them.
//!
//! One file for each job, in the same envelope as the job itself. Where it can't be read it is set
//! aside and reported, and the job's folder of checkpoints is looked through instead.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sciurus_checkpoint::store::{LoadError, LoadReason};
use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointPointer, CheckpointStore, RetainedCheckpoint, Verification,
};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::JobId;
use serde::{Deserialize, Serialize};

use super::{HaError, HaStore, VERSION, error, hash, set_aside, to_json, write_durably};

/// What is remembered of a job's checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCheckpoints {
    /// Those that are complete and retained.
    pub retained: Vec<RetainedCheckpoint>,
    /// The folders of savepoints that are being written: what they hold is deleted if the
    /// JobManager dies before they are complete.
    pub savepoints_under_way: Vec<String>,
}

/// What is known of a job's checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownCheckpoints {
    /// It has had none so far.
    None,
    /// These.
    Known(StoredCheckpoints),
    /// What was remembered can't be read.
    Lost,
}

/// The checkpoints of a job, found again.
#[derive(Clone, Debug, Default)]
pub struct RecoveredCheckpoints {
    /// Those that can be used, the oldest first.
    pub whole: Vec<(CheckpointPointer, CheckpointMetadata)>,
    /// The highest number that a checkpoint of the job is known to have had.
    pub last: CheckpointId,
    /// Whether there were checkpoints, be they usable or not: without one the job would begin anew.
    pub had_any: bool,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    /// SHA-256 of `checkpoints`, as it stands there.
    checksum: String,
    /// JSON.
    checkpoints: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    id: JobId,
    #[serde(flatten)]
    stored: StoredCheckpoints,
}

impl HaStore {
    /// Remembers a job's checkpoints, in place of what was remembered before; it is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// [`HaError`] where it can't be written.
    pub fn put_checkpoints(&self, id: JobId, stored: &StoredCheckpoints) -> Result<(), HaError> {
        let text = to_json(&Content { id, stored: stored.clone() });
        let checksum = hash(text.as_bytes());
        let bytes = to_json(&Envelope { version: VERSION, checksum, checkpoints: text });
        let _changing = self.changing.lock();
        write_durably(&self.checkpoints_path(id), |file| file.write_all(bytes.as_bytes()))
    }

    /// Returns what is remembered of a job's checkpoints. What can't be read is set aside with the
    /// ending `.corrupt`.
    pub fn checkpoints(&self, id: JobId) -> KnownCheckpoints {
        let path = self.checkpoints_path(id);
        match read(&path, id) {
            Ok(Some(stored)) => KnownCheckpoints::Known(stored),
            Ok(None) => KnownCheckpoints::None,
            Err(reason) => {
                set_aside(&path, "the list of a job's checkpoints can't be read", &reason);
                KnownCheckpoints::Lost
            }
        }
    }

    /// Finds a job's checkpoints again: those that are remembered or, where that can't be read or
    /// none of them is usable, those that lie in its folder. What savepoints have left that were
    /// being written is deleted.
    ///
    /// # Errors
    /// [`LoadError`] where the storage fails, so that it isn't known whether a checkpoint is whole:
    /// it must be tried again, as going on from an older one would repeat what was done since.
    pub fn recover_checkpoints(
        &self,
        id: JobId,
        store: &CheckpointStore,
    ) -> Result<RecoveredCheckpoints, LoadError> {
        let failed = |error| LoadError {
            path: store.layout().folder().to_string(),
            reason: LoadReason::Storage(error),
        };
        let known = self.checkpoints(id);
        let stored = match &known {
            KnownCheckpoints::Known(stored) => stored.clone(),
            KnownCheckpoints::None | KnownCheckpoints::Lost => StoredCheckpoints::default(),
        };
        for folder in &stored.savepoints_under_way {
            if let Err(error) = store.discard_incomplete(folder) {
                tracing::warn!("what a savepoint has left that wasn't completed stays: {error}");
            }
        }
        let mut whole = store.load_retained(&stored.retained, Verification::Files)?.whole;
        let is_lost = known == KnownCheckpoints::Lost;
        if whole.is_empty() && (is_lost || !stored.retained.is_empty()) {
            let found = store.scan().map_err(failed)?;
            tracing::warn!(
                "{} checkpoints of job {id} were found in {}",
                found.len(),
                store.layout().folder()
            );
            whole = store.load_retained(&found, Verification::Files)?.whole;
        }
        let remembered = stored.retained.iter().map(|checkpoint| checkpoint.id);
        let in_folder = store.highest_id().map_err(failed)?;
        let last = remembered.chain(in_folder).max().unwrap_or_default();
        let had_any = is_lost || !stored.retained.is_empty() || !whole.is_empty();
        Ok(RecoveredCheckpoints { whole, last, had_any })
    }

    /// Forgets the checkpoints of a job that is forgotten.
    pub(super) fn forget_checkpoints(&self, id: JobId) -> Result<(), HaError> {
        let path = self.checkpoints_path(id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(error("remove", &path)(source))
            }
            _ => Ok(()),
        }
    }

    /// Forgets the checkpoints of jobs that are not there any more.
    pub(super) fn forget_checkpoints_of_no_job(&self) {
        let files = fs::read_dir(&self.checkpoints).into_iter().flatten().flatten();
        for path in files.map(|file| file.path()) {
            let id = path.file_stem().and_then(|name| name.to_str()?.parse::<JobId>().ok());
            if id.is_some_and(|id| !self.job_path(id).exists())
                && path.extension() == Some("json".as_ref())
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!("can't remove {}: {error}", path.display());
            }
        }
    }

    fn checkpoints_path(&self, id: JobId) -> PathBuf {
        self.checkpoints.join(format!("{id}.json"))
    }
}

fn read(path: &Path, id: JobId) -> Result<Option<StoredCheckpoints>, String> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| error.to_string())?,
    };
    let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if envelope.version != VERSION {
        return Err(format!("its version is {}, not {VERSION}", envelope.version));
    }
    if envelope.checksum != hash(envelope.checkpoints.as_bytes()) {
        return Err("its checksum is wrong".to_owned());
    }
    let content: Content =
        serde_json::from_str(&envelope.checkpoints).map_err(|error| error.to_string())?;
    if content.id == id { Ok(Some(content.stored)) } else { Err("it is another job's".to_owned()) }
}

#[cfg(test)]
mod tests {
    use sciurus_checkpoint::{Storage, StorageOptions};
    use sciurus_core::checkpoint::SnapshotKind;

    use super::*;

    fn id() -> JobId {
        JobId::from_bytes([7; 16])
    }

    /// A store, checkpoints 1 to `count` of the job, and what is to be remembered of them.
    fn checkpoints(count: u64) -> (tempfile::TempDir, HaStore, CheckpointStore, StoredCheckpoints) {
        let directory = tempfile::tempdir().unwrap();
        let ha = HaStore::open(&directory.path().join("ha")).unwrap();
        let root = directory.path().join("ck").display().to_string();
        let storage = Storage::new(&StorageOptions::default());
        let store = CheckpointStore::new(storage, &root, id()).unwrap();
        let mut stored = StoredCheckpoints::default();
        for number in 1..=count {
            let metadata = CheckpointMetadata {
                job: id(),
                job_name: "job".to_owned(),
                id: CheckpointId(number),
                kind: SnapshotKind::Checkpoint,
                timestamp: 1,
                exclusive: store.layout().exclusive(CheckpointId(number)),
                operators: Vec::new(),
            };
            let pointer = store.write(&metadata).unwrap();
            stored.retained.push(RetainedCheckpoint::new(&metadata, &pointer));
        }
        (directory, ha, store, stored)
    }

    fn found(ha: &HaStore, store: &CheckpointStore) -> (Vec<u64>, u64) {
        let recovered = ha.recover_checkpoints(id(), store).unwrap();
        let whole = recovered.whole.iter().map(|(_, metadata)| metadata.id.0).collect();
        (whole, recovered.last.0)
    }

    #[test]
    fn what_was_remembered_is_found_again() {
        let (_directory, ha, store, mut stored) = checkpoints(3);
        assert_eq!(ha.checkpoints(id()), KnownCheckpoints::None);
        // Nothing was acknowledged: what lies there doesn't count, but for the next number.
        assert_eq!(found(&ha, &store), (vec![], 3));
        stored.retained.remove(0);
        ha.put_checkpoints(id(), &stored).unwrap();
        assert_eq!(ha.checkpoints(id()), KnownCheckpoints::Known(stored.clone()));
        assert_eq!(found(&ha, &store), (vec![2, 3], 3));
        store.delete_checkpoint(&stored.retained[1].pointer()).unwrap();
        assert_eq!(found(&ha, &store), (vec![2], 3));
    }

    #[test]
    fn a_list_that_is_damaged_is_set_aside_and_the_folder_looked_through() {
        let (directory, ha, store, stored) = checkpoints(3);
        let path = ha.checkpoints_path(id());
        ha.put_checkpoints(id(), &stored).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for damaged in [
            text.replace("chk-2", "chk-9"),
            text[..text.len() / 2].to_owned(),
            text.replace("\"version\":1", "\"version\":9"),
            String::new(),
        ] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(found(&ha, &store), (vec![1, 2, 3], 3));
            assert!(path.with_extension("corrupt").exists() && !path.exists());
        }
        // All that is remembered is gone.
        let mut gone = stored.clone();
        gone.retained.truncate(1);
        ha.put_checkpoints(id(), &gone).unwrap();
        store.delete_checkpoint(&gone.retained[0].pointer()).unwrap();
        assert_eq!(found(&ha, &store), (vec![2, 3], 3));
        drop(directory);
    }

    #[test]
    fn what_a_savepoint_has_left_goes_unless_it_is_whole() {
        let (directory, ha, store, mut stored) = checkpoints(1);
        let folder = |name: &str| directory.path().join(name);
        for name in ["half", "whole"] {
            fs::create_dir(folder(name)).unwrap();
            fs::write(folder(name).join("a"), "state").unwrap();
            stored.savepoints_under_way.push(folder(name).display().to_string());
        }
        fs::write(folder("whole").join("_metadata"), "metadata").unwrap();
        ha.put_checkpoints(id(), &stored).unwrap();
        assert_eq!(found(&ha, &store), (vec![1], 1));
        assert!(!folder("half").exists() && folder("whole").join("a").exists());
    }

    #[test]
    fn checkpoints_are_forgotten_with_their_job() {
        let (_directory, ha, _, stored) = checkpoints(1);
        ha.put_checkpoints(id(), &stored).unwrap();
        ha.remove(id()).unwrap();
        assert_eq!(ha.checkpoints(id()), KnownCheckpoints::None);
        // A JobManager that died in between.
        ha.put_checkpoints(id(), &stored).unwrap();
        ha.load();
        assert_eq!(ha.checkpoints(id()), KnownCheckpoints::None);
    }
}
