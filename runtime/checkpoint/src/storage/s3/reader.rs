//! Reading an object by ranges.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use object_store::ObjectStoreExt;

use super::super::url::StorageUrl;
use super::super::{Result, Storage};
use super::Place;
use super::runtime::{receive, start};

/// Bytes of the first range behind the start or a seek; each further one is twice as large.
const FIRST_BYTES: u64 = 256 << 10;
const MAX_BYTES: u64 = 8 << 20;

/// Reads an object. While it is read in order the next range is on its way.
#[derive(Debug)]
pub(in super::super) struct S3Reader {
    storage: Storage,
    place: Place,
    bytes: u64,
    position: u64,
    /// What has come, and where it begins.
    chunk: (u64, Bytes),
    chunk_bytes: u64,
    ahead: Option<Ahead>,
}

#[derive(Debug)]
struct Ahead {
    start: u64,
    end: u64,
    answer: Receiver<object_store::Result<Bytes>>,
}

impl S3Reader {
    pub(in super::super) fn open(storage: &Storage, url: &StorageUrl) -> Result<Self> {
        let place = storage.inner.s3.place("read", url)?;
        let bytes = storage.retry(|| place.size())?;
        let (storage, chunk) = (storage.clone(), (0, Bytes::new()));
        Ok(Self {
            storage,
            place,
            bytes,
            position: 0,
            chunk,
            chunk_bytes: FIRST_BYTES,
            ahead: None,
        })
    }

    /// Returns how many bytes the object has.
    pub(in super::super) fn length(&self) -> u64 {
        self.bytes
    }

    /// Makes the chunk hold the position, which is before the end.
    fn fetch(&mut self) -> Result<()> {
        let start = self.position;
        let ahead = self.ahead.take().filter(|ahead| ahead.start == start);
        let (end, early) = match ahead {
            Some(ahead) => {
                // Where it failed it is asked for again, which is tried as often as it helps.
                (ahead.end, receive(&ahead.answer).ok().and_then(std::result::Result::ok))
            }
            None => (self.bytes.min(start + self.chunk_bytes), None),
        };
        let bytes = match early {
            Some(bytes) => bytes,
            None => self.storage.retry(|| self.place.get(Some(start..end)))?,
        };
        self.chunk = (start, bytes);
        self.chunk_bytes = MAX_BYTES.min(self.chunk_bytes * 2);
        self.look_ahead(end);
        Ok(())
    }

    fn look_ahead(&mut self, from: u64) {
        let end = self.bytes.min(from + self.chunk_bytes);
        if from >= end {
            return;
        }
        let (store, path) = (self.place.store.clone(), self.place.path.clone());
        let answer = start(async move { store.get_range(&path, from..end).await });
        self.ahead = answer.ok().map(|answer| Ahead { start: from, end, answer });
    }

    fn buffered(&self) -> &[u8] {
        let (start, bytes) = &self.chunk;
        let skip = self.position.checked_sub(*start).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| bytes.get(skip..)).unwrap_or(&[])
    }
}

impl Read for S3Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.bytes {
            return Ok(0);
        }
        if self.buffered().is_empty() {
            self.fetch()?;
        }
        let read = self.buffered().read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for S3Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if position != self.position {
            self.position = position;
            if self.buffered().is_empty() {
                self.chunk_bytes = FIRST_BYTES;
            }
        }
        Ok(position)
    }
}
