//! Storage of checkpoints by URL: a disk ([`local`]) or object storage (`s3`, by that feature).
//!
//! All calls block until the storage has answered, need no runtime, and may be made by any thread.
//! What fails for now is tried again with growing waits ([`retry`]).

mod crash;
mod error;
mod local;
mod options;
mod reader;
mod retry;
#[cfg(feature = "s3")]
mod s3;
mod url;
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

#[cfg(feature = "s3")]
use crash::crash_point;
pub use error::{StorageError, StorageErrorKind};
pub(crate) use local::is_partial;
pub use options::{S3Options, Secret, StorageOptions};
pub use reader::StateReader;
pub use retry::{RetryPolicy, Waiter};
pub use url::StorageUrl;
pub use writer::{StateDataWriter, StateWriter};

use crate::handle::{StateData, StateFile};
use local::LocalWriter;
use reader::Source;
use retry::ThreadWaiter;
use writer::Sink;

type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Storage of all addresses that this executable knows. Clones share connections.
#[derive(Clone, Debug)]
pub struct Storage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    retry: RetryPolicy,
    waiter: Box<dyn Waiter>,
    #[cfg(feature = "s3")]
    s3: s3::S3,
}

/// A file that [`Storage::list`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it lies.
    pub url: StorageUrl,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was last written, where that is known.
    pub modified: Option<SystemTime>,
}

impl Storage {
    /// Makes it. Nothing is connected yet.
    pub fn new(options: &StorageOptions) -> Self {
        Self::with_waiter(options, Box::<ThreadWaiter>::default())
    }

    /// Makes it with another way to wait between tries.
    pub fn with_waiter(options: &StorageOptions, waiter: Box<dyn Waiter>) -> Self {
        let inner = Inner {
            retry: options.retry,
            waiter,
            #[cfg(feature = "s3")]
            s3: s3::S3::new(options.s3.clone()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes it and checks that `url` is one that it can reach.
    ///
    /// # Errors
    /// [`StorageErrorKind::InvalidUrl`], [`StorageErrorKind::Unsupported`], and where the options
    /// for the service are unusable.
    pub fn open(url: &str, options: &StorageOptions) -> Result<Self> {
        let storage = Self::new(options);
        storage.check(&StorageUrl::parse(url)?)?;
        Ok(storage)
    }

    /// Checks that an address is of a service that can be reached.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub fn check(&self, url: &StorageUrl) -> Result<()> {
        match url {
            StorageUrl::File(_) => Ok(()),
            #[cfg(feature = "s3")]
            StorageUrl::S3 { bucket, .. } => self.inner.s3.bucket(bucket, url).map(drop),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("use", url)),
        }
    }

    /// Starts to write a file.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn create(&self, url: &str) -> Result<StateWriter> {
        let url = StorageUrl::parse(url)?;
        let text: Arc<str> = url.to_string().into();
        let sink = match url {
            StorageUrl::File(path) => {
                let file = LocalWriter::create(path);
                Sink::Local(file.map_err(|error| StorageError::io("write", &*text, error))?)
            }
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => Sink::S3(s3::S3Writer::new(self, &url)?),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => return Err(unsupported("write", &url)),
        };
        Ok(StateWriter::new(text, sink))
    }

    /// Starts to write state: inline up to `threshold` bytes, to a file of this address beyond.
    pub fn create_data(&self, url: impl Into<String>, threshold: usize) -> StateDataWriter {
        StateDataWriter::new(self.clone(), url.into(), threshold)
    }

    /// Writes a file: it is there as a whole and durably, in place of any that was there, or not at
    /// all.
    ///
    /// # Errors
    /// Where that fails.
    pub fn put(&self, url: &str, bytes: &[u8]) -> Result<StateFile> {
        let url = StorageUrl::parse(url)?;
        match &url {
            StorageUrl::File(path) => self.local("write", &url, || {
                let mut file = LocalWriter::create(path.clone())?;
                file.write(bytes)?;
                file.finish()
            })?,
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => {
                self.inner.s3.put(self, &url, &Bytes::copy_from_slice(bytes))?;
            }
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => return Err(unsupported("write", &url)),
        }
        Ok(writer::file_of(url.to_string().into(), bytes))
    }

    /// Opens a file and checks that it has the length that it was written with.
    ///
    /// # Errors
    /// Where it isn't there or [`StorageErrorKind::Changed`].
    pub fn read(&self, file: &StateFile) -> Result<StateReader> {
        let url = StorageUrl::parse(&file.url)?;
        let (source, bytes) = match &url {
            StorageUrl::File(path) => self.local("read", &url, || {
                let opened = File::open(path)?;
                let bytes = opened.metadata()?.len();
                Ok((Source::Local { file: opened, url: file.url.clone() }, bytes))
            })?,
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => {
                let object = s3::S3Reader::open(self, &url)?;
                let bytes = object.length();
                (Source::S3(object), bytes)
            }
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => return Err(unsupported("read", &url)),
        };
        if bytes != file.bytes {
            return Err(reader::wrong_length(file, bytes));
        }
        Ok(StateReader::new(source, file.clone()))
    }

    /// Opens state, wherever it lies.
    ///
    /// # Errors
    /// As [`Storage::read`].
    pub fn read_data(&self, data: &StateData) -> Result<StateReader> {
        match data {
            StateData::Inline(bytes) => Ok(StateReader::inline(bytes.clone())),
            StateData::File(file) => self.read(file),
        }
    }

    /// Reads all of a file of which nothing is known, `limit` bytes at the most.
    ///
    /// # Errors
    /// Where it isn't there, can't be read, or is larger.
    pub fn read_all(&self, url: &StorageUrl, limit: u64) -> Result<Bytes> {
        let too_large = || {
            let cause = format!("it has more than {limit} bytes");
            StorageError::new("read", url.to_string(), StorageErrorKind::Changed, cause)
        };
        match url {
            StorageUrl::File(path) => {
                let bytes = self.local("read", url, || {
                    let mut bytes = Vec::new();
                    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
                    Ok(bytes)
                })?;
                if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes.into()) }
            }
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => {
                if self.size(url)?.is_some_and(|size| size > limit) {
                    return Err(too_large());
                }
                self.inner.s3.get(self, url)
            }
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("read", url)),
        }
    }

    /// Returns how many bytes a file has, `None` where there is none.
    ///
    /// # Errors
    /// Where the storage can't say.
    pub fn size(&self, url: &StorageUrl) -> Result<Option<u64>> {
        match url {
            StorageUrl::File(path) => self.local("look at", url, || match fs::metadata(path) {
                Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            }),
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => self.inner.s3.size(self, url),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("look at", url)),
        }
    }

    /// Deletes a file, durably; one that isn't there is no error.
    ///
    /// # Errors
    /// Where it can't be deleted.
    pub fn delete(&self, url: &str) -> Result<()> {
        let url = StorageUrl::parse(url)?;
        match &url {
            StorageUrl::File(path) => self.local("delete", &url, || local::delete(path)),
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => self.inner.s3.delete(self, &url),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("delete", &url)),
        }
    }

    /// Deletes files, durably; those that aren't there are no error.
    ///
    /// # Errors
    /// The first failure; the others are deleted where they can be.
    pub fn delete_all<'a>(&self, urls: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let urls: Vec<_> = urls.into_iter().map(StorageUrl::parse).collect::<Result<_>>()?;
        let mut paths = Vec::new();
        let mut buckets = BTreeMap::<_, Vec<_>>::new();
        for url in &urls {
            match url {
                StorageUrl::File(path) => paths.push(path.as_path()),
                StorageUrl::S3 { bucket, .. } => buckets.entry(bucket).or_default().push(url),
            }
        }
        let mut result = Ok(());
        if let Some(first) = paths.first() {
            let first = StorageUrl::File(first.to_path_buf());
            result = self.local("delete", &first, || local::delete_all(&paths));
        }
        for urls in buckets.values() {
            #[cfg(feature = "s3")]
            let deleted = self.inner.s3.delete_all(self, urls);
            #[cfg(not(feature = "s3"))]
            let deleted = urls.iter().try_for_each(|url| Err(unsupported("delete", url)));
            result = result.and(deleted);
        }
        result
    }

    /// Deletes a folder and all that is in it; one that isn't there is no error.
    ///
    /// # Errors
    /// Where it can't be deleted: a part may be gone.
    pub fn delete_folder(&self, url: &str) -> Result<()> {
        let url = StorageUrl::parse(url)?;
        if url.parent().is_none() {
            let cause = "it is the root of a file system or a bucket";
            let kind = StorageErrorKind::PermissionDenied;
            return Err(StorageError::new("delete", url.to_string(), kind, cause));
        }
        match &url {
            StorageUrl::File(path) => self.local("delete", &url, || local::delete_folder(path)),
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => self.inner.s3.delete_folder(self, &url),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("delete", &url)),
        }
    }

    /// Deletes a folder if nothing is in it, and returns whether it is gone.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn delete_empty_folder(&self, url: &StorageUrl) -> Result<bool> {
        match url {
            StorageUrl::File(path) => {
                self.local("delete", url, || local::delete_empty_folder(path))
            }
            // Object storage has no folders but by what is in them.
            StorageUrl::S3 { .. } => Ok(self.list(&url.to_string())?.is_empty()),
        }
    }

    /// Makes a folder, durably, and those that it lies in.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn make_folder(&self, url: &StorageUrl) -> Result<()> {
        match url {
            StorageUrl::File(path) => self.local("make", url, || local::make_folder(path)),
            StorageUrl::S3 { .. } => self.check(url),
        }
    }

    /// Makes the names in a folder outlive a loss of power, whoever made them.
    pub(crate) fn sync_folder(&self, url: &StorageUrl) -> Result<()> {
        match url {
            StorageUrl::File(path) => self.local("sync", url, || local::sync_folder(path)),
            StorageUrl::S3 { .. } => Ok(()),
        }
    }

    /// Lists all files below a folder, in the order of their addresses; a folder that isn't there
    /// has none.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn list(&self, url: &str) -> Result<Vec<Listed>> {
        let url = StorageUrl::parse(url)?;
        match &url {
            StorageUrl::File(path) => {
                let found = self.local("list", &url, || local::list(path))?;
                let listed = found.into_iter().map(|found| Listed {
                    url: StorageUrl::File(found.path),
                    bytes: found.bytes,
                    modified: found.modified,
                });
                Ok(listed.collect())
            }
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => self.inner.s3.list(self, &url),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("list", &url)),
        }
    }

    /// Lists the names of the folders in a folder, in their order.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn folders(&self, url: &StorageUrl) -> Result<Vec<String>> {
        match url {
            StorageUrl::File(path) => self.local("list", url, || local::folders(path)),
            #[cfg(feature = "s3")]
            StorageUrl::S3 { .. } => self.inner.s3.folders(self, url),
            #[cfg(not(feature = "s3"))]
            StorageUrl::S3 { .. } => Err(unsupported("list", url)),
        }
    }

    /// Copies a file, verifying its checksum on the way.
    ///
    /// # Errors
    /// Where it can't be read or written; nothing is left then.
    pub fn copy(&self, file: &StateFile, to: &str) -> Result<StateFile> {
        let mut reader = self.read(file)?;
        let mut writer = self.create(to)?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = reader.read(&mut buffer);
            let read = read.map_err(|error| StorageError::io("read", &*file.url, error))?;
            if read == 0 {
                return writer.finish();
            }
            let written = io::Write::write_all(&mut writer, &buffer[..read]);
            written.map_err(|error| StorageError::io("write", to, error))?;
        }
    }

    /// Reads a file from its beginning to its end to verify its length and checksum.
    ///
    /// # Errors
    /// Where it can't be read or has changed.
    pub fn verify(&self, file: &StateFile) -> Result<()> {
        let mut reader = self.read(file)?;
        let read = io::copy(&mut reader, &mut io::sink());
        read.map(drop).map_err(|error| StorageError::io("read", &*file.url, error))
    }

    /// Calls, and tries again where that may help.
    fn retry<T>(&self, call: impl FnMut() -> Result<T>) -> Result<T> {
        self.inner.retry.run(&*self.inner.waiter, call)
    }

    fn local<T>(
        &self,
        action: &'static str,
        url: &StorageUrl,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Result<T> {
        self.retry(|| call().map_err(|error| StorageError::io(action, url.to_string(), error)))
    }
}

/// Bytes of a file that are copied at a time.
const COPY_BYTES: usize = 1024 * 1024;

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(not(feature = "s3"))]
fn unsupported(action: &'static str, url: &StorageUrl) -> StorageError {
    let cause = "this executable was built without object storage";
    StorageError::new(action, url.to_string(), StorageErrorKind::Unsupported, cause)
}
