//! Which files an input names: files, folders with all that is in them, patterns.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::FileError;

/// One path or several: files, folders or patterns such as `logs/*.txt`.
pub trait InputPaths {
    /// Returns the paths.
    fn into_paths(self) -> Vec<PathBuf>;
}

macro_rules! one_path {
    ($($path:ty),+) => {$(
        impl InputPaths for $path {
            fn into_paths(self) -> Vec<PathBuf> {
                vec![self.into()]
            }
        }
    )+};
}

one_path!(&str, String, &String, &Path, PathBuf, &PathBuf);

impl<P: AsRef<Path>> InputPaths for Vec<P> {
    fn into_paths(self) -> Vec<PathBuf> {
        self.as_slice().into_paths()
    }
}

impl<P: AsRef<Path>> InputPaths for &[P] {
    fn into_paths(self) -> Vec<PathBuf> {
        self.iter().map(|path| path.as_ref().to_owned()).collect()
    }
}

impl<P: AsRef<Path>, const N: usize> InputPaths for [P; N] {
    fn into_paths(self) -> Vec<PathBuf> {
        self.as_slice().into_paths()
    }
}

/// A file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path.
    pub path: String,
    /// Its length in bytes; `None` where it isn't a regular file (a pipe, a terminal).
    pub len: Option<u64>,
}

/// Finds the files that `paths` name: each file itself; of a folder all files in it and in its
/// folders, but for those whose names start with `.` or `_` (Flink's rule); all that a pattern
/// matches. A file named twice is read once. The order is that of `paths`, by name within each.
///
/// # Errors
/// [`FileError`] where a path doesn't exist or can't be read, or a pattern matches nothing.
pub fn find(paths: &[PathBuf]) -> Result<Vec<FoundFile>, FileError> {
    if paths.is_empty() {
        return Err(FileError::NoPath);
    }
    let mut search = Search::default();
    for path in paths {
        // A file may be called what looks like a pattern.
        match path.to_str() {
            Some(pattern) if is_pattern(pattern) && !path.exists() => search.pattern(pattern)?,
            _ => search.path(path)?,
        }
    }
    Ok(search.found)
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(b".") || name.starts_with(b"_"))
}

#[derive(Default)]
struct Search {
    found: Vec<FoundFile>,
    seen: BTreeSet<PathBuf>,
}

impl Search {
    fn pattern(&mut self, pattern: &str) -> Result<(), FileError> {
        // Hidden names match only where the pattern itself starts with a dot, as in a shell.
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            ..glob::MatchOptions::new()
        };
        let matches = glob::glob_with(pattern, options).map_err(|error| FileError::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        let before = self.seen.len();
        for matched in matches {
            let path = matched.map_err(|error| {
                let path = error.path().to_owned();
                FileError::Unreadable { path, error: error.into() }
            })?;
            self.path(&path)?;
        }
        if self.seen.len() == before {
            return Err(FileError::NoMatch { pattern: pattern.to_owned() });
        }
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Result<(), FileError> {
        let metadata = fs::metadata(path).map_err(|error| FileError::io(path, error))?;
        // What is named twice, or reached by a link to a folder above it, is read once.
        let identity = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(identity) {
            return Ok(());
        }
        if metadata.is_dir() {
            return self.folder(path);
        }
        let name = path.to_str().ok_or_else(|| FileError::Name { path: path.to_owned() })?;
        let len = metadata.is_file().then_some(metadata.len());
        self.found.push(FoundFile { path: name.to_owned(), len });
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> Result<(), FileError> {
        let entries = fs::read_dir(folder).map_err(|error| FileError::io(folder, error))?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| FileError::io(folder, error))?;
        paths.retain(|path| !is_hidden(path));
        paths.sort_unstable();
        paths.iter().try_for_each(|path| self.path(path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn names(root: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<_> = paths.iter().map(|path| root.join(path)).collect();
        let root = format!("{}/", root.display());
        find(&paths).unwrap().into_iter().map(|file| file.path.replace(&root, "")).collect()
    }

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        create_dir_all(root.path().join("a/deep")).unwrap();
        create_dir_all(root.path().join("a/.git")).unwrap();
        for file in ["a/2.txt", "a/1.txt", "a/3.csv", "a/deep/4.txt", "a/.hidden", "a/_tmp"] {
            write(root.path().join(file), file).unwrap();
        }
        write(root.path().join("a/.git/head"), "x").unwrap();
        root
    }

    #[test]
    fn a_folder_is_all_files_in_it_but_hidden_ones_by_name() {
        let all = ["a/1.txt", "a/2.txt", "a/3.csv", "a/deep/4.txt"];
        assert_eq!(names(tree().path(), &["a"]), all);
    }

    #[test]
    fn a_pattern_is_the_files_it_matches() {
        let root = tree();
        assert_eq!(names(root.path(), &["a/*.txt"]), ["a/1.txt", "a/2.txt"]);
        assert_eq!(names(root.path(), &["a/**/*.txt"]), ["a/1.txt", "a/2.txt", "a/deep/4.txt"]);
        assert_eq!(names(root.path(), &["a/[23].*"]), ["a/2.txt", "a/3.csv"]);
    }

    #[test]
    fn a_file_named_like_a_pattern_is_itself() {
        let root = tree();
        write(root.path().join("a/[1].txt"), "x").unwrap();
        assert_eq!(names(root.path(), &["a/[1].txt"]), ["a/[1].txt"]);
    }

    #[test]
    fn a_file_named_twice_is_read_once() {
        assert_eq!(names(tree().path(), &["a/2.txt", "a/*.txt"]), ["a/2.txt", "a/1.txt"]);
    }

    #[test]
    fn a_hidden_file_is_read_where_it_is_named() {
        assert_eq!(names(tree().path(), &["a/.hidden"]), ["a/.hidden"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_above_is_followed_once() {
        let root = tree();
        std::os::unix::fs::symlink(root.path().join("a"), root.path().join("a/deep/up")).unwrap();
        assert_eq!(names(root.path(), &["a"]).len(), 4);
    }

    #[test]
    fn errors_name_the_path() {
        let root = tree();
        let error = |path: &str| find(&[root.path().join(path)]).unwrap_err().to_string();
        assert!(error("gone").ends_with("gone does not exist"), "{}", error("gone"));
        assert!(error("*.log").ends_with("*.log"), "{}", error("*.log"));
        assert!(error("a/[").contains("a/["), "{}", error("a/["));
        assert_eq!(find(&[]).unwrap_err().to_string(), "no input path was given");
    }
}
