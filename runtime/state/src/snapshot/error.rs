//! What can be wrong with a snapshot.

use std::io;

/// A snapshot couldn't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The storage failed.
    #[error("the storage of the snapshot failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no snapshot, or not all of one.
    #[error("this is no snapshot of the state asked for, or its end is missing")]
    NotASnapshot,
    /// A later version wrote it.
    #[error("the snapshot has version {found}; this program reads version {known} at the most")]
    Version {
        /// The snapshot's version.
        found: u16,
        /// The latest version known.
        known: u16,
    },
    /// The bytes have changed since they were written.
    #[error("the checksum of {part} is wrong: the snapshot is damaged; use an older one")]
    Checksum {
        /// The part of the snapshot.
        part: String,
    },
    /// The checksums are right but the bytes make no sense.
    #[error(
        "{part} makes no sense: {reason}; the snapshot is damaged or wasn't written by Sciurus"
    )]
    Corrupt {
        /// The part of the snapshot.
        part: String,
        /// What makes no sense.
        reason: String,
    },
    /// The job's maximum parallelism differs.
    #[error(
        "the snapshot was taken with maximum parallelism {found}, the job has {expected}: it \
         can't be changed; set it to {found}"
    )]
    MaxParallelism {
        /// The job's.
        expected: u32,
        /// The snapshot's.
        found: u32,
    },
    /// Several snapshots hold the same key group.
    #[error("key group {group} is in more than one of the snapshots restored from")]
    Overlap {
        /// The key group.
        group: u32,
    },
    /// Two snapshots have a state of the same name but of different kinds.
    #[error("state `{state}` is {found} in one snapshot and {other} in another")]
    Kind {
        /// The state's name.
        state: String,
        /// The kind in the one.
        found: crate::descriptor::StateKind,
        /// The kind in the other.
        other: crate::descriptor::StateKind,
    },
    /// States had been registered before the snapshot was restored.
    #[error("a snapshot is restored into a backend in which states are registered already")]
    AlreadyInUse,
    /// The state has a key that belongs to another subtask.
    #[error(
        "a key of group {group} is in the state of the subtask that owns {range:?}: it was hashed \
         in another way than its records were partitioned"
    )]
    ForeignKey {
        /// The key's group.
        group: sciurus_core::key::KeyGroup,
        /// The subtask's groups.
        range: sciurus_core::key::KeyGroupRange,
    },
    /// A key or a value is too large for the form.
    #[error("{what} takes {bytes} bytes; a snapshot holds at most 4 GiB of it")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How many bytes it takes.
        bytes: usize,
    },
}

impl SnapshotError {
    pub(crate) fn corrupt(part: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt { part: part.into(), reason: reason.into() }
    }
}
