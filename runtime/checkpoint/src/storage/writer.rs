//! Writing a file of state.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::Storage;
use super::error::{StorageError, StorageErrorKind};
use super::local::LocalWriter;
use crate::handle::{StateData, StateFile};

/// Bytes that are gathered before they are written; more at once go past the buffer.
const BUFFER_BYTES: usize = 128 * 1024;

/// Writes a file, which is there as a whole and durably when [`finish`](Self::finish) has returned,
/// and not at all before: a writer that is dropped leaves nothing.
///
/// Writes may be of any size. After an error nothing can be written any more.
#[derive(Debug)]
pub struct StateWriter {
    url: Arc<str>,
    sink: Sink,
    buffer: Vec<u8>,
    checksum: Checksum,
    bytes: u64,
    has_failed: bool,
}

#[derive(Debug)]
pub(super) enum Sink {
    Local(LocalWriter),
    #[cfg(feature = "s3")]
    S3(super::s3::S3Writer),
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Local(file) => file.write(bytes),
            #[cfg(feature = "s3")]
            Self::S3(object) => Ok(object.write(bytes)?),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Local(file) => file.finish(),
            #[cfg(feature = "s3")]
            Self::S3(object) => Ok(object.finish()?),
        }
    }
}

/// XXH3-64 of what has come by.
pub(super) struct Checksum(Box<Xxh3>);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(Box::new(Xxh3::new()))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn digest(&self) -> u64 {
        self.0.digest()
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.digest())
    }
}

impl StateWriter {
    pub(super) fn new(url: Arc<str>, sink: Sink) -> Self {
        let (buffer, checksum) = (Vec::new(), Checksum::new());
        Self { url, sink, buffer, checksum, bytes: 0, has_failed: false }
    }

    /// Returns how many bytes have been written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the file durable and visible.
    ///
    /// # Errors
    /// Where that fails or an earlier write did; the file isn't there then.
    pub fn finish(mut self) -> Result<StateFile, StorageError> {
        let url = self.url.clone();
        self.flush_buffer().map_err(|error| StorageError::io("write", &*url, error))?;
        let file = StateFile { url, bytes: self.bytes, checksum: self.checksum.digest() };
        let finished = self.sink.finish();
        finished.map_err(|error| StorageError::io("write", &*file.url, error))?;
        Ok(file)
    }

    fn flush_buffer(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.put(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        result
    }

    /// Hashes bytes while they are in the processor's cache, and writes them.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.has_failed {
            let cause = "an earlier write to it has failed";
            let kind = StorageErrorKind::Other;
            return Err(StorageError::new("write", &*self.url, kind, cause).into());
        }
        for bytes in bytes.chunks(BUFFER_BYTES) {
            self.checksum.update(bytes);
            if let Err(error) = self.sink.write(bytes) {
                self.has_failed = true;
                return Err(StorageError::io("write", &*self.url, error).into());
            }
        }
        Ok(())
    }
}

impl Write for StateWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush_buffer()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.put(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Does nothing: bytes are durable when the file is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes state that goes into the checkpoint's metadata as long as it is small, and becomes a file
/// when it grows.
#[derive(Debug)]
pub struct StateDataWriter {
    storage: Storage,
    url: String,
    threshold: usize,
    small: Vec<u8>,
    file: Option<StateWriter>,
}

impl StateDataWriter {
    pub(super) fn new(storage: Storage, url: String, threshold: usize) -> Self {
        Self { storage, url, threshold, small: Vec::new(), file: None }
    }

    /// Ends it: the state is durable or in what is returned.
    ///
    /// # Errors
    /// As [`StateWriter::finish`].
    pub fn finish(self) -> Result<StateData, StorageError> {
        match self.file {
            Some(file) => file.finish().map(StateData::File),
            None => Ok(StateData::Inline(Bytes::from(self.small))),
        }
    }
}

impl Write for StateDataWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            return file.write(bytes);
        }
        if self.small.len() + bytes.len() <= self.threshold {
            self.small.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        let mut file = self.storage.create(&self.url)?;
        file.write_all(&std::mem::take(&mut self.small))?;
        file.write_all(bytes)?;
        self.file = Some(file);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the handle of a file of these bytes.
pub(super) fn file_of(url: Arc<str>, bytes: &[u8]) -> StateFile {
    StateFile { url, bytes: bytes.len() as u64, checksum: xxh3_64(bytes) }
}
