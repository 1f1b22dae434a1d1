//! Another program in place of this one.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::file_name;

/// What shells end with where a program isn't there, and where it can't be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// Becomes another program. Returns only where that can't be had.
pub fn take_place_of(words: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = words.split_first() else { return ExitCode::SUCCESS };
    let error = Command::new(program).args(arguments).exec();
    let shown = program.to_string_lossy();
    if error.kind() != io::ErrorKind::NotFound {
        eprintln!("error: can't run {shown}: {error}");
        return ExitCode::from(NOT_RUN);
    }
    eprintln!("error: {}", missing(&shown, &file_name(program)));
    ExitCode::from(NOT_FOUND)
}

fn missing(shown: &str, name: &str) -> String {
    match name {
        "bash" | "sh" => format!(
            "there is no {shown}: the image has no shell. Give the program and its arguments as words \
             of their own (command: [flink, list])"
        ),
        _ => format!("there is no program {shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_shell_is_explained() {
        let text = missing("/bin/bash", "bash");
        assert!(text.starts_with("there is no /bin/bash: the image has no shell"), "{text}");
        assert_eq!(missing("gosu", "gosu"), "there is no program gosu");
    }
}
