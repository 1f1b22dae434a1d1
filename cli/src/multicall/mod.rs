//! One executable under several names: a link to it that is called as a manager is that manager,
//! one that is called as one of Flink's scripts does what the script does, and as
//! `docker-entrypoint.sh` it is the entrypoint of the container image ([`entrypoint`]).

mod entrypoint;
mod program;
mod shell;
mod sleep;

use std::ffi::{OsStr, OsString};
use std::path::Path;

pub use entrypoint::{Refusal, USAGE};
pub use program::take_place_of;
pub use sleep::sleep;

/// Names that stand for a verb; Flink's scripts in `bin` have the same with `.sh`.
const VERBS: [&str; 3] = ["jobmanager", "taskmanager", "standalone-job"];

/// The argument that says that a manager runs in a container of the image.
const IN_CONTAINER: &str = "--in-container";

/// What the words of a command line, the executable's own name first, ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Call {
    /// A command of the executable: its command line.
    Own(Vec<OsString>),
    /// Another program, in place of this one, and its arguments.
    Other(Vec<OsString>),
    /// What the image can do.
    Usage,
    /// To wait, with these arguments.
    Sleep(Vec<OsString>),
    /// Something that isn't there.
    Refused(Refusal),
}

impl Call {
    /// Says what the words ask for.
    pub fn of(mut words: Vec<OsString>) -> Self {
        let Some((path, arguments)) = words.split_first() else { return Self::Own(words) };
        let name = file_name(path);
        if let Some(verb) = VERBS.iter().find(|verb| **verb == name) {
            words.insert(1, verb.into());
            return Self::Own(words);
        }
        match &*name {
            "docker-entrypoint.sh" => entrypoint::call(arguments),
            "sleep" => Self::Sleep(arguments.to_vec()),
            _ => entrypoint::script(&name, arguments).unwrap_or(Self::Own(words)),
        }
    }
}

fn file_name(path: &OsStr) -> String {
    Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Call {
        Call::of(words.iter().map(OsString::from).collect())
    }

    fn own(words: &[&str]) -> Call {
        Call::Own(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_link_that_is_called_as_a_manager_is_that_manager() {
        for (given, expected) in [
            (
                &["/usr/bin/jobmanager", "--host", "x"][..],
                &["/usr/bin/jobmanager", "jobmanager", "--host", "x"][..],
            ),
            (&["./standalone-job", "-j", "x"], &["./standalone-job", "standalone-job", "-j", "x"]),
            (&["sciurus", "jobmanager"], &["sciurus", "jobmanager"]),
            (&["flink", "list"], &["flink", "list"]),
            (&["sciurus"], &["sciurus"]),
            (&[], &[]),
        ] {
            assert_eq!(call(given), own(expected));
        }
    }

    #[test]
    fn flinks_scripts_run_in_the_foreground_of_a_container() {
        let verb = |verb, rest: &[&str]| own(&[&["sciurus", verb, IN_CONTAINER], rest].concat());
        for (given, expected) in [
            (&["bin/jobmanager.sh", "start-foreground"][..], verb("jobmanager", &[])),
            (&["taskmanager.sh", "start-foreground", "-Da=b"], verb("taskmanager", &["-Da=b"])),
            (&["taskmanager.sh", "-Da=b"], verb("taskmanager", &["-Da=b"])),
            (
                &["standalone-job.sh", "start-foreground", "-j", "E", "start"],
                verb("standalone-job", &["-j", "E", "start"]),
            ),
        ] {
            assert_eq!(call(given), expected);
        }
        let Call::Refused(refusal) = call(&["/opt/flink/bin/jobmanager.sh", "stop-all"]) else {
            panic!()
        };
        let text = refusal.to_string();
        assert!(text.starts_with("jobmanager.sh stop-all: "), "{text}");
    }

    #[test]
    fn sleep_is_a_name_as_well() {
        assert_eq!(call(&["/opt/flink/bin/sleep", "30"]), Call::Sleep(vec!["30".into()]));
    }
}
