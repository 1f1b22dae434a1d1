//! Configuration files: `config.yaml` (YAML, nested or flat) and `flink-conf.yaml` (older, one
//! `key: value` a line).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use super::yaml::{self, Node, Place, SyntaxError};

/// The largest file that is read, in bytes: as much as a Kubernetes `ConfigMap` can hold.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

const YAML_NAME: &str = "config.yaml";
const LINES_NAME: &str = "flink-conf.yaml";

/// Says which configuration file can't be read, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file can't be opened or is no UTF-8.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is larger than [`FILE_BYTES_MAX`].
    #[error("the configuration file {} is larger than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file's text makes no sense.
    #[error("in the configuration file {}, {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        source: SyntaxError,
    },
}

/// Reads `config.yaml` of a directory or, if there is none, `flink-conf.yaml`; `None` if there is
/// neither. As in Flink 2 the older file doesn't count beside the newer one.
///
/// # Errors
/// [`FileError`] if the file can't be read or makes no sense.
pub fn read_directory(directory: &Path) -> Result<Option<(PathBuf, Configuration)>, FileError> {
    for name in [YAML_NAME, LINES_NAME] {
        let path = directory.join(name);
        match read(&path) {
            Ok(conf) => return Ok(Some((path, conf))),
            Err(FileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads one file: as lines of `key: value` if its name is `flink-conf.yaml`, else as YAML.
///
/// # Errors
/// [`FileError`] if the file can't be read or makes no sense.
pub fn read(path: &Path) -> Result<Configuration, FileError> {
    let read_error = |source| FileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(read_error)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    let is_lines = path.file_name().is_some_and(|name| name == LINES_NAME);
    let conf = if is_lines { parse_lines(&text) } else { parse_yaml(&text) };
    conf.map_err(|source| FileError::Syntax { path: path.to_owned(), source })
}

/// Reads YAML: nested keys are joined by dots, lists are kept as `[a, b]`, keys without value are
/// left out.
///
/// # Errors
/// [`SyntaxError`] if the text isn't one YAML mapping, or sets a key twice.
pub fn parse_yaml(text: &str) -> Result<Configuration, SyntaxError> {
    let mut conf = Configuration::new();
    let start = Place { line: 1, column: 1 };
    match yaml::parse(text)? {
        Node::Null => Ok(conf),
        Node::Mapping(entries) => {
            flatten("", entries, &mut conf)?;
            Ok(conf)
        }
        _ => Err(SyntaxError::at(start, "expected keys and values, 'key: value'")),
    }
}

fn flatten(
    prefix: &str,
    entries: Vec<(String, Place, Node)>,
    conf: &mut Configuration,
) -> Result<(), SyntaxError> {
    for (name, place, node) in entries {
        let key = format!("{prefix}{name}");
        let text = match node {
            Node::Null => continue,
            Node::Mapping(entries) => {
                flatten(&format!("{key}."), entries, conf)?;
                continue;
            }
            Node::Scalar(text) => text,
            list @ Node::Sequence(_) => list.to_flow(),
        };
        if conf.text(&key).is_some() {
            return Err(SyntaxError::at(place, format!("the key '{key}' is set twice")));
        }
        conf.set_text(key, text);
    }
    Ok(())
}

/// Reads lines of `key: value` as Flink 1 did: `#` starts a comment anywhere, the last of equal
/// keys wins, a key without value is left out, quotes mean nothing.
///
/// # Errors
/// [`SyntaxError`] if a line lacks the colon and space, or the key.
pub fn parse_lines(text: &str) -> Result<Configuration, SyntaxError> {
    let mut conf = Configuration::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let place = Place { line: index + 1, column: 1 };
        match line.split_once(": ") {
            Some((key, value)) if !key.trim().is_empty() => {
                conf.set_text(key.trim(), value.trim());
            }
            None if line.ends_with(':') && line.len() > 1 => {}
            _ => return Err(SyntaxError::at(place, "expected 'key: value'")),
        }
    }
    Ok(conf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(conf: &Configuration) -> Vec<(&str, &str)> {
        conf.iter().collect()
    }

    #[test]
    fn yaml_may_be_nested_or_flat_or_both() {
        let text = "\
            # a comment
            restart-strategy: fixed-delay
            restart-strategy.fixed-delay.attempts: 3
            execution:
              buffer-timeout: {interval: 10 ms, enabled: true}
              # nothing
              runtime-mode:
            taskmanager:
              numberOfTaskSlots: 2
            pipeline:
              jars: [file:///a.jar, 'b;c']
              classpaths:
                - x
                - y
            empty: {}
            ";
        let text = text.replace("\n            ", "\n");
        assert_eq!(
            pairs(&parse_yaml(&text).unwrap()),
            [
                ("execution.buffer-timeout.enabled", "true"),
                ("execution.buffer-timeout.interval", "10 ms"),
                ("pipeline.classpaths", "[x, y]"),
                ("pipeline.jars", "[file:///a.jar, 'b;c']"),
                ("restart-strategy", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "3"),
                ("taskmanager.numberOfTaskSlots", "2"),
            ]
        );
        assert!(parse_yaml("# only a comment").unwrap().is_empty());
    }

    #[test]
    fn yaml_errors_name_the_place() {
        let error = parse_yaml("a.b: 1\na:\n  b: 2\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3, column 3: the key 'a.b' is set twice");
        let error = parse_yaml("- a\n").unwrap_err();
        assert_eq!(error.to_string(), "line 1, column 1: expected keys and values, 'key: value'");
    }

    #[test]
    fn lines_are_read_as_flink_1_did() {
        let text = "# x\n\na.b: c: d # e\n a.f:  1  \na.g: \na.h:\na.f: 2\nu: file:///x:y\n";
        let conf = parse_lines(text).unwrap();
        let expected = [("a.b", "c: d"), ("a.f", "2"), ("u", "file:///x:y")];
        assert_eq!(pairs(&conf), expected);
        let error = parse_lines("a: b\n- c\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 1: expected 'key: value'");
    }

    #[test]
    fn a_directory_gives_its_newer_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(read_directory(path).unwrap().is_none());
        std::fs::write(path.join("flink-conf.yaml"), "a: old\nb: 1 # x").unwrap();
        let (found, conf) = read_directory(path).unwrap().unwrap();
        assert!(found.ends_with("flink-conf.yaml"));
        assert_eq!(pairs(&conf), [("a", "old"), ("b", "1")]);
        std::fs::write(path.join("config.yaml"), "a: {c: new}").unwrap();
        let (found, conf) = read_directory(path).unwrap().unwrap();
        assert!(found.ends_with("config.yaml"));
        assert_eq!(pairs(&conf), [("a.c", "new")]);
    }

    #[test]
    fn refuses_what_is_no_configuration_file_and_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        let error = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            read(&path).unwrap_err().to_string()
        };
        for (text, part) in [
            (&b"a: [1"[..], "config.yaml, line "),
            (b"\xff\xfe", "cannot read the configuration file "),
            (&vec![b'#'; 1 << 21], "config.yaml is larger than 1048576 bytes"),
        ] {
            let error = error(text);
            assert!(error.contains(part), "{error}");
        }
    }
}
