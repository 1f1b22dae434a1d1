//! What a job's `main` prints: all of it into a file, the last lines for errors.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How much of what was printed last is kept for errors.
const MAX_TAIL_BYTES: usize = 4 << 10;

/// How many lines of that.
const MAX_TAIL_LINES: usize = 20;

/// How large the file may become; what is printed beyond is left out.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// How long to wait for the last lines of a process that has ended.
const LAST_LINES: Duration = Duration::from_millis(300);

/// Collects what a process prints, as long as it lives.
pub(super) struct Output {
    readers: JoinSet<()>,
    collected: Arc<Mutex<Collected>>,
}

struct Collected {
    file: Option<File>,
    written: u64,
    /// The end of what went to the standard error, and to the standard output.
    errors: Vec<u8>,
    ordinary: Vec<u8>,
}

impl Output {
    /// Appends to a file from now on.
    pub(super) fn new(log: &Path) -> io::Result<Self> {
        if let Some(directory) = log.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        let written = file.metadata().map_or(0, |metadata| metadata.len());
        let collected =
            Collected { file: Some(file), written, errors: Vec::new(), ordinary: Vec::new() };
        Ok(Self { readers: JoinSet::new(), collected: Arc::new(Mutex::new(collected)) })
    }

    /// Reads what comes, from the standard error or the standard output.
    pub(super) fn collect(
        &mut self,
        mut from: impl AsyncRead + Unpin + Send + 'static,
        is_for_errors: bool,
    ) {
        let collected = self.collected.clone();
        self.readers.spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer).await {
                collected.lock().add(&buffer[..read], is_for_errors);
            }
        });
    }

    /// Returns the last lines.
    pub(super) fn tail(&self) -> String {
        self.collected.lock().tail()
    }

    /// Waits for the end of what is printed, for a moment: those that the process has started may
    /// go on printing.
    pub(super) async fn last_lines(&mut self) -> String {
        let all = async { while self.readers.join_next().await.is_some() {} };
        let _ = timeout(LAST_LINES, all).await;
        self.tail()
    }
}

impl Collected {
    fn add(&mut self, bytes: &[u8], is_for_errors: bool) {
        if let Some(file) = &mut self.file {
            self.written += bytes.len() as u64;
            if self.written > MAX_FILE_BYTES {
                let _ = file.write_all(b"\n(the log is full)\n");
                self.file = None;
            } else if file.write_all(bytes).is_err() {
                // Nobody can be told; the job is not to suffer for it.
                self.file = None;
            }
        }
        let tail = if is_for_errors { &mut self.errors } else { &mut self.ordinary };
        tail.extend_from_slice(bytes);
        let surplus = tail.len().saturating_sub(MAX_TAIL_BYTES);
        tail.drain(..surplus);
    }

    /// Who prints no errors may say what is wrong in its ordinary output, as `--help` does.
    fn tail(&self) -> String {
        let tail = if self.errors.is_empty() { &self.ordinary } else { &self.errors };
        let text = String::from_utf8_lossy(tail);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(MAX_TAIL_LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept_and_all_goes_into_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("logs/job.log");
        let mut output = Output::new(&log).unwrap();
        let lines: Vec<String> = (0..1000).map(|number| format!("line {number}\n")).collect();
        let text = lines.concat();
        let (mut sender, receiver) = tokio::io::duplex(100);
        output.collect(receiver, true);
        tokio::io::AsyncWriteExt::write_all(&mut sender, text.as_bytes()).await.unwrap();
        drop(sender);
        let tail = output.last_lines().await;
        assert_eq!(tail.lines().count(), MAX_TAIL_LINES);
        assert!(tail.ends_with("line 998\nline 999"));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), text);
    }

    #[tokio::test]
    async fn ordinary_output_is_shown_where_nothing_went_to_the_standard_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut output = Output::new(&directory.path().join("job.log")).unwrap();
        output.collect(&b"Usage: job\n"[..], false);
        assert_eq!(output.last_lines().await, "Usage: job");
        output.collect(&b"no such file\n"[..], true);
        assert_eq!(output.last_lines().await, "no such file");
    }
}
