//! Commands, and what they print.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command printed, and whether it succeeded.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command, as one would type it.
    pub command: String,
    /// Whether it ended with 0.
    pub success: bool,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Output {
    /// Returns what a command printed.
    ///
    /// # Panics
    /// Where it failed, with what it said.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.success, "{} failed: {}{}", self.command, self.stdout, self.stderr);
        self.stdout
    }

    /// Returns what a command complained about.
    ///
    /// # Panics
    /// Where it succeeded.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(!self.success, "{} succeeded: {}", self.command, self.stdout);
        self.stderr
    }

    /// Returns the JSON that a command printed.
    ///
    /// # Panics
    /// Where it failed, or printed something else.
    #[track_caller]
    pub fn json(self) -> Value {
        let command = self.command.clone();
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
    }
}

/// Runs a program to its end.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, &OsStr)],
    input: Option<&str>,
) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let line = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ");
    let mut child =
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    if let Some(input) = input {
        // Refused input shows in what the command says.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    }
    let output = child.wait_with_output().unwrap();
    Output {
        command: line,
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
