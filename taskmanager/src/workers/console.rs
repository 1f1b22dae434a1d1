//! What a worker prints, on the TaskManager's own output as well: of a container that is what people
//! look at.
//!
//! The worker goes on writing into its files; a thread follows them. What is printed faster than the
//! TaskManager's output takes it may be put aside before it is seen there, and is in the files then.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::warn;

use super::WorkerLogs;

/// Time between two looks into the files.
const PAUSE: Duration = Duration::from_millis(100);

/// How much is passed on at once.
const MAX_BYTES: u64 = 256 << 10;

/// How long the last lines of a worker may take.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// Follows the files of a worker until it is dropped, or told that there is no more to come.
pub(super) struct Console {
    /// Gone when the worker has ended.
    is_running: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Console {
    /// Follows the files from where they end now. `None` where no thread can be had.
    pub(super) fn follow(logs: &WorkerLogs) -> Option<Self> {
        let mut files = [Followed::from_end(&logs.out), Followed::from_end(&logs.err)];
        let (is_running, running) = mpsc::channel();
        let follow = move || {
            loop {
                let has_ended = running.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected);
                let [out, err] = &mut files;
                // Whoever has closed the TaskManager's output doesn't want it.
                let _ = out.pass_on(&mut io::stdout(), has_ended);
                let _ = err.pass_on(&mut io::stderr(), has_ended);
                if has_ended {
                    return;
                }
            }
        };
        match thread::Builder::new().name("worker output".to_owned()).spawn(follow) {
            Ok(thread) => Some(Self { is_running, thread }),
            Err(error) => {
                warn!(%error, "a worker's output goes to its files only");
                None
            }
        }
    }

    /// Waits until all of a worker that has ended is passed on, but not for long.
    pub(super) async fn finish(self) {
        let Self { is_running, thread } = self;
        drop(is_running);
        // Neither matters: what is not passed on in time is in the files.
        let _ = timeout(LAST_TIMEOUT, spawn_blocking(move || thread.join())).await;
    }
}

/// A file that grows.
struct Followed {
    path: PathBuf,
    /// What comes before is passed on.
    at: u64,
}

impl Followed {
    fn from_end(path: &Path) -> Self {
        let at = path.metadata().map_or(0, |metadata| metadata.len());
        Self { path: path.to_owned(), at }
    }

    /// Passes on whole lines, and in the end also one without an end.
    fn pass_on(&mut self, into: &mut impl Write, is_last: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            let length = self.path.metadata().map_or(0, |metadata| metadata.len());
            if length < self.at {
                // Put aside.
                self.at = 0;
            }
            if length <= self.at {
                return Ok(());
            }
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.at))?;
            bytes.clear();
            file.take(MAX_BYTES).read_to_end(&mut bytes)?;
            let is_full = bytes.len() as u64 == MAX_BYTES;
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = if whole == 0 && (is_full || is_last) { bytes.len() } else { whole };
            if end == 0 {
                return Ok(());
            }
            self.at += end as u64;
            into.write_all(&bytes[..end])?;
            if is_last && !is_full && end == bytes.len() && !bytes.ends_with(b"\n") {
                into.write_all(b"\n")?;
            }
            into.flush()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn whole_lines_are_passed_on_once_and_in_the_end_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("worker.out");
        std::fs::write(&path, "of an earlier worker\n").unwrap();
        let mut followed = Followed::from_end(&path);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut passed = Vec::new();
        let mut pass = |text: &str, is_last| {
            file.write_all(text.as_bytes()).unwrap();
            passed.clear();
            followed.pass_on(&mut passed, is_last).unwrap();
            String::from_utf8(passed.clone()).unwrap()
        };
        assert_eq!(pass("", false), "");
        assert_eq!(pass("one\ntw", false), "one\n");
        assert_eq!(pass("o\n", false), "two\n");
        let long = "x".repeat(usize::try_from(MAX_BYTES).unwrap() + 5);
        assert_eq!(pass(&long, false).len(), long.len() - 5);
        assert_eq!(pass("", true), "xxxxx\n");
        assert_eq!(pass("", true), "");
    }

    #[test]
    fn a_file_that_was_put_aside_is_followed_from_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("worker.out");
        std::fs::write(&path, "a long line\n").unwrap();
        let mut followed = Followed::from_end(&path);
        std::fs::write(&path, "new\n").unwrap();
        let mut passed = Vec::new();
        followed.pass_on(&mut passed, false).unwrap();
        assert_eq!(passed, b"new\n");
    }
}
