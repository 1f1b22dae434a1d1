//! CSV files from disk to records.

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use sciurus_core::Record;
use sciurus_engine::TaskResult;

use super::CsvSource;
use crate::testing::{Read, message, read, read_with_restarts};

type Person = (String, Option<i32>, f64);

fn read_csv<T: Record>(
    content: &str,
    options: impl FnOnce(CsvSource<T>) -> CsvSource<T>,
) -> TaskResult<Read<T>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, content).unwrap();
    read(options(CsvSource::new(path)), 1)
}

fn rows<T: Record>(content: &str, options: impl FnOnce(CsvSource<T>) -> CsvSource<T>) -> Vec<T> {
    read_csv(content, options).unwrap().all()
}

/// The error's message behind the file's name.
fn error<T: Record>(content: &str, options: impl FnOnce(CsvSource<T>) -> CsvSource<T>) -> String {
    let message = message(&read_csv(content, options).err().unwrap());
    match message.split_once("data.csv, ") {
        Some((_, place)) => place.to_owned(),
        None => message,
    }
}

#[test]
fn cells_go_to_fields_in_order() {
    let read = rows::<Person>("Ann,30,1.5\r\n\"B, Bob\", 7 ,2\n\n,,0", |csv| csv);
    let expected = [("Ann", Some(30), 1.5), ("B, Bob", Some(7), 2.0), ("", None, 0.0)];
    assert_eq!(read, expected.map(|(name, age, size)| (name.to_owned(), age, size)));
}

#[test]
fn cells_go_to_fields_by_the_names_of_a_header() {
    let read = rows::<Person>("\u{feff}# made\n x ,f2,f0\n1,2.5,Ann\n", |csv| {
        csv.with_header().comment(b'#')
    });
    assert_eq!(read, [("Ann".to_owned(), None, 2.5)]);
    let missing = error::<Person>("f0,f1\nAnn,1\n", CsvSource::with_header);
    assert_eq!(missing, "line 1: the header lacks the column 'f2' (it has f0, f1)");
    let twice = error::<Person>("f0,f0,f2\n", CsvSource::with_header);
    assert_eq!(twice, "line 1: the header has the column 'f0' twice");
}

#[test]
fn options_change_the_dialect() {
    let read = rows::<(Option<String>, Option<String>)>("'a;b';NULL\n'NULL';\n", |csv| {
        csv.delimiter(b';').quote(Some(b'\'')).null_literal("NULL")
    });
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(read, [(text("a;b"), None), (text("NULL"), text(""))]);
    assert_eq!(rows::<(String, i64)>("\"a,1\n", |csv| csv.quote(None)), [("\"a".to_owned(), 1)]);
}

#[test]
fn values_of_all_types_are_read() {
    type All = (bool, u8, i64, NaiveDate, NaiveDateTime, bytes::Bytes, ());
    let read = rows::<All>(
        "TRUE,255,-9223372036854775808,2024-02-29,2024-02-29 12:00:00,aGk=,\n",
        |csv| csv,
    );
    let date = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let noon = date.and_hms_opt(12, 0, 0).unwrap();
    assert_eq!(read, [(true, 255, i64::MIN, date, noon, bytes::Bytes::from_static(b"hi"), ())]);
}

#[test]
fn errors_name_file_line_field_and_value() {
    let broken = "a,1,1\nb,x,1\n";
    assert_eq!(
        error::<Person>(broken, |csv| csv),
        "line 2: field 'f1': 'x' is not a number of type Int32"
    );
    assert_eq!(
        error::<Person>("a,1,1\nb,1\n", |csv| csv),
        "line 2: the row has 2 cells, where the record type has 3"
    );
    assert_eq!(
        error::<(String, u8)>("a,256\n", |csv| csv),
        "line 1: field 'f1': '256' is not a number of type UInt8"
    );
    let list = error::<(String, Vec<i64>)>("", |csv| csv);
    assert!(list.starts_with("field 'f1' is of type List"), "{list}");
    assert!(list.ends_with("which CSV cannot hold"), "{list}");
}

#[test]
fn malformed_rows_are_skipped_whole_and_counted() {
    let content = "a,1,1\nb,2,x\nc,3\n\"d,4,4\ne,5,5\n";
    let read = read_csv::<Person>(content, CsvSource::skip_malformed).unwrap();
    let names: Vec<_> = read.all().into_iter().map(|person| person.0).collect();
    assert_eq!(names, ["a", "e"]);
    assert_eq!(read.metrics.records_in_errors.get(), 3);
}

#[test]
fn the_line_is_right_in_a_split_that_starts_in_the_midst_of_a_file() {
    let content = "a,1\n".repeat(5000) + "b,x\n" + &"a,1\n".repeat(5000);
    let error = error::<(String, i64)>(&content, |csv| csv.split_bytes(1000));
    assert!(error.starts_with("line 5001: field 'f1'"), "{error}");
}

#[test]
fn line_ends_in_quotes_are_part_of_cells_where_that_is_allowed() {
    let content = "name,text\n".to_owned() + &"a,\"x\n\"\"y\"\"\"\n".repeat(100);
    let read = rows::<(String, String)>(&content.replace("name,text\n", ""), |csv| {
        csv.multi_line().split_bytes(7)
    });
    assert_eq!(read, vec![("a".to_owned(), "x\n\"y\"".to_owned()); 100]);
    let error = error::<(String, String)>("a,\"x\ny\"\n", |csv| csv);
    assert!(error.starts_with("line 1: a quote is opened but not closed"), "{error}");
}

#[test]
fn a_reader_goes_on_where_its_predecessor_stood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let line = |n: i64| if n % 5 == 0 { "broken\n".to_owned() } else { format!("\"a\nb\",{n}\n") };
    std::fs::write(&path, "f0,f1\n".to_owned() + &(0..50).map(line).collect::<String>()).unwrap();
    for polls in 3..9 {
        let source = CsvSource::<(String, i64)>::new(&path).with_header().multi_line();
        let read = read_with_restarts(source.skip_malformed(), polls).unwrap();
        let numbers: Vec<_> = read.into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, (0..50).filter(|n| n % 5 != 0).collect::<Vec<_>>());
    }
}

fn written(cells: &(String, Option<i64>)) -> String {
    let quoted = cells.0.replace('"', "\"\"");
    let number = cells.1.map(|number| number.to_string()).unwrap_or_default();
    format!("{number},\"{quoted}\"\n")
}

proptest! {
    #[test]
    fn what_was_written_is_read_whatever_the_splits(
        records in proptest::collection::vec(("[a\", é]{0,9}", any::<Option<i64>>()), 0..40),
        split_bytes in 10_u64..200,
        header: bool,
    ) {
        let lines: String = records.iter().map(written).collect();
        let read = if header {
            rows::<(String, Option<i64>)>(&format!("f1,f0\n{lines}"), |csv| {
                csv.with_header().split_bytes(split_bytes)
            })
        } else {
            let swapped = rows::<(Option<i64>, String)>(&lines, |csv| csv.split_bytes(split_bytes));
            swapped.into_iter().map(|(number, text)| (text, number)).collect()
        };
        prop_assert_eq!(read, records);
    }
}
