//! Misuse that must not compile, and what the compiler has to say about it.
//!
//! Each file in `cases` is a program. A comment `//~ text` says that its line has an error whose
//! report contains `text`; `//~^ text` in the lines below asks for more of the same report. Errors
//! nobody asked for fail the test too: a mistake should give errors in its own line only. A new case
//! is a new file, named after what is misused.
//!
//! Only what Sciurus itself says is compared, not the whole report: rustc's own wording differs
//! from version to version.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Has cargo check this crate, and returns the file that it compiles others against.
fn library() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--lib", "--offline", "--message-format=json", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let artifact = messages(&output.stdout)
        .find(|message| {
            message["reason"] == "compiler-artifact" && message["target"]["name"] == "sciurus"
        })
        .unwrap();
    let files = artifact["filenames"].as_array().unwrap();
    let mut files = files.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.find(|file| file.extension().is_some_and(|extension| extension == "rmeta")).unwrap()
}

/// Compiles a case and returns the errors.
fn compile(case: &Path, library: &Path) -> Vec<Report> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=json"])
        .args(["--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg(format!("--extern=sciurus={}", library.display()))
        .arg(case)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{} compiles", case.display());
    messages(&output.stderr).filter_map(|message| Report::read(&message)).collect()
}

/// Reads the lines that are JSON.
fn messages(lines: &[u8]) -> impl Iterator<Item = Value> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// An error of the compiler.
struct Report {
    /// Where it is, from 1; 0 where that is another file.
    line: usize,
    text: String,
}

impl Report {
    fn read(message: &Value) -> Option<Self> {
        let is_error = message["level"].as_str()?.starts_with("error");
        let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
        let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
        let text = without_expectations(message["rendered"].as_str()?);
        is_error.then_some(Self { line, text })
    }
}

/// Leaves out the comments of a case where a report quotes its lines: they would fulfil themselves.
fn without_expectations(report: &str) -> String {
    let lines = report.lines().map(|line| line.split_once("//~").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads the comments of a case: the line each is about, and the text.
fn expectations(source: &str) -> Vec<(usize, &str)> {
    let mut about = 0;
    let mut found = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let Some((_, text)) = line.split_once("//~") else { continue };
        if !text.starts_with('^') {
            about = index + 1;
        }
        found.push((about, text.trim_start_matches('^').trim()));
    }
    found
}

/// Says what the errors of a case lack and what they have too much.
fn compare(source: &str, reports: &[Report]) -> Vec<String> {
    let expected = expectations(source);
    let missing = expected
        .iter()
        .filter(|(line, text)| !reports.iter().any(|r| r.line == *line && r.text.contains(text)))
        .map(|(line, text)| format!("line {line} lacks: {text}"));
    let surplus = reports
        .iter()
        .filter(|report| !expected.iter().any(|(line, _)| *line == report.line))
        .map(|report| format!("line {} was not to have an error", report.line));
    missing.chain(surplus).collect()
}

#[test]
fn misuse_gets_a_readable_error() {
    let library = library();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail/cases");
    let mut cases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut failures = Vec::new();
    for case in cases {
        let reports = compile(&case, &library);
        let differences = compare(&fs::read_to_string(&case).unwrap(), &reports);
        if !differences.is_empty() {
            let reports: String = reports.into_iter().map(|report| report.text).collect();
            let differences = differences.join("\n");
            failures.push(format!("{}\n{differences}\n{reports}", case.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_quoted_comment_does_not_fulfil_itself() {
    let report = "error: x\n8 | words.sum(F0); //~ no number\n  | ^ not a sum";
    assert_eq!(without_expectations(report), "error: x\n8 | words.sum(F0); \n  | ^ not a sum");
}

#[test]
fn a_missing_or_surplus_error_is_noticed() {
    let source = "one //~ a\n//~^ b\ntwo\nthree //~ c";
    let report = |line, text: &str| Report { line, text: text.to_owned() };
    assert!(compare(source, &[report(1, "a b"), report(4, "c")]).is_empty());
    assert_eq!(compare(source, &[report(1, "a"), report(4, "c")]), ["line 1 lacks: b"]);
    assert_eq!(
        compare(source, &[report(1, "ab"), report(3, "d"), report(4, "c")]),
        ["line 3 was not to have an error"]
    );
}
