//! Files of TaskManagers: asked for over the session, sent by a call of the TaskManager's own.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sciurus_core::ids::TaskManagerId;
use sciurus_rpc::proto::{self, FileChunk, FileKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

/// How long a TaskManager may take to begin to answer, and how long it may pause in between.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many chunks of a file wait for whoever reads it.
const MAX_CHUNKS: usize = 4;

/// How many questions to TaskManagers may be open at once.
const MAX_OPEN: usize = 256;

/// Says why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such TaskManager.
    #[error("there is no TaskManager {0}; it may be lost")]
    UnknownTaskManager(TaskManagerId),
    /// The TaskManager is lost.
    #[error("TaskManager {0} was lost before it had answered")]
    Lost(TaskManagerId),
    /// The TaskManager doesn't answer.
    #[error("TaskManager {0} has not answered within {PATIENCE:?}")]
    Timeout(TaskManagerId),
    /// The TaskManager can't send it.
    #[error("TaskManager {task_manager} can't send the file: {reason}")]
    Refused {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// Why not.
        reason: String,
    },
    /// The file ended before its end.
    #[error("the file broke off: {0}")]
    Broken(String),
    /// Too many ask at once.
    #[error("{MAX_OPEN} files are being read already; try again later")]
    TooMany,
}

/// Names a file of a TaskManager and a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRequest {
    /// Which file.
    pub file: NamedFile,
    /// Where to begin, in bytes.
    pub offset: u64,
    /// How many bytes at most; 0 for all.
    pub length: u64,
}

/// Names a file of a TaskManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedFile {
    /// Its log.
    Log,
    /// What it prints.
    Stdout,
    /// A file that a list of its files has named.
    Named(String),
    /// What its threads are doing.
    ThreadDump,
}

/// A file in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written last, milliseconds since the epoch.
    pub modified: i64,
}

/// A file as it comes.
#[derive(Debug)]
pub struct FileStream {
    total_bytes: u64,
    chunks: mpsc::Receiver<Result<Bytes, FileError>>,
}

impl FileStream {
    /// Returns the size of the whole file, of which this may be a part.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }
}

impl Stream for FileStream {
    type Item = Result<Bytes, FileError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_recv(context)
    }
}

impl FileRequest {
    pub(super) fn to_message(&self, request: u64) -> proto::ReadFile {
        let (kind, name) = match &self.file {
            NamedFile::Log => (FileKind::Log, String::new()),
            NamedFile::Stdout => (FileKind::Stdout, String::new()),
            NamedFile::Named(name) => (FileKind::Named, name.clone()),
            NamedFile::ThreadDump => (FileKind::ThreadDump, String::new()),
        };
        proto::ReadFile {
            request,
            kind: kind.into(),
            name,
            offset: self.offset,
            length: self.length,
        }
    }
}

enum Answer {
    List(oneshot::Sender<Result<Vec<LogFile>, FileError>>),
    File(oneshot::Sender<Result<FileStream, FileError>>),
}

struct Open {
    task_manager: TaskManagerId,
    generation: u64,
    answer: Answer,
}

/// The questions that TaskManagers haven't answered yet, by their numbers, which are random: nobody
/// can answer what he wasn't asked.
pub(super) struct OpenRequests {
    open: Mutex<HashMap<u64, Open>>,
    patience: Duration,
}

impl Default for OpenRequests {
    fn default() -> Self {
        Self { open: Mutex::default(), patience: PATIENCE }
    }
}

impl OpenRequests {
    /// Asks for a list of files by `send`, which is given the question's number.
    pub(super) async fn list(
        &self,
        task_manager: &TaskManagerId,
        generation: u64,
        send: impl FnOnce(u64) -> bool,
    ) -> Result<Vec<LogFile>, FileError> {
        self.ask(task_manager, generation, Answer::List, send).await
    }

    /// Asks for a file.
    pub(super) async fn read(
        &self,
        task_manager: &TaskManagerId,
        generation: u64,
        send: impl FnOnce(u64) -> bool,
    ) -> Result<FileStream, FileError> {
        self.ask(task_manager, generation, Answer::File, send).await
    }

    async fn ask<T>(
        &self,
        task_manager: &TaskManagerId,
        generation: u64,
        answer: fn(oneshot::Sender<Result<T, FileError>>) -> Answer,
        send: impl FnOnce(u64) -> bool,
    ) -> Result<T, FileError> {
        let (sender, receiver) = oneshot::channel();
        let request = fastrand::u64(1..);
        let open = Open { task_manager: task_manager.clone(), generation, answer: answer(sender) };
        {
            let mut all = self.open.lock();
            if all.len() >= MAX_OPEN {
                return Err(FileError::TooMany);
            }
            all.insert(request, open);
        }
        // Also where whoever asked has gone away.
        let _forget = Forget { all: self, request };
        if !send(request) {
            return Err(FileError::Lost(task_manager.clone()));
        }
        match timeout(self.patience, receiver).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(FileError::Lost(task_manager.clone())),
            Err(_) => Err(FileError::Timeout(task_manager.clone())),
        }
    }

    /// Gives up what a lost TaskManager was asked.
    pub(super) fn lose(&self, generation: u64) {
        self.open.lock().retain(|_, open| open.generation != generation);
    }

    /// Takes a list that a TaskManager has sent.
    pub(super) fn on_list(&self, generation: u64, list: proto::FileList) {
        if let Some(Open { answer: Answer::List(answer), .. }) =
            self.take(list.request, Some(generation))
        {
            let files = list.files.into_iter().map(|file| LogFile {
                name: file.name,
                size_bytes: file.size_bytes,
                modified: file.modified,
            });
            let _ = answer.send(Ok(files.collect()));
        }
    }

    /// Takes note that a TaskManager can't answer.
    pub(super) fn on_refused(&self, generation: u64, refused: proto::FileRefused) {
        let Some(open) = self.take(refused.request, Some(generation)) else { return };
        let error = FileError::Refused { task_manager: open.task_manager, reason: refused.reason };
        match open.answer {
            Answer::List(answer) => drop(answer.send(Err(error))),
            Answer::File(answer) => drop(answer.send(Err(error))),
        }
    }

    /// Takes a file that a TaskManager sends, as fast as it is read.
    pub(super) async fn on_file(
        &self,
        mut chunks: impl Stream<Item = Result<FileChunk, Status>> + Unpin,
    ) -> Result<(), Status> {
        let late = |_| Status::deadline_exceeded("nothing came");
        let first = timeout(self.patience, chunks.next()).await.map_err(late)?;
        let first = first.ok_or_else(|| Status::invalid_argument("no file came"))??;
        let Some(Open { answer: Answer::File(answer), .. }) = self.take(first.request, None) else {
            return Err(Status::not_found("nobody waits for this file"));
        };
        let (sender, receiver) = mpsc::channel(MAX_CHUNKS);
        let file = FileStream { total_bytes: first.total_bytes, chunks: receiver };
        if answer.send(Ok(file)).is_err() {
            return Err(Status::cancelled("nobody waits for this file any more"));
        }
        let mut next: Option<Result<FileChunk, Status>> = Some(Ok(first));
        while let Some(chunk) = next {
            let data = match chunk {
                Ok(chunk) => Ok(chunk.data),
                Err(error) => Err(FileError::Broken(error.message().to_owned())),
            };
            let is_broken = data.is_err();
            match timeout(6 * self.patience, sender.send(data)).await {
                Ok(Ok(())) if !is_broken => {}
                Ok(Ok(())) => return Ok(()),
                Ok(Err(_)) => return Err(Status::cancelled("nobody reads the file any more")),
                Err(_) => return Err(Status::deadline_exceeded("nobody reads the file")),
            }
            next = match timeout(self.patience, chunks.next()).await {
                Ok(next) => next,
                Err(_) => Some(Err(Status::deadline_exceeded("nothing more came"))),
            };
        }
        Ok(())
    }

    fn take(&self, request: u64, generation: Option<u64>) -> Option<Open> {
        let mut all = self.open.lock();
        let matches = generation
            .is_none_or(|asked| all.get(&request).is_some_and(|open| open.generation == asked));
        if matches { all.remove(&request) } else { None }
    }
}

struct Forget<'a> {
    all: &'a OpenRequests,
    request: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.all.open.lock().remove(&self.request);
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
