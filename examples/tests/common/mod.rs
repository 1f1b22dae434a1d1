//! Runs the real executable.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests call it")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What an execution left behind.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The lines of the standard output in alphabetical order, without the subtask's number.
    pub fn records(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.stdout.lines().map(without_subtask).collect();
        lines.sort();
        lines
    }

    /// Expects that all went well.
    #[track_caller]
    pub fn successful(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Expects a failure whose message says all of `parts`.
    #[track_caller]
    pub fn fails_saying(&self, parts: &[&str]) {
        assert!(self.code.is_some_and(|code| code != 0), "{}\n{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
    }
}

fn without_subtask(line: &str) -> String {
    match line.split_once("> ") {
        Some((subtask, record)) if subtask.parse::<u32>().is_ok() => record.to_owned(),
        _ => line.to_owned(),
    }
}

/// The executable with these arguments.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(executable());
    command.args(arguments).stdin(Stdio::null());
    command
}

pub fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sciurus-examples"))
}

/// Runs the executable with these arguments to its end.
pub fn run(arguments: &[&str]) -> Run {
    output(&mut command(arguments))
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// The lines of a golden output in `tests/golden`.
pub fn golden(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}
