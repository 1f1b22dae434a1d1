//! A sink that adds up the counts it gets, in a way that doesn't depend on their order.

use std::io::Write;
use std::path::PathBuf;

use sciurus::connectors::sink::SinkWriter;
use sciurus::engine::operator::OperatorContext;
use sciurus::prelude::*;
use sciurus::{Batch, Columns};

use crate::output::new_file;

/// What counts are counts of.
pub trait Key: Record {
    /// A key's hash.
    fn hash(key: Self::View<'_>) -> u64;
}

impl Key for String {
    fn hash(key: &str) -> u64 {
        crate::arithmetic::hash_of_text(key)
    }
}

impl Key for i64 {
    fn hash(key: i64) -> u64 {
        crate::arithmetic::mix(key as u64)
    }
}

/// Sends counts nowhere where there is no folder, else into a [`Digest`].
pub fn digest_or_discard<K: Key>(counts: &DataStream<(K, i64)>, folder: Option<&PathBuf>)
where
    for<'a> (K, i64): Record<View<'a> = (K::View<'a>, i64)>,
{
    match folder {
        Some(folder) => drop(counts.sink_to(Digest { folder: folder.clone() }).name("digest")),
        None => drop(counts.discard()),
    }
}

/// Adds up what it gets; at the end each subtask writes a line into a file of its own: how many
/// records there were, the sum of counts, and that of counts times the hash of their key.
#[derive(Debug, Clone)]
struct Digest {
    folder: PathBuf,
}

impl<K: Key> Sink<(K, i64)> for Digest
where
    for<'a> (K, i64): Record<View<'a> = (K::View<'a>, i64)>,
{
    type Committable = ();

    fn writer(&self, _: &OperatorContext) -> Result<Box<dyn SinkWriter<(K, i64), ()>>, BoxError> {
        let folder = self.folder.clone();
        Ok(Box::new(DigestWriter { folder, records: 0, counts: 0, checksum: 0 }))
    }
}

struct DigestWriter {
    folder: PathBuf,
    records: u64,
    counts: i64,
    checksum: u64,
}

impl<K: Key> SinkWriter<(K, i64), ()> for DigestWriter
where
    for<'a> (K, i64): Record<View<'a> = (K::View<'a>, i64)>,
{
    fn write_batch(
        &mut self,
        batch: &Batch,
        columns: &<(K, i64) as Record>::Columns,
    ) -> Result<(), BoxError> {
        self.records += batch.len() as u64;
        batch.for_each(|row| {
            let (key, count) = columns.get(row);
            self.counts += count;
            let part = K::hash(key).wrapping_mul(count as u64);
            self.checksum = self.checksum.wrapping_add(part);
        });
        Ok(())
    }

    fn flush(&mut self, end_of_input: bool) -> Result<(), BoxError> {
        if end_of_input {
            let mut file = new_file(&self.folder, "digest")?;
            writeln!(file, "{} {} {}", self.records, self.counts, self.checksum)?;
        }
        Ok(())
    }
}
