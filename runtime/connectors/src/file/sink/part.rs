//! One file that is being written.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sciurus_core::time::Timestamp;
use sciurus_engine::metrics::OperatorMetrics;

use super::committer::FileCommittable;
use super::leftovers::{IN_PROGRESS, OwnerTag};
use super::{FileSinkError, folders};

/// How many bytes are gathered before they are written.
const WRITE_BYTES: usize = 256 << 10;

/// A part file in progress. It is removed when it is dropped without being finished.
pub(super) struct PartFile {
    file: File,
    in_progress: PathBuf,
    pending: PathBuf,
    finished: PathBuf,
    /// What is encoded but not yet written.
    pub(super) buffer: Vec<u8>,
    written_bytes: u64,
    /// When the file was made.
    pub(super) created: Timestamp,
    /// When a record was last put into it.
    pub(super) last_write: Timestamp,
    metrics: Arc<OperatorMetrics>,
    kept: bool,
}

impl PartFile {
    /// Makes a file in `folder`, and the folder where it isn't there, which gets the name `name`
    /// when it is finished.
    pub(super) fn create(
        folder: &Path,
        name: &str,
        owner: Option<&OwnerTag>,
        now: Timestamp,
        metrics: Arc<OperatorMetrics>,
    ) -> Result<Self, FileSinkError> {
        let uuid = random_uuid();
        let hidden = match owner {
            Some(owner) => format!(".{name}{IN_PROGRESS}{}.{uuid}", owner.name()),
            None => format!(".{name}{IN_PROGRESS}{uuid}"),
        };
        let in_progress = folder.join(hidden);
        folders::create(folder)?;
        let file = File::create_new(&in_progress);
        Ok(Self {
            file: file.map_err(FileSinkError::unwritable(&in_progress))?,
            in_progress,
            pending: folder.join(format!(".{name}.pending.{uuid}")),
            finished: folder.join(name),
            buffer: Vec::new(),
            written_bytes: 0,
            created: now,
            last_write: now,
            metrics,
            kept: false,
        })
    }

    /// Returns the folder that the file is in.
    pub(super) fn folder(&self) -> &Path {
        self.in_progress.parent().unwrap_or(Path::new(""))
    }

    /// Returns how large the file is, with what is not yet written.
    pub(super) fn bytes(&self) -> u64 {
        self.written_bytes + self.buffer.len() as u64
    }

    /// Writes what is gathered where that is worth a system call.
    pub(super) fn write_some(&mut self) -> Result<(), FileSinkError> {
        if self.buffer.len() < WRITE_BYTES { Ok(()) } else { self.write_all() }
    }

    fn write_all(&mut self) -> Result<(), FileSinkError> {
        let written = self.file.write_all(&self.buffer);
        written.map_err(FileSinkError::unwritable(&self.in_progress))?;
        self.written_bytes += self.buffer.len() as u64;
        self.metrics.bytes_written.add(self.buffer.len() as u64);
        self.buffer.clear();
        Ok(())
    }

    /// Makes the file's content durable, and leaves it to be made visible. That it is in its folder
    /// becomes durable with the folder.
    pub(super) fn finish(mut self) -> Result<FileCommittable, FileSinkError> {
        self.write_all()?;
        self.file.sync_all().map_err(FileSinkError::unwritable(&self.in_progress))?;
        let renamed = fs::rename(&self.in_progress, &self.pending);
        renamed.map_err(FileSinkError::unwritable(&self.pending))?;
        self.kept = true;
        let name = |path: &Path| path.to_string_lossy().into_owned();
        Ok(FileCommittable { pending: name(&self.pending), finished: name(&self.finished) })
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.in_progress)
        {
            tracing::warn!("cannot remove {}: {error}", self.in_progress.display());
        }
    }
}

/// Makes a random id in the form of a version 4 UUID.
pub(super) fn random_uuid() -> String {
    const VERSION_4: u128 = 0x4 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let id = fastrand::u128(..) & !(0xf << 76) & !(0b11 << 62) | VERSION_4 | VARIANT;
    let hex = format!("{id:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_a_uuid() {
        let id = random_uuid();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
        assert_ne!(id, random_uuid());
    }
}
