//! Which folder a record goes to.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Local};
use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::FileSinkError;

/// Flink's default: a folder for each hour.
const HOURLY: &str = "%Y-%m-%d--%H";

/// Assigns records to buckets: folders within the sink's folder.
pub enum BucketAssigner<T: Record> {
    /// Puts all files into the sink's folder itself.
    BasePath,
    /// Names buckets by the processing time in the machine's time zone, in a format of `chrono`'s
    /// (that of `strftime`).
    DateTime {
        /// The format.
        format: String,
    },
    /// Names buckets by a function of the record.
    ByRecord(NameBucket<T>),
}

/// Names the bucket of a record.
pub type NameBucket<T> = Arc<dyn for<'a> Fn(<T as Record>::View<'a>) -> String + Send + Sync>;

impl<T: Record> BucketAssigner<T> {
    /// Makes a bucket each hour, such as `2024-02-29--23`.
    pub fn hourly() -> Self {
        Self::DateTime { format: HOURLY.to_owned() }
    }

    /// Names buckets by a function of the record; a name may have several parts, as in `a/b`.
    pub fn by<F>(bucket: F) -> Self
    where
        F: for<'a> Fn(T::View<'a>) -> String + Send + Sync + 'static,
    {
        Self::ByRecord(Arc::new(bucket))
    }

    /// Returns the bucket of all records that are written at `now`; `None` where it depends on the
    /// record.
    pub(super) fn at(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::BasePath => Some(String::new()),
            Self::DateTime { format } => {
                let now = DateTime::from_timestamp_millis(now).unwrap_or_default();
                Some(now.with_timezone(&Local).format(format).to_string())
            }
            Self::ByRecord(_) => None,
        }
    }
}

impl<T: Record> Clone for BucketAssigner<T> {
    fn clone(&self) -> Self {
        match self {
            Self::BasePath => Self::BasePath,
            Self::DateTime { format } => Self::DateTime { format: format.clone() },
            Self::ByRecord(bucket) => Self::ByRecord(bucket.clone()),
        }
    }
}

impl<T: Record> fmt::Debug for BucketAssigner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BasePath => f.write_str("BasePath"),
            Self::DateTime { format } => write!(f, "DateTime({format})"),
            Self::ByRecord(_) => f.write_str("ByRecord"),
        }
    }
}

/// Returns the folder of a bucket.
pub(super) fn folder(base: &Path, bucket: &str) -> Result<PathBuf, FileSinkError> {
    let normal = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !Path::new(bucket).components().all(normal) {
        return Err(FileSinkError::Bucket { bucket: bucket.to_owned() });
    }
    Ok(base.join(bucket))
}
