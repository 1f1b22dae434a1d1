//! Every source, stopped anywhere and restored at another parallelism, yields each record once.

use std::fmt::Write;
use std::fs;

use proptest::prelude::*;
use sciurus_engine::source::{
    Source, SplitAssignments, SplitEnumerator, SplitQueue, SplitQueueState, SplitShares,
};
use sciurus_engine::watermark::WatermarkStrategy;

use crate::range_split::RangeSplit;
use crate::testing::{read_in_time_with_rescaling, read_with_rescaling};
use crate::{
    CollectionSource, CsvSource, DataGeneratorSource, FileSource, IteratorSource, JsonLinesSource,
    NumberSequenceSource,
};

fn parts() -> impl Strategy<Value = Vec<(u32, usize)>> {
    prop::collection::vec((1..4_u32, 0..40_usize), 1..5)
}

fn numbers<S: Source<Item = i64>>(make: impl Fn() -> S, parts: &[(u32, usize)]) -> Vec<i64> {
    let mut numbers = read_with_rescaling(make, parts).unwrap();
    numbers.sort_unstable();
    numbers
}

proptest! {
    #[test]
    fn numbered_records_come_once(count in 0..60_i64, parts in parts()) {
        let all: Vec<i64> = (0..count).collect();
        prop_assert_eq!(numbers(|| CollectionSource::new(all.clone()), &parts), all.clone());
        prop_assert_eq!(numbers(|| IteratorSource::new(0..count), &parts), all.clone());
        prop_assert_eq!(numbers(|| NumberSequenceSource::new(0, count - 1), &parts), all.clone());
        let generated = || DataGeneratorSource::new(|number| number as i64).count(count as u64);
        prop_assert_eq!(numbers(generated, &parts), all);
    }

    /// Each split's records follow those of the one before it in time, as far apart as can be.
    #[test]
    fn numbered_records_come_in_time(count in 0..60_i64, parts in parts()) {
        let strategy = || {
            let strategy = WatermarkStrategy::for_monotonous_timestamps();
            strategy.with_timestamp_assigner(|number: i64, _| number)
        };
        let all: Vec<i64> = (0..count).collect();
        let (_, late) = read_in_time_with_rescaling(
            || CollectionSource::new(all.clone()), &strategy(), &parts).unwrap();
        prop_assert_eq!(late, 0);
        let (_, late) = read_in_time_with_rescaling(
            || NumberSequenceSource::new(0, count - 1), &strategy(), &parts).unwrap();
        prop_assert_eq!(late, 0);
        let generated = || DataGeneratorSource::new(|number| number as i64).count(count as u64);
        let (_, late) = read_in_time_with_rescaling(generated, &strategy(), &parts).unwrap();
        prop_assert_eq!(late, 0);
    }

    #[test]
    fn records_of_files_come_once(
        counts in prop::collection::vec(0..30_i64, 1..4),
        split_bytes in 1..80_u64,
        parts in parts(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Vec::new();
        for (file, count) in counts.iter().enumerate() {
            let (mut text, mut csv, mut json) = (String::new(), String::new(), String::new());
            for number in 0..*count {
                let number = file as i64 * 1000 + number;
                all.push(number);
                writeln!(text, "{number}").unwrap();
                writeln!(csv, "\"a\nb\",{number}").unwrap();
                writeln!(json, "{number}").unwrap();
            }
            for (kind, content) in [("text", text), ("csv", csv), ("json", json)] {
                let folder = folder.path().join(kind);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(file.to_string()), content).unwrap();
            }
        }
        let path = |kind: &str| folder.path().join(kind);
        let text = || FileSource::text(path("text")).split_bytes(split_bytes);
        let lines = read_with_rescaling(text, &parts).unwrap();
        let mut lines: Vec<i64> = lines.iter().map(|line| line.parse().unwrap()).collect();
        lines.sort_unstable();
        prop_assert_eq!(&lines, &all);
        let csv = || CsvSource::<(String, i64)>::new(path("csv")).multi_line();
        let rows = read_with_rescaling(csv, &parts).unwrap();
        let mut rows: Vec<i64> = rows.into_iter().map(|(_, number)| number).collect();
        rows.sort_unstable();
        prop_assert_eq!(&rows, &all);
        let json = || JsonLinesSource::<i64>::new(path("json")).split_bytes(split_bytes);
        prop_assert_eq!(&numbers(json, &parts), &all);
    }
}

#[test]
fn a_restored_source_reads_the_files_that_there_were() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1"), "1\n").unwrap();
    fs::write(folder.path().join("2"), "2\n").unwrap();
    let source = || FileSource::text(folder.path());
    let first = source().enumerator(2, None).unwrap();
    let state = first.snapshot().unwrap();
    fs::write(folder.path().join("3"), "3\n").unwrap();
    let mut restored = source().enumerator(1, Some(state)).unwrap();
    let mut assigned = SplitAssignments::default();
    for _ in 0..3 {
        restored.handle_split_request(0, &mut assigned).unwrap();
    }
    let paths: Vec<_> = assigned.splits.iter().map(|(_, split)| &split.path[..]).collect();
    assert!(paths.len() == 2 && paths[0].ends_with('1') && paths[1].ends_with('2'), "{paths:?}");
    assert_eq!(assigned.finished, [0]);
    assert_eq!(restored.total_bytes(), Some(4), "progress goes on");
}

#[test]
fn splits_that_come_back_are_remembered_and_given_out_first() {
    let split = |index| RangeSplit { index, start: 0, end: 10, step: 1 };
    let mut queue = SplitQueue::new([split(0), split(1), split(2)]);
    let mut assigned = SplitAssignments::default();
    queue.handle_split_request(0, &mut assigned).unwrap();
    queue.handle_split_request(1, &mut assigned).unwrap();
    assert_eq!(assigned.splits, [(0, split(0)), (1, split(1))]);
    let remembered = |queue: &SplitQueue<RangeSplit>| -> SplitQueueState<RangeSplit> {
        let json = serde_json::to_vec(&queue.snapshot().unwrap()).unwrap();
        serde_json::from_slice(&json).unwrap()
    };
    assert_eq!(remembered(&queue).waiting, [split(2)]);
    queue.add_splits_back(vec![split(0), split(1)], 0);
    assert_eq!(remembered(&queue).waiting, [split(0), split(1), split(2)]);
}

#[test]
fn shares_go_to_all_readers_at_the_start_and_back_to_the_one_that_had_them() {
    let split = |index| RangeSplit { index, start: 0, end: 10, step: 1 };
    let mut shares = SplitShares::restored_or(None, 2, || [split(0), split(1), split(2)]);
    let mut assigned = SplitAssignments::default();
    shares.start(&mut assigned).unwrap();
    assert_eq!(assigned.splits, [(0, split(0)), (0, split(2)), (1, split(1))]);
    assert!(shares.snapshot().unwrap().waiting.is_empty());
    shares.add_splits_back(vec![split(0), split(2)], 0);
    let state = shares.snapshot().unwrap();
    assert_eq!(state.waiting, [split(0), split(2)]);
    let mut assigned = SplitAssignments::default();
    shares.handle_split_request(1, &mut assigned).unwrap();
    shares.handle_split_request(0, &mut assigned).unwrap();
    shares.handle_split_request(0, &mut assigned).unwrap();
    assert_eq!(assigned.splits, [(0, split(0)), (0, split(2))]);
    assert_eq!(assigned.finished, [1, 0]);
    let mut restored = SplitShares::restored_or(Some(state), 2, || [split(9)]);
    let mut assigned = SplitAssignments::default();
    restored.start(&mut assigned).unwrap();
    assert_eq!(assigned.splits, [(0, split(0)), (1, split(2))]);
}
