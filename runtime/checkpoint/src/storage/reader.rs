//! Reading a file of state.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;

use super::error::{StorageError, StorageErrorKind};
use super::writer::Checksum;
use crate::handle::StateFile;

/// Reads a file of state, or state that lies in a checkpoint's metadata.
///
/// That the file is as long as it was written is verified when it is opened. Where it is read from
/// its beginning to its end without seeking, so is its checksum: the read that meets the end fails
/// then, with [`StorageErrorKind::Changed`]. Not buffered.
#[derive(Debug)]
pub struct StateReader {
    source: Source,
    /// Of what is read in order from the start; `None` when it wasn't.
    verification: Option<Verification>,
}

#[derive(Debug)]
struct Verification {
    checksum: Checksum,
    read: u64,
    file: StateFile,
}

#[derive(Debug)]
pub(super) enum Source {
    Local {
        file: File,
        url: Arc<str>,
    },
    Inline(Cursor<Bytes>),
    #[cfg(feature = "s3")]
    S3(super::s3::S3Reader),
}

impl StateReader {
    pub(super) fn new(source: Source, file: StateFile) -> Self {
        let verification = Verification { checksum: Checksum::new(), read: 0, file };
        Self { source, verification: Some(verification) }
    }

    pub(super) fn inline(bytes: Bytes) -> Self {
        Self { source: Source::Inline(Cursor::new(bytes)), verification: None }
    }
}

impl Read for StateReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.source {
            Source::Local { file, url } => {
                let read = file.read(buffer);
                read.map_err(|error| StorageError::io("read", &**url, error))?
            }
            Source::Inline(bytes) => bytes.read(buffer)?,
            #[cfg(feature = "s3")]
            Source::S3(object) => object.read(buffer)?,
        };
        if let Some(verification) = &mut self.verification {
            verification.checksum.update(&buffer[..read]);
            verification.read += read as u64;
            if read == 0 {
                let verified = verification.end();
                self.verification = None;
                verified?;
            }
        }
        Ok(read)
    }
}

impl Seek for StateReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match &mut self.source {
            Source::Local { file, url } => {
                let position = file.seek(to);
                position.map_err(|error| StorageError::io("read", &**url, error))?
            }
            Source::Inline(bytes) => bytes.seek(to)?,
            #[cfg(feature = "s3")]
            Source::S3(object) => object.seek(to)?,
        };
        if self.verification.as_ref().is_some_and(|verification| verification.read != position) {
            self.verification = None;
        }
        Ok(position)
    }
}

impl Verification {
    fn end(&self) -> Result<(), StorageError> {
        let Self { checksum, read, file } = self;
        if *read != file.bytes {
            return Err(wrong_length(file, *read));
        }
        let found = checksum.digest();
        if found == file.checksum {
            return Ok(());
        }
        let cause =
            format!("its checksum is {found:016x}, it was written with {:016x}", file.checksum);
        Err(StorageError::new("read", &*file.url, StorageErrorKind::Changed, cause))
    }
}

/// Says that a file is not as long as it was written.
pub(super) fn wrong_length(file: &StateFile, found: u64) -> StorageError {
    let cause = format!("it has {found} bytes, it was written with {}", file.bytes);
    StorageError::new("read", &*file.url, StorageErrorKind::Changed, cause)
}
