//! Writes the parts of one task's snapshot.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use sciurus_checkpoint::storage::StorageError;
use sciurus_checkpoint::{
    KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateData, StateFile, SubtaskState,
};
use sciurus_core::checkpoint::{CheckpointBarrier, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{OperatorId, TriggerId};
use sciurus_core::key::KeyGroupRange;
use sciurus_state::operator::Redistribution;
use sciurus_state::{KeyedSnapshot, OperatorSnapshot, SnapshotError, SnapshotFile, SnapshotFiles};

use super::OperatorPart;
use super::services::CheckpointServices;
use super::writes::KnownFiles;

/// Why a snapshot isn't in storage.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Nobody wants it any more.
    #[error("the checkpoint was given up")]
    GivenUp,
    /// State can't be put into its file form.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    /// The storage failed.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// A file of the state backend can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The code that reads or writes state panicked.
    #[error("writing the snapshot {0}")]
    Panic(String),
}

/// Bytes of a backend's file that are copied at a time.
const COPY_BYTES: usize = 256 * 1024;

/// Writes the files of one snapshot, and knows which there are.
pub(super) struct Writer<'a> {
    services: &'a CheckpointServices,
    barrier: &'a CheckpointBarrier,
    range: KeyGroupRange,
    known: &'a Mutex<KnownFiles>,
    given_up: &'a AtomicBool,
    /// The files that were made for this snapshot.
    files: Vec<Arc<str>>,
    written_bytes: u64,
    /// All shared files that the snapshot refers to.
    shared: BTreeMap<OperatorId, BTreeMap<String, StateFile>>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        services: &'a CheckpointServices,
        barrier: &'a CheckpointBarrier,
        range: KeyGroupRange,
        known: &'a Mutex<KnownFiles>,
        given_up: &'a AtomicBool,
    ) -> Self {
        let (files, shared) = (Vec::new(), BTreeMap::new());
        Self { services, barrier, range, known, given_up, files, written_bytes: 0, shared }
    }

    /// Writes all parts; each is let go of as soon as it is written.
    pub(super) fn write(&mut self, parts: Vec<OperatorPart>) -> Result<SubtaskState, WriteError> {
        let mut state = SubtaskState::default();
        for OperatorPart { id, keyed, operator } in parts {
            let keyed = keyed.map(|keyed| self.keyed(id, &keyed)).transpose()?;
            let operator = operator.map(|operator| self.operator(&operator)).transpose()?;
            state.operators.insert(id, OperatorSubtaskState { keyed, operator });
        }
        Ok(state)
    }

    /// Returns how many bytes were written, those that lie in the metadata too.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Remembers the shared files that the snapshot refers to, for when the checkpoint is complete.
    pub(super) fn keep_shared(&mut self) {
        let mut known = self.known.lock();
        for (operator, files) in std::mem::take(&mut self.shared) {
            known.entry(operator).or_default().acknowledged(self.barrier.id, files);
        }
    }

    /// Deletes what was written.
    pub(super) fn delete(&mut self) {
        let files = std::mem::take(&mut self.files);
        if let Err(error) = self.services.storage().delete_all(files.iter().map(AsRef::as_ref)) {
            // They lie in the checkpoint's folder, or in that of shared files, of which those that
            // nobody refers to are deleted when the job starts anew.
            tracing::warn!("files of a checkpoint that was given up are left behind: {error}");
        }
    }

    fn keyed(
        &mut self,
        operator: OperatorId,
        snapshot: &KeyedSnapshot,
    ) -> Result<KeyedStateHandle, WriteError> {
        if self.wants_files()
            && let Some(files) = snapshot.files()?
        {
            return self.incremental(operator, &files);
        }
        let data = self.data(|out| Ok(snapshot.write(out).map(drop)?))?;
        Ok(KeyedStateHandle::Snapshot { range: self.range, data })
    }

    /// Returns whether the backend's own files are wanted, where it has some.
    fn wants_files(&self) -> bool {
        match self.barrier.kind {
            SnapshotKind::Checkpoint | SnapshotKind::FullCheckpoint => true,
            SnapshotKind::Savepoint { format, .. } => format == SavepointFormat::Native,
        }
    }

    fn operator(&mut self, state: &OperatorSnapshot) -> Result<OperatorStateHandle, WriteError> {
        // What all subtasks have alike counts as well: one of them may have ended and have nothing.
        let has_union =
            state.states.iter().any(|state| state.redistribution != Redistribution::Split);
        let bytes = state.to_bytes()?;
        let data = self.data(|out| Ok(out.write_all(&bytes)?))?;
        Ok(OperatorStateHandle { data, has_union })
    }

    fn incremental(
        &mut self,
        operator: OperatorId,
        snapshot: &SnapshotFiles,
    ) -> Result<KeyedStateHandle, WriteError> {
        let metadata = self.data(|out| Ok(out.write_all(&snapshot.metadata)?))?;
        // Files that later checkpoints refer to have to lie where checkpoints share them.
        let is_shared = self.services.is_incremental() && !self.barrier.kind.is_savepoint();
        let folder = self.barrier.shared.as_deref().filter(|_| is_shared);
        let reuses = self.barrier.kind == SnapshotKind::Checkpoint;
        let (mut shared, mut private) = (BTreeMap::new(), BTreeMap::new());
        for file in &snapshot.files {
            match folder {
                Some(folder) if file.shared => {
                    let known = if reuses { self.known_file(operator, &file.name) } else { None };
                    let uploaded = match known {
                        Some(known) => known,
                        None => self.upload(file, folder)?,
                    };
                    shared.insert(file.name.clone(), uploaded);
                }
                _ => {
                    let mut from = File::open(&file.path)?;
                    let data = self.data(|out| copy(&mut from, out))?;
                    private.insert(file.name.clone(), data);
                }
            }
        }
        if is_shared {
            self.shared.insert(operator, shared.clone());
        }
        Ok(KeyedStateHandle::Incremental { range: self.range, metadata, shared, private })
    }

    fn known_file(&self, operator: OperatorId, name: &str) -> Option<StateFile> {
        self.known.lock().get(&operator).and_then(|files| files.known(name)).cloned()
    }

    /// Writes a file of a backend to a file of its own, however small.
    fn upload(&mut self, file: &SnapshotFile, folder: &str) -> Result<StateFile, WriteError> {
        let mut from = File::open(&file.path)?;
        let mut out = self.services.storage().create(&new_file(folder))?;
        copy(&mut from, &mut Checked { out: &mut out, given_up: self.given_up })?;
        let uploaded = out.finish()?;
        self.written_bytes += uploaded.bytes;
        self.files.push(uploaded.url.clone());
        Ok(uploaded)
    }

    /// Writes state that belongs to this checkpoint alone.
    fn data(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), WriteError>,
    ) -> Result<StateData, WriteError> {
        let url = new_file(&self.barrier.exclusive);
        let mut out = self.services.storage().create_data(url, self.services.inline_threshold());
        write(&mut Checked { out: &mut out, given_up: self.given_up })?;
        let data = out.finish()?;
        self.written_bytes += data.bytes();
        if let StateData::File(file) = &data {
            self.files.push(file.url.clone());
        }
        Ok(data)
    }
}

/// Returns the address of a file that isn't there yet.
fn new_file(folder: &str) -> String {
    format!("{folder}/{}", TriggerId::random())
}

fn copy(from: &mut File, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..read])?;
    }
}

/// Stops writing where the checkpoint is given up.
struct Checked<'a, W> {
    out: &'a mut W,
    given_up: &'a AtomicBool,
}

impl<W: Write> Write for Checked<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Acquire) {
            return Err(io::Error::other(WriteError::GivenUp));
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
