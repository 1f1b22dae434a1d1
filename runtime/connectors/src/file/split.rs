//! Byte ranges of files, read independently of each other.

use sciurus_engine::source::SourceSplit;
use serde::{Deserialize, Serialize};

use super::paths::FoundFile;

/// How many splits there are for each reader, so that a slow one doesn't hold up the others for
/// long.
const SPLITS_PER_READER: u64 = 8;
/// Below this, opening and seeking would cost more than an even distribution gains.
const MIN_SPLIT_BYTES: u64 = 4 << 20;
/// Above this, a reader that started late would be the last for long.
const MAX_SPLIT_BYTES: u64 = 64 << 20;

/// The lines (or records) of a file that start in a range of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    /// The file.
    pub path: String,
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one; `None` reads to the end of the file.
    pub end: Option<u64>,
    /// From where to go on, where a part was read already.
    pub position: Option<SplitPosition>,
}

/// How far a split was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPosition {
    /// The byte at which a record starts.
    pub offset: u64,
    /// How many records were read from there on.
    pub records: u64,
}

impl SourceSplit for FileSplit {
    fn id(&self) -> String {
        format!("{}:{}", self.path, self.start)
    }
}

/// Divides files into splits.
#[derive(Debug, Clone, Copy, Default)]
pub struct SplitPlan {
    /// Bytes a split; chosen by the size of the input where `None`.
    pub split_bytes: Option<u64>,
    /// Whether a file is read as a whole.
    pub whole_files: bool,
}

impl SplitPlan {
    /// Returns the splits of `files` for `parallelism` readers.
    pub fn splits(&self, files: &[FoundFile], parallelism: u32) -> Vec<FileSplit> {
        let total: u64 = files.iter().filter_map(|file| file.len).sum();
        let even = total / (u64::from(parallelism.max(1)) * SPLITS_PER_READER);
        let even = even.clamp(MIN_SPLIT_BYTES, MAX_SPLIT_BYTES);
        let split_bytes = self.split_bytes.unwrap_or(even).max(1);
        files.iter().flat_map(|file| self.splits_of(file, split_bytes)).collect()
    }

    fn splits_of(&self, file: &FoundFile, split_bytes: u64) -> Vec<FileSplit> {
        let split = |start, end| FileSplit { path: file.path.clone(), start, end, position: None };
        match file.len {
            None => vec![split(0, None)],
            Some(0) => Vec::new(),
            Some(len) if self.whole_files => vec![split(0, Some(len))],
            Some(len) => {
                let count = len.div_ceil(split_bytes);
                // Without overflow where a file has exabytes.
                let bound = |n: u64| (u128::from(len) * u128::from(n) / u128::from(count)) as u64;
                (0..count).map(|n| split(bound(n), Some(bound(n + 1)))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(len: u64) -> FoundFile {
        FoundFile { path: "f".to_owned(), len: Some(len) }
    }

    fn ranges(plan: SplitPlan, len: u64, parallelism: u32) -> Vec<(u64, u64)> {
        let splits = plan.splits(&[file(len)], parallelism);
        splits.into_iter().map(|split| (split.start, split.end.unwrap())).collect()
    }

    #[test]
    fn splits_cover_a_file_without_gap_or_overlap() {
        for split_bytes in [1, 3, 10, 100] {
            let plan = SplitPlan { split_bytes: Some(split_bytes), ..SplitPlan::default() };
            let mut expected = 0;
            for (start, end) in ranges(plan, 10, 2) {
                assert_eq!(start, expected);
                assert!(start < end);
                expected = end;
            }
            assert_eq!(expected, 10);
        }
    }

    #[test]
    fn small_files_are_one_split_and_large_ones_several_for_each_reader() {
        assert_eq!(ranges(SplitPlan::default(), MIN_SPLIT_BYTES, 8).len(), 1);
        assert_eq!(ranges(SplitPlan::default(), 1 << 30, 4).len(), 32);
        assert_eq!(ranges(SplitPlan::default(), 1 << 36, 4).len(), 1 << 10);
    }

    #[test]
    fn empty_files_have_no_split_and_streams_one_without_end() {
        assert!(ranges(SplitPlan::default(), 0, 4).is_empty());
        let stream = FoundFile { path: "f".to_owned(), len: None };
        let splits = SplitPlan::default().splits(&[stream], 4);
        assert_eq!(splits.len(), 1);
        assert_eq!((splits[0].start, splits[0].end), (0, None));
    }
}
