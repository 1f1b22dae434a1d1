//! Writing files: in which form ([`encoder`]), in which folders ([`bucket`]), when a new one
//! begins ([`rolling`]).
//!
//! A part file is hidden while it is written (`.part-<uid>-<n>.inprogress.<owner>.<uuid>`) and
//! while it waits, whole, to be committed (`.part-<uid>-<n>.pending.<uuid>`); then it is renamed to
//! `part-<uid>-<n>`. Who reads the folder sees finished files only, and each of them whole. The uid
//! tells the subtasks' files apart, and those of their attempts.
//!
//! With checkpoints every record is in exactly one file that gets visible. A checkpoint closes all
//! files, makes them durable and names them; they get visible once it is complete. So no file has
//! records from before and behind a checkpoint, as with Flink's `OnCheckpointRollingPolicy`, which
//! is all that its bulk formats have. (Flink's row formats can go on with a file behind a
//! checkpoint, and cut it back to there when they are restored: the same records in fewer files,
//! which object stores can't do.) How often files get visible, and how large they get, is the
//! checkpoint interval's to say, unless the rolling policy closes them earlier.
//!
//! Without checkpoints files are committed at the end of a bounded input, all those of a subtask at
//! once; where the input has no end, each file as soon as the rolling policy closes it.
//!
//! Files of a subtask that fails are removed. What a process that is killed was writing stays
//! hidden until the subtask is restarted, which removes it: the owner in the name is job, operator
//! and subtask. Files that wait for a checkpoint are never removed, a savepoint may name them.

pub mod bucket;
mod committer;
pub mod encoder;
#[cfg(test)]
mod exactly_once;
mod folders;
mod leftovers;
mod part;
pub mod rolling;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sciurus_core::{BoxError, Record};
use sciurus_engine::operator::OperatorContext;

use crate::sink::{Committer, Sink, SinkWriter};
use bucket::BucketAssigner;
pub use committer::FileCommittable;
use committer::FileCommitter;
use encoder::{CsvEncoder, Encoder, JsonLinesEncoder, TextEncoder};
use rolling::RollingPolicy;
use writer::FileWriter;

type MakeEncoder<T> = Arc<dyn Fn() -> Result<Box<dyn Encoder<T>>, BoxError> + Send + Sync>;

/// Writes records into the files of a folder; see the [module](self).
///
/// ```
/// use std::time::Duration;
/// use sciurus_connectors::file::sink::rolling::RollingPolicy;
/// use sciurus_connectors::FileSink;
///
/// let policy = RollingPolicy::default().rollover_interval(Duration::from_secs(10));
/// let counts = FileSink::<(String, i64)>::text("out").rolling_policy(policy);
/// let by_word = FileSink::<(String, i64)>::csv("out").bucket_by(|(word, _)| word.to_owned());
/// ```
pub struct FileSink<T: Record> {
    folder: PathBuf,
    encoder: MakeEncoder<T>,
    assigner: BucketAssigner<T>,
    policy: RollingPolicy,
    names: PartNames,
}

/// What the names of finished files begin and end with.
#[derive(Debug, Clone)]
struct PartNames {
    prefix: String,
    suffix: String,
}

impl<T: Record> FileSink<T> {
    /// Writes each record as a line of text, as it is printed.
    pub fn text(folder: impl Into<PathBuf>) -> Self {
        Self::new(folder, || Ok(Box::new(TextEncoder::default())))
    }

    /// Writes comma-separated values.
    pub fn csv(folder: impl Into<PathBuf>) -> Self {
        Self::new(folder, || Ok(Box::new(CsvEncoder::new::<T>(false)?)))
    }

    /// Writes comma-separated values, and the fields' names as the first row of each file.
    pub fn csv_with_header(folder: impl Into<PathBuf>) -> Self {
        Self::new(folder, || Ok(Box::new(CsvEncoder::new::<T>(true)?)))
    }

    /// Writes a JSON object for each record, one a line; a plain value where records have no
    /// fields.
    pub fn json_lines(folder: impl Into<PathBuf>) -> Self {
        Self::new(folder, || Ok(Box::new(JsonLinesEncoder::<T>::new())))
    }

    /// Writes what encoders of the user's make of each record.
    pub fn with_encoder<E: Encoder<T> + 'static>(
        folder: impl Into<PathBuf>,
        make: impl Fn() -> E + Send + Sync + 'static,
    ) -> Self {
        Self::new(folder, move || Ok(Box::new(make())))
    }

    fn new(
        folder: impl Into<PathBuf>,
        encoder: impl Fn() -> Result<Box<dyn Encoder<T>>, BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            folder: folder.into(),
            encoder: Arc::new(encoder),
            assigner: BucketAssigner::BasePath,
            policy: RollingPolicy::default(),
            names: PartNames { prefix: "part".to_owned(), suffix: String::new() },
        }
    }

    /// Sets when a file is closed and the next one begins.
    #[must_use]
    pub fn rolling_policy(mut self, policy: RollingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets which folder within the sink's folder each record goes to.
    #[must_use]
    pub fn bucket_assigner(mut self, assigner: BucketAssigner<T>) -> Self {
        self.assigner = assigner;
        self
    }

    /// Puts each record into the folder, within the sink's folder, that `bucket` names.
    #[must_use]
    pub fn bucket_by<F>(self, bucket: F) -> Self
    where
        F: for<'a> Fn(T::View<'a>) -> String + Send + Sync + 'static,
    {
        self.bucket_assigner(BucketAssigner::by(bucket))
    }

    /// Sets what the names of files begin with, instead of `part`.
    #[must_use]
    pub fn part_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.names.prefix = prefix.into();
        self
    }

    /// Sets what the names of files end with, for instance `.csv`.
    #[must_use]
    pub fn part_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.names.suffix = suffix.into();
        self
    }
}

impl<T: Record> fmt::Debug for FileSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSink").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<T: Record> Sink<T> for FileSink<T> {
    type Committable = FileCommittable;

    fn writer(
        &self,
        context: &OperatorContext,
    ) -> Result<Box<dyn SinkWriter<T, FileCommittable>>, BoxError> {
        Ok(Box::new(FileWriter::open(self, context)?))
    }

    fn committer(
        &self,
        _: &OperatorContext,
    ) -> Result<Box<dyn Committer<FileCommittable>>, BoxError> {
        Ok(Box::new(FileCommitter))
    }
}

/// Why files can't be written. Every message names the path.
#[derive(Debug, thiserror::Error)]
pub enum FileSinkError {
    /// The sink's folder is something else.
    #[error("the output {} is a file, not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder or file that can't be made or written.
    #[error("cannot write {}: {error}", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A finished file that is gone before it was renamed.
    #[error("cannot finish {}: {error}", path.display())]
    Unfinished {
        /// The path it was to get.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A bucket that lies outside of the sink's folder, or is hidden from those who read it.
    #[error(
        "'{bucket}' cannot be the name of a bucket: it must be a path within the output folder, without '.' and '..'"
    )]
    Bucket {
        /// What the assigner returned.
        bucket: String,
    },
}

impl FileSinkError {
    fn unwritable(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Unwritable { path, error }
    }
}
