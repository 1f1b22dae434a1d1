//! Comma-separated values.

mod cells;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::{BoxError, Record};
use sciurus_engine::source::ReaderContext;

use super::blocks::LastRecordEnd;
use super::format::{BlockDecoder, FileFormat};
use super::malformed::{MalformedRecords, Reporter};
use super::paths::InputPaths;
use super::records::RecordDecoder;
use super::source::FileSource;
use crate::columns::{Rows, Syntax};
use cells::Dialect;
use parser::CsvParser;

/// Rows of cells: RFC 4180, with options.
///
/// Cells go to the fields of `T` in their order, or by name where the files have a header. An
/// empty cell that isn't quoted is null for an `Option`. Dates and times are ISO 8601 text,
/// durations too (a number is milliseconds), bytes are base64. Empty lines are skipped.
pub struct CsvFormat<T> {
    dialect: Dialect,
    header: bool,
    comment: Option<u8>,
    null_literal: String,
    multi_line: bool,
    malformed: MalformedRecords,
    records: PhantomData<fn() -> T>,
}

/// Reads files of comma-separated values.
///
/// ```
/// use sciurus_connectors::CsvSource;
///
/// let source = CsvSource::<(String, f64)>::new("sensors/*.csv").delimiter(b';').skip_malformed();
/// ```
pub type CsvSource<T> = FileSource<CsvFormat<T>>;

impl<T: Record> CsvSource<T> {
    /// Reads `paths`: files, folders or patterns.
    pub fn new(paths: impl InputPaths) -> Self {
        Self::of(paths, CsvFormat::default())
    }

    /// Takes the first row of each file as the names of the columns. Each field of `T` takes the
    /// column of its name, wherever it stands; columns without a field are ignored, and an `Option`
    /// without a column is null.
    #[must_use]
    pub fn with_header(mut self) -> Self {
        self.format.header = true;
        self
    }

    /// Sets what separates cells, instead of a comma: an ASCII character.
    ///
    /// # Panics
    /// Where it is no ASCII character, or a line end.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.dialect.delimiter = ascii(delimiter);
        self
    }

    /// Sets what encloses cells that hold delimiters, instead of `"`; `None` where nothing does.
    ///
    /// # Panics
    /// Where it is no ASCII character, or a line end.
    #[must_use]
    pub fn quote(mut self, quote: Option<u8>) -> Self {
        self.format.dialect.quote = quote.map(ascii);
        self
    }

    /// Skips lines that start with `comment`.
    ///
    /// # Panics
    /// Where it is no ASCII character, or a line end.
    #[must_use]
    pub fn comment(mut self, comment: u8) -> Self {
        self.format.comment = Some(ascii(comment));
        self
    }

    /// Sets which cells are null for an `Option`, instead of empty ones.
    #[must_use]
    pub fn null_literal(mut self, literal: impl Into<String>) -> Self {
        self.format.null_literal = literal.into();
        self
    }

    /// Allows line ends within quoted cells. Each file is then read by one reader only: from the
    /// midst of a file it can't be told whether a line end is within quotes.
    #[must_use]
    pub fn multi_line(mut self) -> Self {
        self.format.multi_line = true;
        self
    }

    /// Leaves out rows that are malformed or don't fit `T`, and counts them, instead of failing.
    #[must_use]
    pub fn skip_malformed(mut self) -> Self {
        self.format.malformed = MalformedRecords::Skip;
        self
    }
}

fn ascii(character: u8) -> u8 {
    let fits = character.is_ascii() && character != b'\n' && character != b'\r';
    assert!(
        fits,
        "the byte {character} can't structure CSV: it is no ASCII character, or a line end"
    );
    character
}

impl<T: Record> FileFormat for CsvFormat<T> {
    type Item = T;

    fn record_end(&self) -> Option<LastRecordEnd> {
        let dialect = self.dialect;
        self.multi_line.then(|| Arc::new(move |text: &[u8]| dialect.last_record_end(text)) as _)
    }

    fn decoder(&self, context: &ReaderContext) -> Result<Box<dyn BlockDecoder>, BoxError> {
        let mut rows = Rows::of::<T>(Syntax::Csv)?;
        let parser = CsvParser::new(self, &mut rows);
        let reporter = Reporter::new(self.malformed, context.operator.metrics.clone());
        Ok(Box::new(RecordDecoder::new(parser, rows, reporter)))
    }
}

impl<T> Default for CsvFormat<T> {
    fn default() -> Self {
        Self {
            dialect: Dialect { delimiter: b',', quote: Some(b'"') },
            header: false,
            comment: None,
            null_literal: String::new(),
            multi_line: false,
            malformed: MalformedRecords::default(),
            records: PhantomData,
        }
    }
}

impl<T> Clone for CsvFormat<T> {
    fn clone(&self) -> Self {
        Self { null_literal: self.null_literal.clone(), records: PhantomData, ..*self }
    }
}

impl<T> fmt::Debug for CsvFormat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvFormat")
            .field("dialect", &self.dialect)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
