//! The executable as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

fn benches(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sciurus-benches")).args(arguments).output().unwrap()
}

#[test]
fn measures_a_program_and_what_it_is_compared_with() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "to be or not to be\n").unwrap();
    let json = folder.path().join("report.json");
    let output = benches(&[
        "loop_word_count_in_place",
        "--rounds",
        "2",
        "--corpus",
        text.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let report: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let programs = report["programs"].as_array().unwrap();
    let names: Vec<_> = programs.iter().map(|program| program["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["loop_word_count", "loop_word_count_in_place"]);
    for program in programs {
        assert_eq!(program["outcome"], serde_json::json!({ "records": 6, "distinct": 4 }));
        assert_eq!(program["rounds"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_missing_text_is_named() {
    let output = benches(&["loop_word_count", "--corpus", "no/such/file"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/file"));
}

#[test]
fn lists_programs_with_their_goals() {
    let output = benches(&["--list"]);
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.contains("loop_word_count_in_place"));
    assert!(list.contains("≤ 1 × loop_word_count"));
}
