//! Writing answers to the standard output.

use std::io::{self, Read, Write};

use serde::Serialize;

use crate::Error;

/// Writes a line.
///
/// # Errors
/// [`Error::Output`] if it can't be written.
pub fn print(line: impl AsRef<str>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written = out.write_all(line.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n"));
    finish(written.and_then(|()| out.flush()))
}

/// Writes a value as JSON.
///
/// # Errors
/// [`Error::Output`] if it can't be written.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value);
    print(text.map_err(|error| Error::Output { source: error.into() })?)
}

/// Writes all that a reader has.
///
/// # Errors
/// [`Error::Output`] if it can't be read or written.
pub fn copy(mut from: impl Read) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let copied = io::copy(&mut from, &mut out);
    finish(copied.and_then(|_| out.flush()))
}

/// Lets it pass that nobody reads any longer, as with `| head`.
fn finish(written: io::Result<()>) -> Result<(), Error> {
    match written {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output { source }),
        _ => Ok(()),
    }
}

/// Answers in Flink's words, or in JSON for scripts.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// Whether it is for scripts.
    pub json: bool,
}

impl Answer {
    /// Writes a line that only people need.
    ///
    /// # Errors
    /// [`Error::Output`] if it can't be written.
    pub fn say(self, line: impl AsRef<str>) -> Result<(), Error> {
        if self.json { Ok(()) } else { print(line) }
    }

    /// Writes the result: lines for people, or a value for scripts.
    ///
    /// # Errors
    /// [`Error::Output`] if it can't be written.
    pub fn tell(self, lines: impl AsRef<str>, value: &impl Serialize) -> Result<(), Error> {
        if self.json { print_json(value) } else { print(lines) }
    }
}
