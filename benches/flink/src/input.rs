//! The text that words are counted of.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use sciurus_bench_corpus::{Corpus, words};

use crate::arguments::Arguments;
use crate::cluster::cache;

/// How many files the text is in: Flink's readers don't share one.
const FILES: u64 = 8;

/// A text in several files.
#[derive(Debug, Clone)]
pub struct Text {
    /// The folder of the files.
    pub folder: PathBuf,
    /// How many words they have.
    pub words: u64,
    /// How many different ones.
    pub distinct_words: u64,
}

impl Text {
    /// The text in the cache; made first if there is none. Characters outside of ASCII become blanks,
    /// so that nothing depends on what systems take for a letter or its lower case.
    pub fn cached(arguments: &Arguments) -> Self {
        let corpus = Corpus::cached(arguments.corpus_mib).unwrap_or_else(|error| panic!("{error}"));
        let bytes = arguments.scaled(corpus.bytes);
        let name = format!("ascii-{bytes}-x{}", arguments.repeat);
        let folder = cache().join("corpus").join(name);
        if !folder.is_dir() {
            eprintln!("writing {} (once)", folder.display());
            let partial = folder.with_extension("partial");
            make(&corpus.path, bytes, arguments.repeat, &partial).unwrap();
            fs::rename(&partial, &folder).unwrap();
        }
        Self::of_folder(folder)
    }

    /// Counts the words of a folder, which reads it once, so that nobody waits for the disk.
    fn of_folder(folder: PathBuf) -> Self {
        let mut text: Box<dyn io::Read> = Box::new(io::empty());
        for entry in fs::read_dir(&folder).unwrap() {
            text = Box::new(io::Read::chain(text, File::open(entry.unwrap().path()).unwrap()));
        }
        let counts = words::count(text).unwrap();
        Self { folder, words: counts.values().sum(), distinct_words: counts.len() as u64 }
    }
}

/// Writes the first `bytes` of a text, so many times, into files of about equal size.
fn make(corpus: &Path, bytes: u64, repeat: u32, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut lines = Vec::new();
    for file in 0..FILES {
        lines.push(BufWriter::new(File::create(folder.join(format!("{file}.txt")))?));
    }
    for _ in 0..repeat {
        let (mut text, mut line, mut read) = (BufReader::new(File::open(corpus)?), Vec::new(), 0);
        while read < bytes && text.read_until(b'\n', &mut line)? > 0 {
            let file = read * FILES / bytes;
            read += line.len() as u64;
            line.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b' ');
            lines[file as usize].write_all(&line)?;
            line.clear();
        }
    }
    lines.iter_mut().try_for_each(Write::flush)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_lines_and_loses_what_is_not_ascii() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("corpus");
        let lines: Vec<_> = (0..80).map(|line| format!("line {line:02} caf\u{e9}s\n")).collect();
        let text = lines.concat();
        fs::write(&corpus, &text).unwrap();
        let made = folder.path().join("made");
        make(&corpus, text.len() as u64 / 2, 2, &made).unwrap();
        let all: Vec<String> = (0..FILES)
            .map(|file| fs::read_to_string(made.join(format!("{file}.txt"))).unwrap())
            .collect();
        assert!(all.iter().all(|text| text.is_ascii() && text.lines().count() >= 8), "{all:?}");
        let text = Text::of_folder(made);
        // The first forty lines, twice: "line", a number, "caf", "s".
        assert_eq!((text.words, text.distinct_words), (320, 43));
    }
}
