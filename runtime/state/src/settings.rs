//! Which backend a job's keyed state is kept in, and what a backend is restored from.

use std::fmt;
use std::io::{Read, Seek};
use std::path::PathBuf;

use sciurus_core::config::options::state::{self, StateBackendType};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::key::KeyGroupRange;

use crate::backend::{BackendConfig, KeyedStateBackend};
use crate::heap::HeapBackend;
use crate::keyed::KeyedBackend;
use crate::snapshot::{SnapshotError, SnapshotReader};

/// What a process offers its backends.
#[derive(Debug, Clone)]
pub struct BackendResources {
    /// A folder for working files, of this process alone. Backends remove what they put there;
    /// what a killed process leaves is removed with the folder.
    pub scratch: PathBuf,
    /// The memory of all backends of the process together, in bytes.
    pub managed_bytes: u64,
    /// The number of slots of the process.
    pub slots: u32,
}

/// How backends are made: once for each process, shared by all its backends.
#[derive(Debug, Clone)]
pub enum StateBackendSettings {
    /// State in memory (`state.backend.type: hashmap`).
    HashMap,
    /// State in RocksDB (`state.backend.type: rocksdb`).
    #[cfg(feature = "rocksdb")]
    Rocks(std::sync::Arc<crate::rocks::RocksShared>),
}

/// What state backends of a process hold of their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendMemory {
    /// Blocks of files and write buffers, bytes.
    pub used_bytes: u64,
    /// How many bytes that may be.
    pub limit_bytes: u64,
    /// Of what is used, what was written and isn't in a file yet.
    pub write_buffer_bytes: u64,
    /// Of what is used, what can't be given back now.
    pub pinned_bytes: u64,
}

impl StateBackendSettings {
    /// Returns what the backends of the process hold of the memory that they share, if they share
    /// any.
    pub fn memory(&self) -> Option<BackendMemory> {
        match self {
            Self::HashMap => None,
            #[cfg(feature = "rocksdb")]
            Self::Rocks(shared) => shared.memory(),
        }
    }

    /// Reads `state.backend.type` and the options of that backend.
    ///
    /// # Errors
    /// [`BackendError::NotBuilt`], [`BackendError::Config`].
    pub fn from_configuration(
        configuration: &Configuration,
        resources: BackendResources,
    ) -> Result<Self, BackendError> {
        match configuration.get(&state::BACKEND)? {
            StateBackendType::HashMap => Ok(Self::HashMap),
            #[cfg(feature = "rocksdb")]
            StateBackendType::RocksDb => {
                let shared = crate::rocks::RocksShared::new(configuration, resources)?;
                Ok(Self::Rocks(std::sync::Arc::new(shared)))
            }
            #[cfg(not(feature = "rocksdb"))]
            StateBackendType::RocksDb => {
                drop(resources);
                Err(BackendError::NotBuilt)
            }
        }
    }
}

/// Bytes to read a snapshot from.
pub trait ReadSeek: Read + Seek + Send {}

impl<R: Read + Seek + Send> ReadSeek for R {}

/// State of a checkpoint or a savepoint that a backend is made from.
pub enum RestoreInput {
    /// A keyed state snapshot (docs/formats.md), whichever backend it is of.
    Snapshot(Box<dyn ReadSeek>),
    /// The files of a backend that writes only what is new.
    Files {
        /// The key groups that they hold.
        range: KeyGroupRange,
        /// What the backend said of the files.
        metadata: Vec<u8>,
        /// Where they lie, by the names that the backend gave them. Best on the file system of the
        /// scratch folder: then they are linked, not copied. The backend removes the folder.
        folder: PathBuf,
    },
}

impl fmt::Debug for RestoreInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(_) => f.write_str("Snapshot"),
            Self::Files { range, folder, .. } => {
                f.debug_struct("Files").field("range", range).field("folder", folder).finish()
            }
        }
    }
}

/// A backend couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The job's executable has no such backend.
    #[error(
        "state.backend.type is rocksdb, but this job was built without it: build it with \
         `features = [\"rocksdb\"]` of the dependency `sciurus`, or set state.backend.type to hashmap"
    )]
    NotBuilt,
    /// An option makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What it is to be restored from can't be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The state is in files that only another backend reads.
    #[error(
        "the checkpoint holds files of the rocksdb backend, which the {backend} backend can't read: \
         set state.backend.type to rocksdb, or take a savepoint and restore from that"
    )]
    ForeignFiles {
        /// The backend that was to read them.
        backend: &'static str,
    },
}

impl KeyedBackend {
    /// Makes the backend of a subtask, with what each of `restore` has of its key groups.
    ///
    /// # Errors
    /// Where the backend can't be made or what it is restored from can't be read.
    pub fn create(
        settings: &StateBackendSettings,
        config: BackendConfig,
        restore: Vec<RestoreInput>,
    ) -> Result<Self, BackendError> {
        match settings {
            StateBackendSettings::HashMap => {
                let mut backend = Self::Heap(HeapBackend::new(config));
                for input in restore {
                    match input {
                        RestoreInput::Snapshot(bytes) => {
                            backend.restore(&mut SnapshotReader::open(bytes)?)?;
                        }
                        RestoreInput::Files { .. } => {
                            return Err(BackendError::ForeignFiles { backend: "hashmap" });
                        }
                    }
                }
                Ok(backend)
            }
            #[cfg(feature = "rocksdb")]
            StateBackendSettings::Rocks(shared) => {
                let backend = crate::rocks::RocksBackend::restored(shared, config, restore)?;
                Ok(Self::Rocks(Box::new(backend)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources() -> BackendResources {
        BackendResources { scratch: PathBuf::new(), managed_bytes: 1 << 20, slots: 1 }
    }

    #[test]
    fn state_lies_in_memory_unless_said_otherwise() {
        let settings =
            StateBackendSettings::from_configuration(&Configuration::default(), resources());
        assert!(matches!(settings, Ok(StateBackendSettings::HashMap)), "{settings:?}");
    }
}
