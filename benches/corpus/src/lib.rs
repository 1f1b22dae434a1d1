//! The text that the benchmarks run on: documentation, manual pages and sources of this machine.
//!
//! Made once, in an order that depends on file names alone, and kept outside the checkout. Two
//! machines have different corpora, so figures are only compared within one run.

pub mod words;

mod error;
mod line_clock;

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

pub use error::{Error, FileError, IoContext, Result};
pub use line_clock::LineClock;

/// Changes whenever a corpus made by an older version of this module would come out differently.
const VERSION: u32 = 1;

/// Files above this are tables and generated code rather than text.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Longer lines are a sign of minified or encoded data.
const MAX_LINE_BYTES: usize = 2_000;

/// Folders of text by kind.
const SYSTEM_FOLDERS: [&[&str]; 3] = [
    &["/usr/share/doc", "/usr/share/common-licenses", "/usr/share/licenses"],
    &["/usr/share/man"],
    &["/usr/include", "/usr/share/perl", "/usr/share/perl5", "/usr/lib/python3"],
];

/// A file of text and what is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Corpus {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How many words it has, as [`words::count`] splits them.
    pub words: u64,
    /// How many different words it has.
    pub distinct_words: u64,
}

impl Corpus {
    /// The cached corpus of about `mib` MiB; made first if there is none.
    pub fn cached(mib: u64) -> Result<Self> {
        let folder = cache_folder()?;
        let path = folder.join(format!("text-v{VERSION}-{mib}m.txt"));
        let summary = path.with_extension("json");
        if let Ok(json) = fs::read(&summary)
            && let Ok(corpus) = serde_json::from_slice(&json)
        {
            return Ok(corpus);
        }
        eprintln!("gathering {mib} MiB of text in {} (once)", path.display());
        fs::create_dir_all(&folder).at(&folder)?;
        make(&path, &folders_by_kind(), mib << 20)?;
        let corpus = Self::of_file(&path)?;
        fs::write(&summary, serde_json::to_vec_pretty(&corpus)?).at(&summary)?;
        Ok(corpus)
    }

    /// Any file of text, read once.
    pub fn of_file(path: &Path) -> Result<Self> {
        let file = File::open(path).at(path)?;
        let bytes = file.metadata().at(path)?.len();
        let counts = words::count(file).at(path)?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            words: counts.values().sum(),
            distinct_words: counts.len() as u64,
        })
    }

    /// Reads the file once, so that the first program measured doesn't wait for the disk.
    pub fn warm_up(&self) -> Result<()> {
        let mut file = File::open(&self.path).at(&self.path)?;
        io::copy(&mut file, &mut io::sink()).at(&self.path)?;
        Ok(())
    }
}

fn cache_folder() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .ok_or(Error::NoCacheFolder)?;
    Ok(cache.join("sciurus/corpus"))
}

/// The folders to read, by kind: the system's, then the sources of cargo's dependencies.
fn folders_by_kind() -> Vec<Vec<PathBuf>> {
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    SYSTEM_FOLDERS
        .iter()
        .map(|folders| folders.iter().map(PathBuf::from).collect())
        .chain([cargo_home.iter().map(|home| home.join("registry/src")).collect()])
        .collect()
}

/// Writes texts to `path`, equally much of each kind while there is enough of it, up to
/// `target_bytes`. If the machine has less, all of it is repeated.
fn make(path: &Path, kinds: &[Vec<PathBuf>], target_bytes: u64) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut out = BufWriter::new(File::create(&partial).at(&partial)?);
    let mut kinds: Vec<_> = kinds.iter().map(|folders| (0_u64, texts(folders))).collect();
    let mut written = 0;
    while written < target_bytes
        && let Some(least) = (0..kinds.len()).min_by_key(|&kind| kinds[kind].0)
    {
        let (bytes, texts) = &mut kinds[least];
        match texts.next() {
            Some(text) => {
                out.write_all(&text).at(&partial)?;
                *bytes += text.len() as u64;
                written += text.len() as u64;
            }
            None => drop(kinds.swap_remove(least)),
        }
    }
    if written == 0 {
        return Err(Error::NoText);
    }
    out.flush().at(&partial)?;
    let once = written;
    while written < target_bytes {
        let text = File::open(&partial).at(&partial)?;
        written += io::copy(&mut text.take(once), &mut out).at(&partial)?;
    }
    out.flush().at(&partial)?;
    Ok(fs::rename(&partial, path).at(path)?)
}

/// The contents of all texts in `folders`, in the order of their names.
fn texts(folders: &[PathBuf]) -> impl Iterator<Item = Vec<u8>> {
    folders
        .iter()
        .cloned()
        .flat_map(|folder| WalkDir::new(folder).sort_by_file_name())
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| read_text(entry.path()))
}

/// A file's content, unpacked, if it is text; ends with a newline.
fn read_text(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    let mut text = Vec::new();
    let limit = MAX_FILE_BYTES + 1;
    if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file).take(limit).read_to_end(&mut text).ok()?;
    } else {
        file.take(limit).read_to_end(&mut text).ok()?;
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    is_text(&text).then_some(text)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.len() as u64 <= MAX_FILE_BYTES
        && bytes.split(|&byte| byte == b'\n').all(|line| line.len() <= MAX_LINE_BYTES)
        && str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn made_from(kinds: &[&tempfile::TempDir], target_bytes: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        let kinds: Vec<_> = kinds.iter().map(|kind| vec![kind.path().to_owned()]).collect();
        make(&path, &kinds, target_bytes).unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn takes_equally_much_of_each_kind_in_the_order_of_names() {
        let docs = folder_with(&[("b", b"doc b\n"), ("a", b"doc a\n"), ("c", b"doc c\n")]);
        let code = folder_with(&[("a", b"code\n")]);
        assert_eq!(made_from(&[&docs, &code], 18), "doc a\ncode\ndoc b\ndoc c\n");
    }

    #[test]
    fn repeats_a_short_text() {
        let docs = folder_with(&[("a", b"ten bytes\n")]);
        assert_eq!(made_from(&[&docs], 25), "ten bytes\n".repeat(3));
    }

    #[test]
    fn leaves_out_what_is_not_text() {
        let long_line = vec![b'x'; MAX_LINE_BYTES + 1];
        let docs = folder_with(&[
            ("a_nul", b"a\0b\n"),
            ("b_latin1", b"caf\xe9\n"),
            ("c_encoded", &long_line),
            ("d_text", "caf\u{e9} without newline".as_bytes()),
        ]);
        assert_eq!(made_from(&[&docs], 1), "caf\u{e9} without newline\n");
    }

    #[test]
    fn unpacks_gzip() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(b"packed\n").unwrap();
        let docs = folder_with(&[("a.gz", &gzip.finish().unwrap())]);
        assert_eq!(made_from(&[&docs], 1), "packed\n");
    }

    #[test]
    fn no_text_at_all_is_an_error() {
        let empty = folder_with(&[]);
        let path = empty.path().join("text.txt");
        assert!(matches!(make(&path, &[], 1), Err(Error::NoText)));
    }
}
