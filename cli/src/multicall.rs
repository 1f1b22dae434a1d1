//! One executable under several names: a link to it that is called as a manager is that manager.

use std::ffi::OsString;
use std::path::Path;

/// Names that stand for a verb; Flink's scripts in `bin` have the same with `.sh`.
const VERBS: [&str; 3] = ["jobmanager", "taskmanager", "standalone-job"];

/// Puts the verb behind the executable's name if that names one.
pub fn with_verb(mut words: Vec<OsString>) -> Vec<OsString> {
    let name = words.first().and_then(|path| Path::new(path).file_name());
    let name = name.and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(".sh").unwrap_or(name);
    if let Some(verb) = VERBS.iter().find(|verb| **verb == name) {
        words.insert(1, verb.into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_called_as_a_manager_is_that_manager() {
        for (given, expected) in [
            (&["/opt/flink/bin/jobmanager", "--host", "x"][..], &["jobmanager", "--host", "x"][..]),
            (&["taskmanager.sh"], &["taskmanager"]),
            (&["./standalone-job", "-j", "x"], &["standalone-job", "-j", "x"]),
            (&["sciurus", "jobmanager"], &["jobmanager"]),
            (&["flink", "list"], &["list"]),
            (&["sciurus"], &[]),
        ] {
            let words = with_verb(given.iter().map(OsString::from).collect());
            assert_eq!(words[1..], *expected);
        }
        assert!(with_verb(Vec::new()).is_empty());
    }
}
