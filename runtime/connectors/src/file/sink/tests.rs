//! The sink's files, as those see them who read its folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use sciurus_core::Record;
use sciurus_core::clock::ManualClock;
use sciurus_engine::operator::OperatorContext;

use super::rolling::RollingPolicy;
use super::{BucketAssigner, FileSink};
use crate::file::{CsvSource, JsonLinesSource};
use crate::testing::{SinkHarness, context, message, read};

fn counts(range: std::ops::Range<i64>) -> Vec<(String, i64)> {
    range.map(|n| (format!("w{n}"), n)).collect()
}

/// The names and contents of all files in a folder and in those below it, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(file, content)| (format!("{name}/{file}"), content)));
        } else {
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    found.sort();
    found
}

fn visible(folder: &Path) -> Vec<(String, String)> {
    let mut files = files(folder);
    files.retain(|(name, _)| !name.starts_with('.'));
    files
}

fn content(folder: &Path) -> Vec<String> {
    visible(folder).into_iter().map(|(_, content)| content).collect()
}

fn unbounded(clock: &Arc<ManualClock>) -> OperatorContext {
    OperatorContext { bounded: false, clock: clock.clone(), ..context(0, 1) }
}

#[test]
fn a_file_is_hidden_until_the_end_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/out");
    let sink = FileSink::<(String, i64)>::text(&out);
    let context = context(0, 1);
    let metrics = context.metrics.clone();
    let mut subtask = SinkHarness::open(sink, context).unwrap();
    subtask.write(&counts(0..2)).unwrap();
    let [(hidden, _)] = &files(&out)[..] else { panic!("one file") };
    assert!(hidden.starts_with(".part-") && hidden.contains("-0.inprogress."), "{hidden}");
    subtask.finish().unwrap();
    let [(name, lines)] = &files(&out)[..] else { panic!("one file") };
    assert!(name.starts_with("part-") && name.ends_with("-0"), "{name}");
    assert_eq!(name.len(), "part-".len() + 36 + "-0".len());
    assert_eq!(lines, "(w0,0)\n(w1,1)\n");
    assert_eq!(metrics.bytes_written.get(), lines.len() as u64);
}

#[test]
fn a_subtask_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let policy = RollingPolicy::default().max_part_bytes(10);
    let sink = FileSink::<(String, i64)>::text(folder.path()).rolling_policy(policy);
    let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
    subtask.write(&counts(0..5)).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
    subtask.node().close().unwrap();
    assert!(files(folder.path()).is_empty());
}

#[test]
fn subtasks_and_attempts_write_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let sink = FileSink::<i64>::text(folder.path()).part_prefix("n").part_suffix(".txt");
        let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
        subtask.write(&[1_i64]).unwrap();
        subtask.finish().unwrap();
    }
    let files = visible(folder.path());
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|(name, _)| name.starts_with("n-") && name.ends_with("-0.txt")));
}

#[test]
fn large_files_are_closed_and_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let policy = RollingPolicy::never().max_part_bytes(14);
    let sink = FileSink::<(String, i64)>::text(folder.path()).rolling_policy(policy);
    let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
    subtask.write(&counts(0..5)).unwrap();
    assert!(visible(folder.path()).is_empty());
    subtask.finish().unwrap();
    let expected = ["(w0,0)\n(w1,1)\n", "(w2,2)\n(w3,3)\n", "(w4,4)\n"];
    assert_eq!(content(folder.path()), expected);
}

#[test]
fn files_of_an_endless_stream_become_visible_when_they_are_old_or_idle() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let policy = RollingPolicy::never()
        .rollover_interval(Duration::from_millis(100))
        .inactivity_interval(Duration::from_millis(30));
    let sink = FileSink::<i64>::text(folder.path()).rolling_policy(policy);
    let mut subtask = SinkHarness::open(sink, unbounded(&clock)).unwrap();
    assert_eq!(subtask.node().next_processing_time(), None);
    let mut expected = Vec::new();
    for (written, due) in [(0, 30), (20, 50), (40, 70), (60, 90), (80, 100)] {
        clock.set(written);
        subtask.write(&[written]).unwrap();
        assert_eq!(subtask.node().next_processing_time(), Some(due));
        expected.push(format!("{written}\n"));
        assert!(visible(folder.path()).is_empty());
    }
    subtask.node().on_processing_time(100).unwrap();
    assert_eq!(content(folder.path()), [expected.concat()]);
    assert_eq!(subtask.node().next_processing_time(), None);
}

#[test]
fn records_go_to_the_buckets_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::<(String, i64)>::text(folder.path())
        .bucket_by(|(_, n)| if n % 2 == 0 { "even/x".to_owned() } else { String::new() });
    let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
    subtask.write(&counts(0..3)).unwrap();
    subtask.finish().unwrap();
    let files = files(folder.path());
    assert!(
        files[0].0.starts_with("even/x/part-") && files[0].1 == "(w0,0)\n(w2,2)\n",
        "{files:?}"
    );
    assert!(files[1].0.starts_with("part-") && files[1].1 == "(w1,1)\n", "{files:?}");
}

#[test]
fn a_bucket_outside_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for bucket in ["..", "a/../../b", "/tmp"] {
        let sink =
            FileSink::<i64>::text(folder.path().join("out")).bucket_by(move |_| bucket.to_owned());
        let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
        let error = message(&subtask.write(&[1_i64]).unwrap_err());
        assert!(error.starts_with(&format!("'{bucket}' cannot be the name")), "{error}");
    }
}

#[test]
fn buckets_follow_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let format = "%S".to_owned();
    let sink =
        FileSink::<i64>::text(folder.path()).bucket_assigner(BucketAssigner::DateTime { format });
    let mut subtask = SinkHarness::open(sink, unbounded(&clock)).unwrap();
    for second in [7, 8] {
        clock.set(second * 1000);
        subtask.write(&[second]).unwrap();
    }
    subtask.finish().unwrap();
    let buckets: Vec<_> =
        files(folder.path()).into_iter().map(|(name, _)| name[..3].to_owned()).collect();
    assert_eq!(buckets, ["07/", "08/"]);
}

#[test]
fn errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for (path, expected) in
        [(file.clone(), "is a file, not a folder"), (file.join("below"), "is a file, not a folder")]
    {
        let error = SinkHarness::open(FileSink::<i64>::text(&path), context(0, 1)).err().unwrap();
        let error = message(&error);
        assert!(error.contains(path.to_str().unwrap()) && error.ends_with(expected), "{error}");
    }
    let proc = SinkHarness::open(FileSink::<i64>::text("/proc/sciurus"), context(0, 1));
    let error = message(&proc.err().unwrap());
    assert!(error.starts_with("cannot write /proc/sciurus: "), "{error}");
}

type Row = (Option<String>, i64, f64, Option<bool>, NaiveDateTime, bytes::Bytes);

fn row() -> impl Strategy<Value = Row> {
    let text = prop::option::of("[a\", \r\n\\\\é]{0,9}");
    let number = prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(-0.0), Just(1e300)]
        .prop_filter("equal to itself", |number| !number.is_nan());
    let time = (-9_000_000..9_000_000_i64).prop_map(|second| {
        let epoch = NaiveDate::default().and_hms_opt(0, 0, 0).unwrap();
        epoch + chrono::Duration::microseconds(second * 1_000_001)
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..9).prop_map(bytes::Bytes::from);
    (text, any::<i64>(), number, any::<Option<bool>>(), time, bytes)
}

fn write_all<T: Record>(sink: FileSink<T>, records: &[T]) {
    let mut subtask = SinkHarness::open(sink, context(0, 1)).unwrap();
    subtask.write(records).unwrap();
    subtask.finish().unwrap();
}

proptest! {
    #[test]
    fn what_is_written_as_csv_is_read_back(rows in prop::collection::vec(row(), 1..20), header: bool) {
        let folder = tempfile::tempdir().unwrap();
        let source = CsvSource::<Row>::new(folder.path()).multi_line();
        let source = if header {
            write_all(FileSink::csv_with_header(folder.path()), &rows);
            source.with_header()
        } else {
            write_all(FileSink::csv(folder.path()), &rows);
            source
        };
        prop_assert_eq!(read(source, 1).unwrap().all(), rows);
    }

    #[test]
    fn what_is_written_as_json_is_read_back(
        rows in prop::collection::vec((row(), prop::collection::vec(any::<Option<i8>>(), 0..3)), 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write_all(FileSink::json_lines(folder.path()), &rows);
        let source = JsonLinesSource::<(Row, Vec<Option<i8>>)>::new(folder.path());
        prop_assert_eq!(read(source, 1).unwrap().all(), rows);
    }
}

#[test]
fn json_and_csv_look_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let noon = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap().and_hms_opt(12, 0, 0).unwrap();
    let bytes = bytes::Bytes::from_static(b"hi");
    let rows: [Row; 2] = [
        (Some("a \"b\",".to_owned()), 1, 2.0, Some(true), noon, bytes.clone()),
        (None, -1, 0.5, None, noon, bytes),
    ];
    write_all(FileSink::json_lines(folder.path().join("json")), &rows);
    write_all(FileSink::csv_with_header(folder.path().join("csv")), &rows);
    write_all(
        FileSink::json_lines(folder.path().join("value")),
        &[Some(Duration::from_millis(1500)), None],
    );
    assert_eq!(
        content(&folder.path().join("json")),
        [concat!(
            r#"{"f0":"a \"b\",","f1":1,"f2":2.0,"f3":true,"f4":"2024-02-29T12:00:00","f5":"aGk="}"#,
            "\n",
            r#"{"f0":null,"f1":-1,"f2":0.5,"f3":null,"f4":"2024-02-29T12:00:00","f5":"aGk="}"#,
            "\n",
        )]
    );
    assert_eq!(
        content(&folder.path().join("csv")),
        [concat!(
            "f0,f1,f2,f3,f4,f5\n",
            r#""a ""b"",",1,2.0,true,2024-02-29T12:00:00,aGk="#,
            "\n",
            ",-1,0.5,,2024-02-29T12:00:00,aGk=\n",
        )]
    );
    assert_eq!(content(&folder.path().join("value")), ["\"PT1.5S\"\nnull\n"]);
}
