//! Object storage that speaks S3's protocol.
//!
//! Requests are made by one thread of the process's own, whichever threads wait for them. An object
//! is there as a whole or not at all: it is put at once or, a larger one, completed from its parts.

mod error;
mod reader;
mod runtime;
mod writer;

pub(super) use reader::S3Reader;
pub(super) use writer::S3Writer;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};

use super::error::{StorageError, StorageErrorKind};
use super::options::{S3Options, Secret};
use super::url::StorageUrl;
use super::{Listed, Result, Storage, crash_point};
use error::convert;
use runtime::block_on;

/// The buckets that are in use.
#[derive(Debug)]
pub(super) struct S3 {
    options: S3Options,
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

/// A place in a bucket.
#[derive(Clone, Debug)]
struct Place {
    store: Arc<AmazonS3>,
    path: Path,
    url: StorageUrl,
}

impl S3 {
    pub(super) fn new(options: S3Options) -> Self {
        Self { options, buckets: Mutex::default() }
    }

    /// Returns the client of a bucket. Nothing is sent.
    pub(super) fn bucket(&self, bucket: &str, url: &StorageUrl) -> Result<Arc<AmazonS3>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(bucket) {
            return Ok(store.clone());
        }
        let store = Arc::new(self.build(bucket).map_err(|error| convert("use", url, error))?);
        buckets.insert(bucket.to_owned(), store.clone());
        Ok(store)
    }

    fn build(&self, bucket: &str) -> object_store::Result<AmazonS3> {
        runtime::install_tls();
        let S3Options {
            access_key,
            secret_key,
            session_token,
            endpoint,
            region,
            path_style,
            request_timeout,
        } = &self.options;
        let client = ClientOptions::new().with_timeout(*request_timeout).with_allow_http(true);
        // Trying again is `Storage`'s.
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let mut builder = match (access_key, secret_key) {
            (Some(access_key), Some(secret_key)) => AmazonS3Builder::new()
                .with_access_key_id(access_key.reveal())
                .with_secret_access_key(secret_key.reveal()),
            _ => AmazonS3Builder::from_env(),
        };
        if let Some(token) = session_token {
            builder = builder.with_token(Secret::reveal(token));
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder
            .with_bucket_name(bucket)
            .with_region(region)
            .with_virtual_hosted_style_request(!path_style)
            .with_client_options(client)
            .with_retry(retry)
            .build()
    }

    fn place(&self, action: &'static str, url: &StorageUrl) -> Result<Place> {
        let StorageUrl::S3 { bucket, key } = url else {
            let cause = "it is no object storage";
            let kind = StorageErrorKind::InvalidUrl;
            return Err(StorageError::new(action, url.to_string(), kind, cause));
        };
        let path = Path::parse(key).map_err(|error| {
            StorageError::new(action, url.to_string(), StorageErrorKind::InvalidUrl, error)
        })?;
        Ok(Place { store: self.bucket(bucket, url)?, path, url: url.clone() })
    }

    pub(super) fn put(&self, storage: &Storage, url: &StorageUrl, bytes: &Bytes) -> Result<()> {
        let place = self.place("write", url)?;
        storage.retry(|| {
            crash_point("put an object");
            place.call("write", {
                let (store, path, bytes) = (place.store.clone(), place.path.clone(), bytes.clone());
                async move { store.put(&path, bytes.into()).await }
            })
        })?;
        Ok(())
    }

    /// Gets an object.
    pub(super) fn get(&self, storage: &Storage, url: &StorageUrl) -> Result<Bytes> {
        let place = self.place("read", url)?;
        storage.retry(|| place.get(None))
    }

    pub(super) fn size(&self, storage: &Storage, url: &StorageUrl) -> Result<Option<u64>> {
        let place = self.place("look at", url)?;
        let size = storage.retry(|| place.size());
        match size {
            Ok(size) => Ok(Some(size)),
            Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn delete(&self, storage: &Storage, url: &StorageUrl) -> Result<()> {
        let place = self.place("delete", url)?;
        let deleted = storage.retry(|| {
            crash_point("delete an object");
            let (store, path) = (place.store.clone(), place.path.clone());
            place.call("delete", async move { store.delete(&path).await })
        });
        match deleted {
            Err(error) if error.kind() == StorageErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Deletes objects of one bucket, a thousand a request.
    pub(super) fn delete_all(&self, storage: &Storage, urls: &[&StorageUrl]) -> Result<()> {
        let Some(first) = urls.first() else { return Ok(()) };
        let place = self.place("delete", first)?;
        let mut paths = Vec::with_capacity(urls.len());
        for url in urls {
            paths.push(self.place("delete", url)?.path);
        }
        storage.retry(|| {
            crash_point("delete objects");
            let (store, paths) = (place.store.clone(), paths.clone());
            place.call("delete", async move {
                let paths = futures_util::stream::iter(paths.into_iter().map(Ok)).boxed();
                let mut deleted = store.delete_stream(paths);
                while let Some(result) = deleted.next().await {
                    match result {
                        Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            })
        })
    }

    pub(super) fn delete_folder(&self, storage: &Storage, url: &StorageUrl) -> Result<()> {
        let listed = self.list(storage, url)?;
        let urls: Vec<_> = listed.iter().map(|listed| &listed.url).collect();
        self.delete_all(storage, &urls)
    }

    pub(super) fn list(&self, storage: &Storage, url: &StorageUrl) -> Result<Vec<Listed>> {
        let place = self.place("list", url)?;
        let found = storage.retry(|| {
            let (store, path) = (place.store.clone(), place.path.clone());
            place.call("list", async move { store.list(Some(&path)).try_collect::<Vec<_>>().await })
        })?;
        let mut listed = Vec::with_capacity(found.len());
        for meta in found {
            listed.push(Listed {
                url: place.at(&meta.location),
                bytes: meta.size,
                modified: Some(meta.last_modified.into()),
            });
        }
        Ok(listed)
    }

    pub(super) fn folders(&self, storage: &Storage, url: &StorageUrl) -> Result<Vec<String>> {
        let place = self.place("list", url)?;
        let found = storage.retry(|| {
            let (store, path) = (place.store.clone(), place.path.clone());
            place.call("list", async move { store.list_with_delimiter(Some(&path)).await })
        })?;
        let mut names: Vec<_> =
            found.common_prefixes.iter().map(|prefix| place.at(prefix).name().to_owned()).collect();
        names.sort();
        Ok(names)
    }
}

impl Place {
    fn call<T: Send + 'static>(
        &self,
        action: &'static str,
        future: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let answer = block_on(future)
            .map_err(|error| StorageError::io(action, self.url.to_string(), error))?;
        answer.map_err(|error| convert(action, &self.url, error))
    }

    /// Returns the address of an object of the same bucket.
    fn at(&self, path: &Path) -> StorageUrl {
        let bucket = match &self.url {
            StorageUrl::S3 { bucket, .. } => bucket.clone(),
            StorageUrl::File(_) => String::new(),
        };
        StorageUrl::S3 { bucket, key: path.to_string() }
    }

    fn size(&self) -> Result<u64> {
        let (store, path) = (self.store.clone(), self.path.clone());
        self.call("look at", async move { store.head(&path).await.map(|meta| meta.size) })
    }

    fn get(&self, range: Option<Range<u64>>) -> Result<Bytes> {
        let (store, path) = (self.store.clone(), self.path.clone());
        self.call("read", async move {
            match range {
                Some(range) => store.get_range(&path, range).await,
                None => store.get(&path).await?.bytes().await,
            }
        })
    }
}
