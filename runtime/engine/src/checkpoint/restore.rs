//! What the operators of a task are restored from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use sciurus_checkpoint::storage::{StateReader, StorageError, StorageErrorKind};
use sciurus_checkpoint::{
    KeyedStateHandle, OperatorRestore, OperatorStateHandle, StateData, SubtaskRestore,
};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{OperatorId, TriggerId};
use sciurus_core::key::KeyGroupRange;
use sciurus_state::operator::redistribute;
use sciurus_state::{
    BackendConfig, BackendError, KeyedBackend, OperatorSnapshot, RestoreInput, SharedFiles,
    SnapshotError,
};

use super::services::CheckpointServices;
use super::writes::KnownFiles;
use super::{StateOwner, StateProvider};
use crate::error::{TaskError, TaskResult};

/// How many files of one operator are fetched at a time.
const PARALLEL_FETCHES: usize = 4;

/// Bytes of a file that are fetched at a time.
const COPY_BYTES: usize = 256 * 1024;

/// State that lies in a checkpoint, or starts anew, of an operator whose checkpoints are taken.
#[derive(Debug)]
pub struct StoredState {
    services: Arc<CheckpointServices>,
    operator: OperatorId,
    subtask: u32,
    parallelism: u32,
    is_checkpointed: bool,
    /// The checkpoint, and what it holds of the operator.
    restored: Option<(CheckpointId, OperatorRestore)>,
}

impl StoredState {
    /// Makes the state of an operator of subtask `subtask` of `parallelism`, which is restored from
    /// `restore` where there is something; `is_checkpointed` says whether checkpoints are taken.
    pub fn new(
        services: Arc<CheckpointServices>,
        (subtask, parallelism): (u32, u32),
        is_checkpointed: bool,
        operator: OperatorId,
        restore: Option<&SubtaskRestore>,
    ) -> Self {
        let restored = restore.map(|restore| {
            let state = restore.operators.get(&operator).cloned().unwrap_or_default();
            (restore.checkpoint, state)
        });
        Self { services, operator, subtask, parallelism, is_checkpointed, restored }
    }
}

impl StateProvider for StoredState {
    fn keyed_backend(&self, config: BackendConfig) -> TaskResult<KeyedBackend> {
        let mut inputs = Vec::new();
        let mut path = String::new();
        if let Some((checkpoint, restore)) = &self.restored {
            let range = config.range;
            for handle in restore.keyed.iter().filter(|handle| overlaps(handle.range(), range)) {
                inputs.push(self.input(*checkpoint, handle)?);
                path = place_of_keyed(handle);
            }
        }
        let created = KeyedBackend::create(self.services.backend(), config, inputs);
        created.map_err(|error| self.backend_error(error, &path))
    }

    fn operator_state(&self) -> TaskResult<Option<OperatorSnapshot>> {
        let Some((checkpoint, restore)) = &self.restored else { return Ok(None) };
        let is_own = restore.old_parallelism == self.parallelism
            && restore.operator.values().all(|handle| !handle.has_union);
        if is_own {
            let own = restore.operator.get(&self.subtask);
            return own.map(|handle| self.read_operator(*checkpoint, handle)).transpose();
        }
        // Those that had none count as well: shares go by how many there were.
        let former = (0..restore.old_parallelism).map(|subtask| {
            let handle = restore.operator.get(&subtask);
            let read = handle.map(|handle| self.read_operator(*checkpoint, handle)).transpose();
            read.map(Option::unwrap_or_default)
        });
        let former = former.collect::<TaskResult<Vec<_>>>()?;
        let mut shares = redistribute(&former, self.parallelism as usize).into_iter();
        Ok(shares.nth(self.subtask as usize))
    }

    fn is_restored(&self) -> bool {
        self.restored.is_some()
    }

    fn is_checkpointed(&self) -> bool {
        self.is_checkpointed
    }

    fn owner(&self) -> Option<StateOwner> {
        Some(StateOwner { job: self.services.job(), operator: self.operator })
    }
}

impl StoredState {
    fn input(
        &self,
        checkpoint: CheckpointId,
        handle: &KeyedStateHandle,
    ) -> TaskResult<RestoreInput> {
        match handle {
            KeyedStateHandle::Snapshot { data, .. } => {
                let reader = self.open(checkpoint, data)?;
                Ok(RestoreInput::Snapshot(Box::new(BufReader::with_capacity(COPY_BYTES, reader))))
            }
            KeyedStateHandle::Incremental { range, metadata, shared, private } => {
                let metadata = self.read(checkpoint, metadata)?;
                let shared = shared
                    .iter()
                    .map(|(name, file)| (name.as_str(), StateData::File(file.clone())));
                let private = private.iter().map(|(name, data)| (name.as_str(), data.clone()));
                let files = shared.chain(private).collect::<Vec<_>>();
                let folder =
                    self.services.scratch().join(format!("restore-{}", TriggerId::random()));
                if let Err(error) = self.fetch(checkpoint, &files, &folder) {
                    // It lies in the scratch folder: at the latest it goes with the process.
                    let _ = fs::remove_dir_all(&folder);
                    return Err(error);
                }
                Ok(RestoreInput::Files { range: *range, metadata, folder })
            }
        }
    }

    fn open(&self, checkpoint: CheckpointId, data: &StateData) -> TaskResult<StateReader> {
        let reader = self.services.storage().read_data(data);
        reader.map_err(|error| unreadable(checkpoint, &error))
    }

    fn read(&self, checkpoint: CheckpointId, data: &StateData) -> TaskResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.open(checkpoint, data)?.read_to_end(&mut bytes);
        read.map_err(|error| io_error(checkpoint, &place_of(data), &error))?;
        Ok(bytes)
    }

    /// Fetches files into `folder`, several at a time.
    fn fetch(
        &self,
        checkpoint: CheckpointId,
        files: &[(&str, StateData)],
        folder: &Path,
    ) -> TaskResult {
        fs::create_dir_all(folder).map_err(|error| local_error(folder, &error))?;
        let (next, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let failure = Mutex::new(None);
        let fetch_some = || {
            while !has_failed.load(Ordering::Relaxed) {
                let Some((name, data)) = files.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    return;
                };
                if let Err(error) = self.fetch_one(checkpoint, data, &folder.join(name)) {
                    has_failed.store(true, Ordering::Relaxed);
                    failure.lock().get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            let helpers = files.len().min(PARALLEL_FETCHES).saturating_sub(1);
            for number in 0..helpers {
                let name = format!("checkpoint-reader-{number}");
                // Where there is no further thread, those that there are do it.
                let _ = thread::Builder::new().name(name).spawn_scoped(scope, fetch_some);
            }
            fetch_some();
        });
        failure.into_inner().map_or(Ok(()), Err)
    }

    fn fetch_one(&self, checkpoint: CheckpointId, data: &StateData, path: &Path) -> TaskResult {
        let mut from = self.open(checkpoint, data)?;
        let mut file = File::create(path).map_err(|error| local_error(path, &error))?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = from.read(&mut buffer);
            let read = read.map_err(|error| io_error(checkpoint, &place_of(data), &error))?;
            if read == 0 {
                return Ok(());
            }
            file.write_all(&buffer[..read]).map_err(|error| local_error(path, &error))?;
        }
    }

    fn read_operator(
        &self,
        checkpoint: CheckpointId,
        handle: &OperatorStateHandle,
    ) -> TaskResult<OperatorSnapshot> {
        let bytes = self.read(checkpoint, &handle.data)?;
        OperatorSnapshot::from_bytes(&bytes)
            .map_err(|error| snapshot_error(checkpoint, &place_of(&handle.data), &error))
    }

    fn backend_error(&self, error: BackendError, path: &str) -> TaskError {
        match (error, &self.restored) {
            (BackendError::Snapshot(error), Some((checkpoint, _))) => {
                snapshot_error(*checkpoint, path, &error)
            }
            (error, _) => TaskError::Restore { reason: error.to_string().into() },
        }
    }
}

/// Returns the shared files that the operators of a task were restored from: checkpoints to come may
/// refer to them.
pub fn known_files(restore: Option<&SubtaskRestore>, range: KeyGroupRange) -> KnownFiles {
    let mut known = BTreeMap::new();
    for (operator, restore) in restore.into_iter().flat_map(|restore| &restore.operators) {
        // Files of other key groups are made anew by the backend that has read them.
        if let [KeyedStateHandle::Incremental { range: found, shared, .. }] = &*restore.keyed
            && *found == range
        {
            known.insert(*operator, SharedFiles::restored(shared.clone()));
        }
    }
    known
}

fn overlaps(one: KeyGroupRange, other: KeyGroupRange) -> bool {
    one.start < other.end && other.start < one.end
}

fn place_of_keyed(handle: &KeyedStateHandle) -> String {
    match handle {
        KeyedStateHandle::Snapshot { data, .. } => place_of(data),
        KeyedStateHandle::Incremental { metadata, .. } => place_of(metadata),
    }
}

/// Names where state lies.
fn place_of(data: &StateData) -> String {
    match data {
        StateData::File(file) => file.url.to_string(),
        StateData::Inline(_) => "what the checkpoint's _metadata holds itself".to_owned(),
    }
}

fn local_error(path: &Path, error: &io::Error) -> TaskError {
    let reason = format!("can't write {}: {error}", path.display());
    TaskError::Restore { reason: reason.into() }
}

/// Says that state can't be read: for now, or at all, so that an earlier checkpoint is needed.
fn unreadable(checkpoint: CheckpointId, error: &StorageError) -> TaskError {
    let reason = error.to_string().into();
    match error.kind() {
        StorageErrorKind::NotFound | StorageErrorKind::Changed => {
            TaskError::CheckpointUnreadable { checkpoint, reason }
        }
        _ => TaskError::Restore { reason },
    }
}

fn snapshot_error(checkpoint: CheckpointId, path: &str, error: &SnapshotError) -> TaskError {
    let reason = format!("{path}: {error}").into();
    match error {
        SnapshotError::NotASnapshot
        | SnapshotError::Checksum { .. }
        | SnapshotError::Corrupt { .. } => TaskError::CheckpointUnreadable { checkpoint, reason },
        SnapshotError::Io(error) => io_error(checkpoint, path, error),
        _ => TaskError::Restore { reason },
    }
}

fn io_error(checkpoint: CheckpointId, path: &str, error: &io::Error) -> TaskError {
    let storage = error.get_ref().and_then(|error| error.downcast_ref::<StorageError>());
    let reason = || format!("{path}: {error}").into();
    match storage {
        Some(storage) => unreadable(checkpoint, storage),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            TaskError::CheckpointUnreadable { checkpoint, reason: reason() }
        }
        None => TaskError::Restore { reason: reason() },
    }
}
