//! Each job on little input: what it leaves in files is what plain code finds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs a job in a process of its own, with its files in a folder.
fn run(out: &Path, settings: &[&str], arguments: &[&str]) {
    let configuration = tempfile::tempdir().unwrap();
    fs::write(configuration.path().join("config.yaml"), settings.join("\n")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sciurus-bench-flink-jobs"))
        .args(arguments)
        .arg("--out")
        .arg(out)
        .env("FLINK_CONF_DIR", configuration.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The lines of all files with an extension.
fn lines_of(folder: &Path, extension: &str) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// How many counts there were, their sum, and the checksum.
fn digest(out: &Path) -> (u64, u64, u64) {
    let parts = lines_of(out, "digest").into_iter().map(|line| {
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        (numbers[0], numbers[1], numbers[2])
    });
    parts.fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2.wrapping_add(b.2)))
}

const TEXT: &str = "To be, or not to be:\nthat is the question\n\nTo die, to sleep;\n";

/// A folder with a text in two files, and how often its words occur.
fn text() -> (tempfile::TempDir, BTreeMap<String, u64>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), TEXT).unwrap();
    fs::write(folder.path().join("b.txt"), TEXT.repeat(30)).unwrap();
    let mut counts = BTreeMap::new();
    for word in TEXT.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()) {
        if !word.is_empty() {
            *counts.entry(word.to_owned()).or_default() += 31;
        }
    }
    (folder, counts)
}

fn count_words(settings: &[&str], mode: &str) -> ((u64, u64, u64), BTreeMap<String, u64>) {
    let (input, counts) = text();
    let out = tempfile::tempdir().unwrap();
    let input = input.path().to_str().unwrap();
    run(out.path(), settings, &["word_count", "--input", input, "--mode", mode]);
    (digest(out.path()), counts)
}

#[test]
fn every_update_of_a_word_is_emitted() {
    let updates = |counts: BTreeMap<String, u64>| {
        let words: u64 = counts.values().sum();
        (words, counts.values().map(|count| count * (count + 1) / 2).sum::<u64>())
    };
    let (in_memory, counts) = count_words(&[], "streaming");
    assert_eq!((in_memory.0, in_memory.1), updates(counts));
    let checkpoints = tempfile::tempdir().unwrap();
    let folder = format!("execution.checkpointing.dir: {}", checkpoints.path().display());
    let settings =
        ["state.backend.type: rocksdb", "execution.checkpointing.interval: 50 ms", &folder];
    let (in_rocksdb, _) = count_words(&settings, "streaming");
    assert_eq!(in_rocksdb, in_memory);
}

#[test]
fn final_counts_and_those_of_windows_add_up_to_the_same() {
    let (batch, counts) = count_words(&[], "batch");
    assert_eq!((batch.0, batch.1), (counts.len() as u64, counts.values().sum()));
    let (windows, _) = count_words(&[], "windows");
    assert!(windows.0 >= batch.0);
    assert_eq!((windows.1, windows.2), (batch.1, batch.2));
}

#[test]
fn every_record_has_a_key() {
    for distribution in ["uniform", "zipf"] {
        let out = tempfile::tempdir().unwrap();
        let words = ["keyed", "--count", "5000", "--keys", "10", "--keys-are", distribution];
        run(out.path(), &[], &words);
        let (emitted, sum, _) = digest(out.path());
        // Ten keys with about five hundred records each have 1 + 2 + … of them; a skew adds to it.
        assert_eq!(emitted, 5000);
        assert!(sum >= 10 * 500 * 501 / 2, "{distribution}: {sum}");
    }
}

#[test]
fn records_at_a_rate_have_an_age_and_are_noted_when_they_come() {
    let out = tempfile::tempdir().unwrap();
    let words = ["paced", "--rate", "2000", "--count", "1000", "--keys", "10", "--skip-ms", "0"];
    run(out.path(), &[], &[&words[..], &["--stamps", "yes"]].concat());
    let ages = lines_of(out.path(), "ages");
    let counts = ages.iter().map(|line| line.split_once(' ').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), 1000);
    // A wait of seconds is as exact as one of microseconds: none is cut off.
    let highest = ages.iter().map(|line| line.split_once(' ').unwrap().0.parse::<u64>().unwrap());
    assert!(highest.max().unwrap() > 5, "{ages:?}");
    assert!(lines_of(out.path(), "stamps").len() > 1);
}
