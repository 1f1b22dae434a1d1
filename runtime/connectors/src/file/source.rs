//! Files as a source.

use std::path::PathBuf;

use sciurus_core::BoxError;
use sciurus_engine::source::{
    Boundedness, ReaderContext, Source, SourceReader, SplitEnumerator, SplitQueue, SplitQueueState,
};

use super::format::FileFormat;
use super::paths::{self, InputPaths};
use super::reader::FileReader;
use super::split::{FileSplit, SplitPlan};
use super::text::TextFormat;

/// Reads files: one, many, all of a folder, or those that match a pattern. Large files are read in
/// several splits at once; the records of a split come in order.
///
/// ```
/// use sciurus_connectors::FileSource;
///
/// let one = FileSource::text("book.txt");
/// let many = FileSource::text(["logs", "more/*.log"]);
/// ```
#[derive(Debug, Clone)]
pub struct FileSource<F> {
    paths: Vec<PathBuf>,
    pub(super) format: F,
    split_bytes: Option<u64>,
}

impl FileSource<TextFormat> {
    /// Reads lines of text, UTF-8, without their line ends (`\n` or `\r\n`). Bytes that are no
    /// UTF-8 become `U+FFFD`.
    pub fn text(paths: impl InputPaths) -> Self {
        Self::of(paths, TextFormat)
    }
}

impl<F: FileFormat> FileSource<F> {
    /// Reads files of any format.
    pub fn of(paths: impl InputPaths, format: F) -> Self {
        Self { paths: paths.into_paths(), format, split_bytes: None }
    }

    /// Sets the bytes of a split, instead of by the size of the input and the parallelism.
    #[must_use]
    pub fn split_bytes(mut self, bytes: u64) -> Self {
        self.split_bytes = Some(bytes);
        self
    }
}

impl<F: FileFormat> Source for FileSource<F> {
    type Item = F::Item;
    type Split = FileSplit;
    type EnumeratorState = SplitQueueState<FileSplit>;

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn enumerator(
        &self,
        parallelism: u32,
        restored: Option<SplitQueueState<FileSplit>>,
    ) -> Result<Box<dyn SplitEnumerator<FileSplit, SplitQueueState<FileSplit>>>, BoxError> {
        let queue = SplitQueue::restored_or(restored, || {
            let files = paths::find(&self.paths)?;
            let plan = SplitPlan {
                split_bytes: self.split_bytes,
                whole_files: self.format.record_end().is_some(),
            };
            let splits = plan.splits(&files, parallelism);
            let sizes = splits.iter().map(|split| Some(split.end? - split.start));
            let total_bytes = sizes.sum();
            Ok(SplitQueue::new(splits).with_total_bytes(total_bytes))
        });
        Ok(Box::new(queue?))
    }

    fn reader(
        &self,
        context: &ReaderContext,
    ) -> Result<Box<dyn SourceReader<F::Item, FileSplit>>, BoxError> {
        let decoder = self.format.decoder(context)?;
        Ok(Box::new(FileReader::new(decoder, self.format.record_end(), context)))
    }
}
