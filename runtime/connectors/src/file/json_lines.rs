//! JSON lines.

use std::fmt;
use std::marker::PhantomData;

use sciurus_core::{BoxError, Record};
use sciurus_engine::source::ReaderContext;

use super::format::{BlockDecoder, FileFormat};
use super::malformed::{MalformedRecords, Reporter};
use super::paths::InputPaths;
use super::records::{RecordDecoder, RecordParser};
use super::source::FileSource;
use crate::columns::{Rows, Syntax, json_reason};

/// A JSON object on each line, or a value where `T` has no fields.
///
/// Fields go by name, in any order; those that `T` doesn't have are ignored, and an `Option` may be
/// missing or null. Dates and times are ISO 8601 text (a number is milliseconds since the Unix
/// epoch), durations too (a number is milliseconds), bytes are base64. Empty lines are skipped.
pub struct JsonLinesFormat<T> {
    malformed: MalformedRecords,
    records: PhantomData<fn() -> T>,
}

/// Reads JSON lines.
///
/// ```
/// use sciurus_connectors::JsonLinesSource;
///
/// let source = JsonLinesSource::<(String, i64)>::new("words/*.jsonl").skip_malformed();
/// ```
pub type JsonLinesSource<T> = FileSource<JsonLinesFormat<T>>;

impl<T: Record> JsonLinesSource<T> {
    /// Reads `paths`: files, folders or patterns.
    pub fn new(paths: impl InputPaths) -> Self {
        let format =
            JsonLinesFormat { malformed: MalformedRecords::default(), records: PhantomData };
        Self::of(paths, format)
    }

    /// Leaves out lines that are malformed or don't fit `T`, and counts them, instead of failing.
    #[must_use]
    pub fn skip_malformed(mut self) -> Self {
        self.format.malformed = MalformedRecords::Skip;
        self
    }
}

impl<T: Record> FileFormat for JsonLinesFormat<T> {
    type Item = T;

    fn decoder(&self, context: &ReaderContext) -> Result<Box<dyn BlockDecoder>, BoxError> {
        let rows = Rows::of::<T>(Syntax::Json)?;
        let reporter = Reporter::new(self.malformed, context.operator.metrics.clone());
        Ok(Box::new(RecordDecoder::new(JsonParser, rows, reporter)))
    }
}

impl<T> Clone for JsonLinesFormat<T> {
    fn clone(&self) -> Self {
        Self { malformed: self.malformed, records: PhantomData }
    }
}

impl<T> fmt::Debug for JsonLinesFormat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesFormat").field("malformed", &self.malformed).finish()
    }
}

struct JsonParser;

impl RecordParser for JsonParser {
    fn is_blank(&self, record: &str) -> bool {
        record.trim_ascii().is_empty()
    }

    fn parse(&mut self, record: &str, rows: &mut Rows) -> Result<(), String> {
        rows.append_json(record).map_err(|error| json_reason(&error))
    }
}

#[cfg(test)]
mod tests {
    use sciurus_engine::TaskResult;

    use super::*;
    use crate::testing::{Read, message, read};

    type Nested = (String, Option<i32>, Vec<(i64, Option<String>)>);

    fn read_json<T: Record>(content: impl AsRef<[u8]>, skip: bool) -> TaskResult<Read<T>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.jsonl");
        std::fs::write(&path, content).unwrap();
        let source = JsonLinesSource::new(path).split_bytes(50);
        read(if skip { source.skip_malformed() } else { source }, 1)
    }

    fn error<T: Record>(content: impl AsRef<[u8]>) -> String {
        let message = message(&read_json::<T>(content, false).err().unwrap());
        message.split_once("data.jsonl, ").unwrap().1.to_owned()
    }

    #[test]
    fn fields_go_by_name_and_absent_options_are_null() {
        let content = r#"{"f0": "a\n\"b\"", "f1": 1, "f2": [{"f0": 7, "f1": "x"}, {"f0": 8}]}

            {"more": {"deep": [1]}, "f2": [], "f0": "c", "f1": null}"#;
        let read = read_json::<Nested>(content, false).unwrap().all();
        let items = vec![(7, Some("x".to_owned())), (8, None)];
        let expected =
            [("a\n\"b\"".to_owned(), Some(1), items), ("c".to_owned(), None, Vec::new())];
        assert_eq!(read, expected);
    }

    #[test]
    fn records_without_fields_are_plain_values() {
        assert_eq!(read_json::<i64>("1\n-2\n", false).unwrap().all(), [1, -2]);
        let options = read_json::<Option<String>>("\"a\"\nnull\n", false).unwrap().all();
        assert_eq!(options, [Some("a".to_owned()), None]);
        assert_eq!(read_json::<Vec<f64>>("[1, 2.5]\n", false).unwrap().all(), [[1.0, 2.5]]);
    }

    #[test]
    fn errors_name_file_line_and_field() {
        let good = "{\"f0\": \"a\", \"f2\": []}\n".repeat(20);
        let error = |line: &str| error::<Nested>(good.clone() + line + "\n" + &good);
        let missing = error(r#"{"f0": "a"}"#);
        assert_eq!(missing, "line 21: field 'f2' is missing or null, and can't be absent");
        let deep = error(r#"{"f0": "a", "f2": [{"f0": "seven"}]}"#);
        assert!(
            deep.starts_with("line 21: column 33: field 'f2.item.f0': 'seven' is not a number"),
            "{deep}"
        );
        let list = error(r#"{"f0": ["a"], "f2": []}"#);
        assert!(list.contains("field 'f0': a list is not text"), "{list}");
        assert_eq!(
            error(r#"{"f0": "a", "f0": "b", "f2": []}"#),
            "line 21: column 16: field 'f0' comes twice"
        );
        let syntax = error("{\"f0\"");
        assert!(syntax.starts_with("line 21: column 5: EOF"), "{syntax}");
        assert!(error("[1]").contains("expected an object"));
        assert!(error(r#"{"f0": "a", "f2": []} x"#).contains("trailing characters"));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_malformed() {
        assert_eq!(error::<String>(b"\"a\"\n\"\xff\"\n"), "line 2: the record is not UTF-8");
    }

    #[test]
    fn malformed_lines_are_skipped_whole_and_counted() {
        let content = b"{\"f0\":\"a\",\"f2\":[]}\n{\"f0\":\"b\",\"f2\":[{\"f0\":1},{}]}\n\xff\n{\n\
            {\"f0\":\"c\",\"f2\":[{\"f0\":2}]}\n";
        let read = read_json::<Nested>(content, true).unwrap();
        let expected =
            [("a".to_owned(), None, Vec::new()), ("c".to_owned(), None, vec![(2, None)])];
        assert_eq!(read.all(), expected);
        assert_eq!(read.metrics.records_in_errors.get(), 3);
    }
}
