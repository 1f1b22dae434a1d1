//! A backend's database and what is done with its rows.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rocksdb::{
    DB, DBPinnableSlice, DBRawIterator, DEFAULT_COLUMN_FAMILY_NAME, Options, ReadOptions,
    WriteBatch, WriteOptions,
};

use super::layout::RowKey;
use super::scratch::ScratchFolder;
use super::shared::Membership;
use crate::error::StateError;
use crate::snapshot::SnapshotError;

/// Rows are written in batches of this many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// What went wrong in RocksDB, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RocksDB couldn't {action} {}: {reason}", .path.display())]
pub(super) struct DatabaseError {
    action: &'static str,
    path: PathBuf,
    reason: String,
}

impl DatabaseError {
    pub(super) fn new(action: &'static str, path: &Path, reason: impl Into<String>) -> Self {
        Self { action, path: path.to_owned(), reason: reason.into() }
    }
}

impl From<DatabaseError> for StateError {
    fn from(error: DatabaseError) -> Self {
        Self::Storage { reason: error.to_string() }
    }
}

impl From<DatabaseError> for SnapshotError {
    fn from(error: DatabaseError) -> Self {
        Self::Io(std::io::Error::other(error))
    }
}

/// A row that was read, if it was there.
pub(super) type FoundRow<'a> = Result<Option<DBPinnableSlice<'a>>, DatabaseError>;

/// An open database.
pub(super) struct Database {
    db: DB,
    options: WriteOptions,
    // Closed before its folder goes away and its memory is given back.
    folder: ScratchFolder,
    pub(super) shared: Membership,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.path()).finish()
    }
}

impl Database {
    /// Opens the database in `folder`, a new one where there is none.
    pub(super) fn open(
        folder: ScratchFolder,
        options: &Options,
        shared: Membership,
    ) -> Result<Self, DatabaseError> {
        // By its name: reading many rows needs its handle.
        let family = (DEFAULT_COLUMN_FAMILY_NAME, options.clone());
        let db = DB::open_cf_with_opts(options, folder.path(), [family])
            .map_err(|error| DatabaseError::new("open", folder.path(), error))?;
        let mut write = WriteOptions::default();
        // What isn't part of a checkpoint is lost in a failure, whatever lies on this disk.
        write.disable_wal(true);
        write.set_memtable_insert_hint_per_batch(true);
        Ok(Self { db, options: write, folder, shared })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    pub(super) fn error(&self, action: &'static str, error: impl Into<String>) -> DatabaseError {
        DatabaseError::new(action, self.path(), error)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, DatabaseError> {
        self.db.get_pinned(key).map_err(|error| self.error("read from", error))
    }

    /// Reads many rows whose keys are in order.
    pub(super) fn get_many<'a>(
        &'a self,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<FoundRow<'a>>, DatabaseError> {
        let family = self
            .db
            .cf_handle(DEFAULT_COLUMN_FAMILY_NAME)
            .ok_or_else(|| self.error("read from", "it has no default column family"))?;
        let rows = self.db.batched_multi_get_cf(family, keys, true);
        let failed = |error| self.error("read from", error);
        Ok(rows.into_iter().map(|row| row.map_err(failed)).collect())
    }

    pub(super) fn write(&self, batch: WriteBatch) -> Result<(), DatabaseError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.db.write_opt(batch, &self.options).map_err(|error| self.error("write to", error))
    }

    /// Returns something that writes rows in large batches.
    pub(super) fn writer(&self) -> RowWriter<'_> {
        RowWriter { database: self, batch: WriteBatch::default() }
    }

    /// Returns the rows between two keys, in order.
    pub(super) fn rows<B: AsRef<[u8]>>(&self, bounds: Range<B>) -> Rows<'_> {
        Rows::new(&self.db, self.path(), bounds, true)
    }
}

/// Writes rows in large batches; what is left is written by [`finish`](Self::finish).
pub(super) struct RowWriter<'a> {
    database: &'a Database,
    batch: WriteBatch,
}

impl RowWriter<'_> {
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), DatabaseError> {
        self.batch.put(key, value);
        self.write_full()
    }

    pub(super) fn delete(&mut self, key: &[u8]) -> Result<(), DatabaseError> {
        self.batch.delete(key);
        self.write_full()
    }

    fn write_full(&mut self) -> Result<(), DatabaseError> {
        if self.batch.size_in_bytes() < BATCH_BYTES {
            return Ok(());
        }
        self.database.write(std::mem::take(&mut self.batch))
    }

    pub(super) fn finish(self) -> Result<(), DatabaseError> {
        self.database.write(self.batch)
    }
}

/// Rows in order.
pub(super) struct Rows<'a> {
    iterator: DBRawIterator<'a>,
    path: &'a Path,
    started: bool,
}

impl<'a> Rows<'a> {
    /// `cached`: whether blocks that are read stay in memory.
    pub(super) fn new<B: AsRef<[u8]>>(
        db: &'a DB,
        path: &'a Path,
        bounds: Range<B>,
        cached: bool,
    ) -> Self {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(bounds.start.as_ref());
        options.set_iterate_upper_bound(bounds.end.as_ref());
        options.fill_cache(cached);
        options.set_verify_checksums(true);
        if !cached {
            options.set_readahead_size(2 << 20);
        }
        Self { iterator: db.raw_iterator_opt(options), path, started: false }
    }

    /// Returns the next row: its key and its value.
    pub(super) fn next(&mut self) -> Result<Option<(RowKey<'_>, &[u8])>, DatabaseError> {
        if self.started {
            self.iterator.next();
        }
        self.peek()
    }

    /// Returns the row that was returned last, the first one if there was none.
    pub(super) fn peek(&mut self) -> Result<Option<(RowKey<'_>, &[u8])>, DatabaseError> {
        if !self.started {
            self.iterator.seek_to_first();
            self.started = true;
        }
        let (path, iterator) = (self.path, &self.iterator);
        match iterator.item() {
            Some((key, value)) => match RowKey::read(key) {
                Some(key) => Ok(Some((key, value))),
                None => Err(DatabaseError::new("read", path, "it holds a row of another form")),
            },
            None => match iterator.status() {
                Ok(()) => Ok(None),
                Err(error) => Err(DatabaseError::new("read", path, error)),
            },
        }
    }
}
