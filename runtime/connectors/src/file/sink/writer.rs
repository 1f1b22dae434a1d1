//! The writer of one subtask: its buckets and the file that is open in each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sciurus_core::clock::Clock;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, BoxError, Columns, Record};
use sciurus_engine::metrics::OperatorMetrics;
use sciurus_engine::operator::OperatorContext;

use super::bucket::{self, BucketAssigner};
use super::committer::FileCommittable;
use super::encoder::Encoder;
use super::folders;
use super::leftovers::OwnerTag;
use super::part::{PartFile, random_uuid};
use super::rolling::RollingPolicy;
use super::{FileSink, FileSinkError, PartNames};
use crate::sink::SinkWriter;

pub(super) struct FileWriter<T: Record> {
    folder: PathBuf,
    assigner: BucketAssigner<T>,
    encoder: Box<dyn Encoder<T>>,
    parts: Parts,
}

/// The files that are open, and those that are closed but not yet committed.
struct Parts {
    names: PartNames,
    uid: String,
    policy: RollingPolicy,
    clock: Arc<dyn Clock>,
    metrics: Arc<OperatorMetrics>,
    open: BTreeMap<String, PartFile>,
    /// How many files each bucket has had.
    counts: BTreeMap<String, u64>,
    closed: Vec<FileCommittable>,
    owner: Option<OwnerTag>,
    /// The folders of files that were closed since they were last made durable.
    unsynced: BTreeSet<PathBuf>,
}

impl<T: Record> FileWriter<T> {
    pub(super) fn open(sink: &FileSink<T>, context: &OperatorContext) -> Result<Self, BoxError> {
        let encoder = (sink.encoder)()?;
        folders::create(&sink.folder)?;
        let parts = Parts {
            names: sink.names.clone(),
            uid: random_uuid(),
            policy: sink.policy,
            clock: context.clock.clone(),
            metrics: context.metrics.clone(),
            open: BTreeMap::new(),
            counts: BTreeMap::new(),
            closed: Vec::new(),
            owner: OwnerTag::of(context),
            unsynced: BTreeSet::new(),
        };
        let is_restart = context.subtask.attempt > 0 || context.state.is_restored();
        if let Some(owner) = parts.owner.as_ref().filter(|_| is_restart) {
            owner.clean_up(&sink.folder);
        }
        let (folder, assigner) = (sink.folder.clone(), sink.assigner.clone());
        Ok(Self { folder, assigner, encoder, parts })
    }

    /// Writes `rows` into the file of `bucket` until it is full, and returns how many went in.
    fn write_part(
        &mut self,
        bucket: &str,
        columns: &T::Columns,
        rows: &[u32],
        now: Timestamp,
    ) -> Result<usize, BoxError> {
        let max_bytes = self.parts.policy.max_part_bytes;
        if !self.parts.open.contains_key(bucket) {
            let folder = bucket::folder(&self.folder, bucket)?;
            let mut part = self.parts.create(&folder, bucket, now)?;
            self.encoder.encode_header(&mut part.buffer);
            self.parts.open.insert(bucket.to_owned(), part);
        }
        let Some(part) = self.parts.open.get_mut(bucket) else { return Ok(0) };
        part.last_write = now;
        let mut written = 0;
        for row in rows {
            let row = *row as usize;
            self.encoder.encode(columns.get(row), row, &mut part.buffer)?;
            written += 1;
            if part.bytes() >= max_bytes {
                break;
            }
        }
        part.write_some()?;
        if part.bytes() >= max_bytes {
            self.parts.close(bucket)?;
        }
        Ok(written)
    }

    fn write_rows(
        &mut self,
        bucket: &str,
        columns: &T::Columns,
        mut rows: &[u32],
        now: Timestamp,
    ) -> Result<(), BoxError> {
        while !rows.is_empty() {
            rows = &rows[self.write_part(bucket, columns, rows, now)?..];
        }
        Ok(())
    }
}

impl Parts {
    fn create(
        &mut self,
        folder: &Path,
        bucket: &str,
        now: Timestamp,
    ) -> Result<PartFile, FileSinkError> {
        let count = self.counts.entry(bucket.to_owned()).or_default();
        let PartNames { prefix, suffix } = &self.names;
        let name = format!("{prefix}-{}-{count}{suffix}", self.uid);
        *count += 1;
        PartFile::create(folder, &name, self.owner.as_ref(), now, self.metrics.clone())
    }

    fn close(&mut self, bucket: &str) -> Result<(), FileSinkError> {
        if let Some(part) = self.open.remove(bucket) {
            self.unsynced.insert(part.folder().to_owned());
            self.closed.push(part.finish()?);
        }
        Ok(())
    }

    /// Makes durable that closed files are in their folders: a checkpoint that names a file must
    /// find it after a power failure too.
    fn sync_folders(&mut self) -> Result<(), FileSinkError> {
        std::mem::take(&mut self.unsynced).iter().try_for_each(|folder| folders::sync(folder))
    }

    fn close_if(&mut self, close: impl Fn(&PartFile) -> bool) -> Result<(), FileSinkError> {
        let buckets = self.open.iter().filter(|(_, part)| close(part));
        let buckets: Vec<_> = buckets.map(|(bucket, _)| bucket.clone()).collect();
        buckets.iter().try_for_each(|bucket| self.close(bucket))
    }
}

impl<T: Record> SinkWriter<T, FileCommittable> for FileWriter<T> {
    fn write_batch(&mut self, batch: &Batch, columns: &T::Columns) -> Result<(), BoxError> {
        self.encoder.start_batch(batch)?;
        let now = self.parts.clock.now();
        let rows = match batch.selection() {
            Some(selection) => selection.clone(),
            None => (0..batch.physical_len() as u32).collect(),
        };
        let name = match &self.assigner {
            BucketAssigner::ByRecord(name) => name.clone(),
            assigner => {
                let bucket = assigner.at(now).unwrap_or_default();
                self.write_rows(&bucket, columns, &rows, now)?;
                return Ok(());
            }
        };
        let mut buckets = BTreeMap::<String, Vec<u32>>::new();
        for row in &rows {
            buckets.entry(name(columns.get(*row as usize))).or_default().push(*row);
        }
        for (bucket, rows) in buckets {
            self.write_rows(&bucket, columns, &rows, now)?;
        }
        Ok(())
    }

    fn flush(&mut self, _: bool) -> Result<(), BoxError> {
        // A checkpoint closes files too: what is written behind it isn't part of it.
        Ok(self.parts.close_if(|_| true)?)
    }

    fn prepare_commit(&mut self) -> Result<Vec<FileCommittable>, BoxError> {
        self.parts.sync_folders()?;
        Ok(std::mem::take(&mut self.parts.closed))
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        let policy = self.parts.policy;
        self.parts.open.values().map(|part| policy.due(part.created, part.last_write)).min()
    }

    fn on_processing_time(&mut self, now: Timestamp) -> Result<(), BoxError> {
        let policy = self.parts.policy;
        Ok(self.parts.close_if(|part| policy.due(part.created, part.last_write) <= now)?)
    }

    fn close(&mut self) -> Result<(), BoxError> {
        self.parts.open.clear();
        for file in self.parts.closed.drain(..) {
            fs::remove_file(&file.pending)?;
        }
        Ok(())
    }
}
