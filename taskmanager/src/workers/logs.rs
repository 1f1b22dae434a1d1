//! The log files of workers: standard output and standard error of each job's process.
//!
//! A worker writes into its files itself, so that its log costs the TaskManager nothing and is
//! complete when either dies. What is too long is put aside by copying, because a process can't be
//! told to write elsewhere.

use std::cmp::Reverse;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sciurus_core::ids::JobId;
use tracing::warn;

/// How much is kept of what a failed worker wrote last.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 8 << 10;

/// Of how many jobs that have ended the logs are kept.
const KEPT_JOBS: usize = 20;

/// The log files of one worker.
#[derive(Clone, Debug)]
pub(crate) struct WorkerLogs {
    /// Standard output.
    pub(crate) out: PathBuf,
    /// Standard error: the log.
    pub(crate) err: PathBuf,
    max_bytes: u64,
    /// How long the log was when the worker began: what comes before is of an earlier one.
    begin: u64,
}

impl WorkerLogs {
    /// Names the files of a job's worker.
    pub(crate) fn new(directory: &Path, prefix: &str, job: JobId, max_bytes: u64) -> Self {
        let name = |extension| directory.join(format!("{prefix}{MARK}{job}.{extension}"));
        let err = name("log");
        let begin = fs::metadata(&err).map_or(0, |metadata| metadata.len());
        Self { out: name("out"), err, max_bytes, begin }
    }

    /// Opens both files, for the worker to write at their ends.
    pub(crate) fn open(&self) -> io::Result<(File, File)> {
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        Ok((open(&self.out)?, open(&self.err)?))
    }

    /// Puts files aside that have become too long, each in place of what was put aside before.
    pub(crate) fn limit(&mut self) {
        for path in [&self.out, &self.err] {
            let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
            if length <= self.max_bytes {
                continue;
            }
            let mut aside = path.as_os_str().to_owned();
            aside.push(".1");
            let done = fs::copy(path, &aside)
                .and_then(|_| OpenOptions::new().write(true).open(path)?.set_len(0));
            if let Err(error) = done {
                warn!(path = %path.display(), %error, "can't put a long log aside");
            } else if *path == self.err {
                self.begin = 0;
            }
        }
    }

    /// Returns the last lines of the worker's standard error.
    pub(crate) fn tail(&self) -> Option<String> {
        let mut file = File::open(&self.err).ok()?;
        let length = file.metadata().ok()?.len();
        let from = self.begin.min(length).max(length.saturating_sub(TAIL_BYTES));
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.trim_end().lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        (!tail.trim().is_empty()).then_some(tail)
    }
}

/// What stands between the TaskManager's name and the job's id in a file's name.
const MARK: &str = "-worker-";

/// Removes the oldest logs of jobs that have ended, beyond a number of jobs.
pub(crate) fn remove_old(directory: &Path, prefix: &str, is_running: impl Fn(JobId) -> bool) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let found = entries.flatten().filter_map(|entry| {
        let job = job_of(&entry.file_name().to_string_lossy(), prefix)?;
        let modified = entry.metadata().ok()?.modified().ok()?;
        Some((job, modified, entry.path()))
    });
    let mut files: Vec<_> = found.filter(|(job, ..)| !is_running(*job)).collect();
    files.sort_by_key(|(_, modified, _)| Reverse(*modified));
    let mut kept = Vec::new();
    for (job, _, path) in files {
        if kept.contains(&job) {
            continue;
        }
        if kept.len() < KEPT_JOBS {
            kept.push(job);
        } else if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %path.display(), %error, "can't remove an old log");
        }
    }
}

fn job_of(name: &str, prefix: &str) -> Option<JobId> {
    let rest = name.strip_prefix(prefix)?.strip_prefix(MARK)?;
    rest.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_tail_is_of_this_worker_and_not_long() {
        let dir = tempfile::tempdir().unwrap();
        let logs = || WorkerLogs::new(dir.path(), "tm", JobId::from_bytes([7; 16]), 1 << 20);
        let first = logs();
        assert_eq!(first.tail(), None);
        let (_, mut err) = first.open().unwrap();
        err.write_all(b"of the first\n").unwrap();
        let second = logs();
        let (_, mut err) = second.open().unwrap();
        assert_eq!(second.tail(), None);
        for number in 0..1000 {
            writeln!(err, "line {number}").unwrap();
        }
        let tail = second.tail().unwrap();
        assert!(tail.starts_with("line 980\n") && tail.ends_with("line 999"), "{tail}");
        assert!(first.tail().unwrap().ends_with("line 999"));
    }

    #[test]
    fn what_is_too_long_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = WorkerLogs::new(dir.path(), "tm", JobId::from_bytes([7; 16]), 100);
        let (_, mut err) = logs.open().unwrap();
        err.write_all(&[b'x'; 101]).unwrap();
        logs.limit();
        err.write_all(b"more").unwrap();
        logs.limit();
        assert_eq!(fs::read(&logs.err).unwrap(), b"more");
        assert_eq!(logs.tail().as_deref(), Some("more"));
        let aside = format!("{}.1", logs.err.display());
        assert_eq!(fs::read(aside).unwrap().len(), 101);
    }

    #[test]
    fn logs_of_jobs_long_gone_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let job = |number: u8| JobId::from_bytes([number; 16]);
        for number in 0..30 {
            let logs = WorkerLogs::new(dir.path(), "tm", job(number), 100);
            for file in <[File; 2]>::from(logs.open().unwrap()) {
                let age = Duration::from_secs(1000 - u64::from(number));
                file.set_modified(SystemTime::now() - age).unwrap();
            }
        }
        fs::write(dir.path().join("tm.log"), "").unwrap();
        remove_old(dir.path(), "tm", |id| id == job(0));
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 2 * (KEPT_JOBS + 1) + 1);
        let exists = |number| WorkerLogs::new(dir.path(), "tm", job(number), 1).err.exists();
        assert!(exists(0) && exists(29) && !exists(1));
    }
}
