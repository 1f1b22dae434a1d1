//! The input: lines of files, and the words of a line.

use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rustc_hash::FxHasher;

/// The files of a folder in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The lines of the files that fall to a worker, each read into the same string.
pub struct Lines {
    files: Vec<PathBuf>,
    open: Option<BufReader<File>>,
    line: String,
}

impl Lines {
    /// Those of worker `index` of so many.
    pub fn of_worker(files: &[PathBuf], index: usize, workers: usize) -> Self {
        let mut files: Vec<_> = files.iter().skip(index).step_by(workers).cloned().collect();
        files.reverse();
        Self { files, open: None, line: String::new() }
    }

    /// The next line.
    pub fn next_line(&mut self) -> Option<&str> {
        loop {
            if let Some(open) = &mut self.open {
                self.line.clear();
                if open.read_line(&mut self.line).unwrap() > 0 {
                    return Some(&self.line);
                }
            }
            let file = File::open(self.files.pop()?).unwrap();
            self.open = Some(BufReader::with_capacity(256 << 10, file));
        }
    }
}

/// Calls `each` with the words of a line, in lower case.
pub fn words(line: &str, mut each: impl FnMut(String)) {
    let mut word = String::new();
    for byte in line.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            word.push(byte.to_ascii_lowercase() as char);
        } else if !word.is_empty() {
            each(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        each(word);
    }
}

/// A word's hash.
pub fn hash(word: &str) -> u64 {
    BuildHasherDefault::<FxHasher>::default().hash_one(word)
}
