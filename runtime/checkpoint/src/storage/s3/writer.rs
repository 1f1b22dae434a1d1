//! Writing an object in parts.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use object_store::multipart::{MultipartStore, PartId};

use super::super::error::StorageErrorKind;
use super::super::url::StorageUrl;
use super::super::{Result, Storage, StorageError, crash_point};
use super::Place;
use super::error::convert;
use super::runtime::{receive, start};

/// Bytes of the first parts; S3 takes 5 MiB at the least, and 10 000 parts.
const PART_BYTES: usize = 8 << 20;
/// Number of parts after which they are twice as large.
const PARTS_OF_ONE_SIZE: usize = 2_000;
/// Parts that are on their way while the next one is filled.
const MAX_IN_FLIGHT: usize = 3;

type Answer = Receiver<object_store::Result<PartId>>;

/// Writes an object; one that isn't finished is given up.
#[derive(Debug)]
pub(in super::super) struct S3Writer {
    storage: Storage,
    place: Place,
    part: Vec<u8>,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    id: String,
    parts: Vec<PartId>,
    in_flight: VecDeque<(Bytes, Answer)>,
    bytes: u64,
    is_complete: bool,
}

impl S3Writer {
    pub(in super::super) fn new(storage: &Storage, url: &StorageUrl) -> Result<Self> {
        let place = storage.inner.s3.place("write", url)?;
        Ok(Self { storage: storage.clone(), place, part: Vec::new(), upload: None })
    }

    pub(in super::super) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let parts = self.upload.as_ref().map_or(0, Upload::count);
            let size = PART_BYTES << (parts / PARTS_OF_ONE_SIZE);
            let (taken, rest) = bytes.split_at(bytes.len().min(size - self.part.len()));
            self.part.extend_from_slice(taken);
            bytes = rest;
            if self.part.len() == size {
                self.send_part()?;
            }
        }
        Ok(())
    }

    pub(in super::super) fn finish(mut self) -> Result<()> {
        if self.upload.is_none() {
            let part = std::mem::take(&mut self.part);
            return self.storage.inner.s3.put(&self.storage, &self.place.url, &part.into());
        }
        if !self.part.is_empty() {
            self.send_part()?;
        }
        while self.wait_for_part()? {}
        self.complete()
    }

    fn send_part(&mut self) -> Result<()> {
        let bytes = Bytes::from(std::mem::take(&mut self.part));
        if self.upload.is_none() {
            crash_point("begin an object");
            let (storage, place) = (&self.storage, &self.place);
            let id = storage.retry(|| {
                let (store, path) = (place.store.clone(), place.path.clone());
                place.call("write", async move { store.create_multipart(&path).await })
            })?;
            let (parts, in_flight) = (Vec::new(), VecDeque::new());
            self.upload = Some(Upload { id, parts, in_flight, bytes: 0, is_complete: false });
        }
        if self.upload.as_ref().is_some_and(|upload| upload.in_flight.len() >= MAX_IN_FLIGHT) {
            self.wait_for_part()?;
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        crash_point("put a part");
        let answer = self.place.put_part(&upload.id, upload.count(), bytes.clone())?;
        upload.bytes += bytes.len() as u64;
        upload.in_flight.push_back((bytes, answer));
        Ok(())
    }

    /// Waits for the oldest part, and sends it again where that may help; returns whether there was
    /// one.
    fn wait_for_part(&mut self) -> Result<bool> {
        let Some(upload) = &mut self.upload else { return Ok(false) };
        let Some((bytes, answer)) = upload.in_flight.pop_front() else { return Ok(false) };
        let number = upload.parts.len();
        let mut answer = Some(answer);
        let place = &self.place;
        let part = self.storage.retry(|| {
            let answer = match answer.take() {
                Some(answer) => answer,
                None => place.put_part(&upload.id, number, bytes.clone())?,
            };
            let answer = receive(&answer)
                .map_err(|error| StorageError::io("write", place.url.to_string(), error))?;
            answer.map_err(|error| convert("write", &place.url, error))
        })?;
        upload.parts.push(part);
        Ok(true)
    }

    fn complete(&mut self) -> Result<()> {
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let place = &self.place;
        let mut tries = 0;
        self.storage.retry(|| {
            crash_point("complete an object");
            tries += 1;
            let (store, path) = (place.store.clone(), place.path.clone());
            let (id, parts) = (upload.id.clone(), upload.parts.clone());
            let completed = place
                .call("write", async move { store.complete_multipart(&path, &id, parts).await });
            match completed {
                // The answer to the last try was lost on the way.
                Err(error) if tries > 1 && error.kind() == StorageErrorKind::NotFound => {
                    if place.size()? == upload.bytes { Ok(()) } else { Err(error) }
                }
                other => other.map(drop),
            }
        })?;
        upload.is_complete = true;
        Ok(())
    }
}

impl Upload {
    fn count(&self) -> usize {
        self.parts.len() + self.in_flight.len()
    }
}

impl Place {
    fn put_part(&self, id: &str, number: usize, bytes: Bytes) -> Result<Answer> {
        let (store, path, id) = (self.store.clone(), self.path.clone(), id.to_owned());
        let part = async move { store.put_part(&path, &id, number, bytes.into()).await };
        start(part).map_err(|error| StorageError::io("write", self.url.to_string(), error))
    }
}

impl Drop for S3Writer {
    fn drop(&mut self) {
        let Some(upload) = self.upload.take_if(|upload| !upload.is_complete) else { return };
        let (store, path, id) = (self.place.store.clone(), self.place.path.clone(), upload.id);
        // Not waited for: parts that stay are the bucket's lifecycle rule's.
        let _ = start(async move { store.abort_multipart(&path, &id).await });
    }
}
