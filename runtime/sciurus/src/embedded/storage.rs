//! Writes and deletes checkpoints for the job's master, on threads of their own: storage may be
//! slow, and the master waits for nothing but messages.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use sciurus_checkpoint::{CheckpointMetadata, CheckpointStore, Deletion};
use sciurus_engine::task::panics;

use super::master::Message;

/// How many deletions may wait. What isn't deleted is found when the job ends.
const MAX_DELETIONS: usize = 1024;

/// How many checkpoints may wait to be written: no more than are under way.
const MAX_WRITES: usize = 64;

/// The threads that write and delete.
pub(super) struct StorageThreads {
    writes: SyncSender<Box<CheckpointMetadata>>,
    deletions: SyncSender<Deletion>,
    threads: Vec<JoinHandle<()>>,
}

impl StorageThreads {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the system refuses a thread.
    pub(super) fn start(store: CheckpointStore, messages: Sender<Message>) -> io::Result<Self> {
        let (writes, to_write) = mpsc::sync_channel(MAX_WRITES);
        let (deletions, to_delete) = mpsc::sync_channel(MAX_DELETIONS);
        let writer = {
            let store = store.clone();
            spawn("checkpoint-write", move || write_all(&store, &to_write, &messages))?
        };
        let deleter = spawn("checkpoint-del", move || delete_all(&store, &to_delete))?;
        Ok(Self { writes, deletions, threads: vec![writer, deleter] })
    }

    /// Writes a checkpoint's metadata; [`Message::Written`] says what came of it.
    pub(super) fn write(&self, metadata: Box<CheckpointMetadata>) {
        // The master lets no more be under way than there is room for.
        let _ = self.writes.try_send(metadata);
    }

    /// Deletes something when there is time.
    pub(super) fn delete(&self, deletion: Deletion) {
        if let Err(TrySendError::Full(_)) = self.deletions.try_send(deletion) {
            tracing::warn!("too many checkpoints wait to be deleted; some are left for the end");
        }
    }

    /// Does what is left to be done, and ends the threads.
    pub(super) fn finish(self) {
        let Self { writes, deletions, threads } = self;
        drop((writes, deletions));
        for thread in threads {
            // It catches what panics.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

fn write_all(
    store: &CheckpointStore,
    writes: &Receiver<Box<CheckpointMetadata>>,
    messages: &Sender<Message>,
) {
    while let Ok(metadata) = writes.recv() {
        let written = panics::catch(|| Ok(store.write(&metadata)));
        let result = match written {
            Ok(Ok(pointer)) => Ok(pointer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let _ = messages.send(Message::Written(metadata.id, result));
    }
}

fn delete_all(store: &CheckpointStore, deletions: &Receiver<Deletion>) {
    while let Ok(deletion) = deletions.recv() {
        let deleted = panics::catch(|| Ok(deletion.carry_out(store)));
        match deleted {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("files of checkpoints are left: {error}"),
            Err(error) => tracing::error!("files of checkpoints are left: {error}"),
        }
    }
}
