//! The word count, run as users run it.

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{command, executable, golden, output, run};

#[test]
fn batch_emits_each_word_with_its_final_count() {
    for parallelism in ["1", "2", "5"] {
        let run = run(&["word_count", "--execution-mode", "BATCH", "-p", parallelism]).successful();
        assert_eq!(run.records(), golden("word_count.txt"), "parallelism {parallelism}");
    }
}

#[test]
fn streaming_emits_a_count_for_each_occurrence() {
    let expected: Vec<String> = golden("word_count.txt")
        .iter()
        .flat_map(|record| {
            let (word, count) = record.trim_matches(['(', ')']).split_once(',').unwrap();
            let count: u32 = count.parse().unwrap();
            (1..=count).map(|n| format!("({word},{n})")).collect::<Vec<_>>()
        })
        .collect();
    for parallelism in ["1", "2", "5"] {
        let run = run(&["word_count", "-p", parallelism]).successful();
        let mut expected = expected.clone();
        expected.sort();
        assert_eq!(run.records(), expected, "parallelism {parallelism}");
    }
}

#[test]
fn updates_of_a_word_come_in_order() {
    let run = run(&["word_count", "-p", "3"]).successful();
    let mut last = BTreeMap::new();
    for line in run.stdout.lines() {
        let (subtask, record) = line.split_once("> ").unwrap();
        let (word, count) = record.trim_matches(['(', ')']).split_once(',').unwrap();
        let (known, before) =
            last.insert(word, (subtask, count.parse().unwrap())).unwrap_or((subtask, 0));
        assert_eq!((known, before + 1), (subtask, count.parse::<u32>().unwrap()), "{word}");
    }
}

#[test]
fn one_subtask_prints_without_its_number_and_several_with() {
    let one = run(&["word_count", "-p", "1", "--execution-mode", "batch"]).successful();
    assert!(one.stdout.lines().all(|line| line.starts_with('(')), "{}", one.stdout);
    let two = run(&["word_count", "-p", "2", "--execution-mode", "batch"]).successful();
    assert!(two.stdout.lines().all(|line| line.starts_with("1> (") || line.starts_with("2> (")));
}

#[test]
fn files_folders_and_patterns_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a.txt"), "Squirrels bury nuts.\r\nSquirrels forget nuts\n").unwrap();
    fs::write(path("b.txt"), "nuts").unwrap();
    fs::write(path("c.log"), "squirrels").unwrap();
    let both = [path("a.txt"), path("b.txt")];
    let count = |input: &[&str]| {
        let batch = ["word_count", "--execution-mode", "AUTOMATIC", "--input"];
        run(&[&batch, input].concat()).successful().records()
    };
    let expected = ["(bury,1)", "(forget,1)", "(nuts,3)", "(squirrels,2)"];
    assert_eq!(count(&[&both[0], &both[1]]), expected);
    assert_eq!(count(&[&both[0], "--input", &both[1]]), expected);
    assert_eq!(count(&[&path("*.txt")]), expected);
    let all = ["(bury,1)", "(forget,1)", "(nuts,3)", "(squirrels,3)"];
    assert_eq!(count(&[folder.path().to_str().unwrap()]), all);
}

#[test]
fn output_files_hold_one_record_a_line_and_are_finished() {
    for (mode, parallelism) in [("STREAMING", "1"), ("STREAMING", "3"), ("BATCH", "2")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts");
        let output = path.to_str().unwrap();
        let arguments = ["word_count", "--execution-mode", mode, "-p", parallelism];
        let run = run(&[&arguments[..], &["--output", output]].concat()).successful();
        assert_eq!(run.stdout, "");
        let mut records = Vec::new();
        for file in fs::read_dir(&path).unwrap() {
            let file = file.unwrap().path();
            assert!(file.file_name().unwrap().to_str().unwrap().starts_with("part-"), "{file:?}");
            records.extend(fs::read_to_string(file).unwrap().lines().map(str::to_owned));
        }
        records.sort();
        let printed = common::run(&arguments).successful();
        assert_eq!(records, printed.records(), "{mode} {parallelism}");
    }
}

#[test]
fn an_output_that_cannot_be_written_fails_the_job() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    run(&["word_count", "--output", path]).fails_saying(&[path, "file-sink"]);
}

#[test]
fn the_summary_shows_the_most_frequent_words_and_totals() {
    for mode in ["STREAMING", "BATCH"] {
        let run =
            run(&["word_count", "--summary", "--execution-mode", mode, "-p", "2"]).successful();
        let words: Vec<_> =
            run.stdout.lines().filter_map(|line| line.split_whitespace().next()).take(10).collect();
        assert_eq!(words, ["the", "of", "to", "and", "that", "a", "s", "sleep", "be", "d"]);
        assert!(run.stdout.contains("words   287, 170 different ones"), "{}", run.stdout);
    }
}

#[test]
fn discarded_results_are_only_counted() {
    let run = run(&["word_count", "--discard"]).successful();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("287 words"), "{}", run.stderr);
}

#[test]
fn quiet_jobs_say_nothing_but_results() {
    assert_eq!(run(&["word_count", "--discard", "--quiet"]).successful().stderr, "");
}

#[cfg(unix)]
#[test]
fn a_link_named_after_the_job_runs_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["word_count", "WordCount"] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(executable(), &link).unwrap();
        let run = output(std::process::Command::new(link).args(["--execution-mode", "BATCH"]));
        assert_eq!(run.successful().records(), golden("word_count.txt"));
    }
}

#[test]
fn help_names_every_job_and_every_argument() {
    assert!(run(&["--help"]).successful().stdout.contains("word_count"));
    let help = run(&["word_count", "--help"]).successful().stdout;
    for argument in [
        "--input",
        "--output",
        "--execution-mode",
        "--discovery-interval",
        "--parallelism",
        "-D",
        "--strict",
        "--discard",
        "--summary",
        "--quiet",
    ] {
        assert!(help.contains(argument), "{argument}");
    }
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let fails = |arguments: &[&str], parts: &[&str]| {
        run(&[&["word_count"], arguments].concat()).fails_saying(parts);
    };
    fails(&["--input", "no/such/file"], &["no/such/file", "does not exist"]);
    fails(&["--input", "no/such/*.txt"], &["no/such/*.txt", "no file matches"]);
    fails(&["-p", "0"], &["'0'", "--parallelism", "1..=32768"]);
    fails(&["-p", "32769"], &["'32769'", "--parallelism", "1..=32768"]);
    fails(&["-Dparallelism.default=0"], &["parallelism.default", "from 1 to 32768"]);
    fails(
        &["-Dparalelism.default=2", "--strict"],
        &["paralelism.default", "'parallelism.default'"],
    );
    fails(&["--execution-mode", "FAST"], &["FAST", "STREAMING, BATCH, AUTOMATIC"]);
    run(&["wordcount"]).fails_saying(&["wordcount", "word_count"]);
}

#[test]
fn an_unknown_option_is_a_warning_that_names_the_nearest() {
    let run = run(&["word_count", "-Dparalelism.default=2", "--discard"]).successful();
    assert!(run.stderr.contains("did you mean 'parallelism.default'?"), "{}", run.stderr);
}

#[test]
fn arguments_win_over_options() {
    let mut command = command(&["word_count", "-p", "1", "-Dparallelism.default=3"]);
    let run = output(command.args(["-Dexecution.runtime-mode=BATCH"])).successful();
    assert!(run.stdout.lines().all(|line| line.starts_with('(')), "{}", run.stdout);
    assert_eq!(run.records(), golden("word_count.txt"));
}
