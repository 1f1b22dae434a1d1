//! A log file of bounded size: full ones are put aside, the oldest is deleted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Says why a log file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to it.
    #[error("another process writes to it")]
    Taken,
    /// What the operating system says.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes to a file until it is full, then renames it to `NAME.1`, what was called so to `NAME.2`
/// and so on, and begins anew. Nobody else can open it meanwhile.
#[derive(Debug)]
pub struct RollingFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    max_bytes: u64,
    keep: u32,
}

impl RollingFile {
    /// Opens the file, creating it and its directory; what is in it stays. Beside the current file,
    /// `keep` full ones are kept.
    ///
    /// # Errors
    /// [`OpenError`] if another process has it, or it can't be written.
    pub fn open(path: &Path, max_bytes: u64, keep: u32) -> Result<Self, OpenError> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = append(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Taken),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes, max_bytes, keep })
    }

    /// Puts the full file aside. Without a place for it, its content goes.
    fn roll(&mut self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            // There may be no such file yet.
            let _ = fs::rename(self.aside(number), self.aside(number + 1));
        }
        if self.keep > 0 {
            fs::rename(&self.path, self.aside(1))?;
        } else {
            fs::remove_file(&self.path)?;
        }
        self.file = append(&self.path)?;
        // Nobody can have it: others open files only under names that nobody has locked.
        let _ = self.file.try_lock();
        self.bytes = 0;
        Ok(())
    }

    fn aside(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for RollingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + bytes.len() as u64 > self.max_bytes {
            self.roll()?;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_put_aside_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log/a.log");
        let mut file = RollingFile::open(&path, 10, 2).unwrap();
        for line in ["111111\n", "222222\n", "333333\n", "444444\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(path.with_file_name(name)).unwrap();
        assert_eq!(read("a.log"), "444444\n");
        assert_eq!(read("a.log.1"), "333333\n");
        assert_eq!(read("a.log.2"), "222222\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_that_another_process_writes_to_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let mut file = RollingFile::open(&path, 5, 1).unwrap();
        assert!(matches!(RollingFile::open(&path, 5, 1), Err(OpenError::Taken)));
        file.write_all(b"111\n").unwrap();
        file.write_all(b"222\n").unwrap();
        assert!(matches!(RollingFile::open(&path, 5, 1), Err(OpenError::Taken)));
        drop(file);
        RollingFile::open(&path, 5, 1).unwrap();
    }

    #[test]
    fn what_is_in_the_file_stays_and_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        RollingFile::open(&path, 10, 0).unwrap().write_all(b"12345").unwrap();
        let mut file = RollingFile::open(&path, 10, 0).unwrap();
        file.write_all(b"6789\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "123456789\n");
        file.write_all(b"a line longer than the limit\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a line longer than the limit\n");
    }
}
