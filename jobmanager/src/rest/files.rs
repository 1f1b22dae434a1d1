//! Files in answers: logs and what processes print.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Response as HttpResponse};
use axum::response::Response;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tokio_util::io::ReaderStream;

use super::reply::WithoutCors;

/// How many files a list names at most.
const MAX_FILES: usize = 10_000;

/// `GET …/logs`.
#[derive(Debug, Serialize)]
pub struct LogList {
    /// The files.
    pub logs: Vec<LogInfo>,
}

/// A file in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogInfo {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, milliseconds since the epoch.
    pub mtime: i64,
}

/// Lists the files of a directory; none if it can't be read.
pub async fn list(directory: &Path) -> io::Result<Vec<LogInfo>> {
    let mut files = Vec::new();
    let mut entries = tokio::fs::read_dir(directory).await?;
    while let Some(entry) = entries.next_entry().await? {
        let Ok(metadata) = entry.metadata().await else { continue };
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !metadata.is_file() || files.len() == MAX_FILES {
            continue;
        }
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let mtime = modified.map_or(0, |since| since.as_millis() as i64);
        files.push(LogInfo { name, size: metadata.len(), mtime });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Returns where a file of a directory is, if the name is just a name.
pub fn within(directory: &Path, name: &str) -> Option<PathBuf> {
    let is_name =
        !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
    is_name.then(|| directory.join(name))
}

/// Answers with a file of this machine.
pub async fn local(path: &Path) -> io::Result<Response> {
    let file = tokio::fs::File::open(path).await?;
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it is no file"));
    }
    let length = metadata.len();
    // A log grows while it is read: what was there at the beginning is sent.
    let reader = tokio::io::AsyncReadExt::take(file, length);
    Ok(text(length, ReaderStream::new(reader)))
}

/// Answers with text as it comes.
pub fn text<S, E>(length: u64, chunks: S) -> Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let mut response = HttpResponse::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response.extensions_mut().insert(WithoutCors);
    response
}

/// Answers with an empty text.
pub fn empty() -> Response {
    text(0, futures_util::stream::empty::<io::Result<Bytes>>())
}

/// `GET …/thread-dump`.
#[derive(Debug, Serialize)]
pub struct ThreadDump {
    #[serde(rename = "threadInfos")]
    threads: Vec<ThreadInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadInfo {
    thread_name: String,
    stringified_thread_info: String,
}

impl ThreadDump {
    /// Makes a dump of a TaskManager's text: a line for each process, below it an indented one for
    /// each of its threads, which has the thread's name in quotes.
    pub fn of(text: &str) -> Self {
        let mut process = "";
        let mut threads = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if !line.starts_with([' ', '\t']) {
                process = line.trim();
                continue;
            }
            let name = line.split('"').nth(1).unwrap_or(line.trim());
            threads.push(ThreadInfo {
                thread_name: format!("{process}: {name}"),
                stringified_thread_info: format!("{} of {process}\n\n", line.trim()),
            });
        }
        Self { threads }
    }

    /// Looks at the threads of this process: their names and states.
    pub async fn of_this_process() -> io::Result<Self> {
        let mut threads = Vec::new();
        let mut entries = tokio::fs::read_dir("/proc/self/task").await?;
        while let Some(entry) = entries.next_entry().await? {
            let Ok(status) = tokio::fs::read_to_string(entry.path().join("status")).await else {
                continue;
            };
            let field = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(name));
                line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
            };
            let id = entry.file_name().to_string_lossy().into_owned();
            threads.push(ThreadInfo {
                thread_name: field("Name").to_owned(),
                stringified_thread_info: format!(
                    "\"{}\" Id={id} {}\n\n",
                    field("Name"),
                    field("State")
                ),
            });
        }
        Ok(Self { threads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_found() {
        let directory = Path::new("/logs");
        assert_eq!(within(directory, "a.log"), Some(PathBuf::from("/logs/a.log")));
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a\0b"] {
            assert_eq!(within(directory, name), None, "{name}");
        }
    }

    #[test]
    fn threads_are_named_with_their_process() {
        let text =
            "TaskManager (process 1)\n  \"main\" #1 waiting\n\nWorker (process 2)\n  \"a\" #2\n";
        let dump = serde_json::to_value(ThreadDump::of(text)).unwrap();
        let threads = dump["threadInfos"].as_array().unwrap();
        assert_eq!(threads.len(), 2);
        assert_eq!(threads[0]["threadName"], "TaskManager (process 1): main");
        assert_eq!(threads[1]["stringifiedThreadInfo"], "\"a\" #2 of Worker (process 2)\n\n");
    }

    #[tokio::test]
    async fn lists_are_in_the_order_of_names() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            std::fs::write(directory.path().join(name), name).unwrap();
        }
        std::fs::create_dir(directory.path().join("c")).unwrap();
        let names: Vec<_> =
            list(directory.path()).await.unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
