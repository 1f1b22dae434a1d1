//! The snapshots of one task on their way to storage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use sciurus_checkpoint::{StateFile, SubtaskState, TaskAcknowledgement, TaskCheckpointMetrics};
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};
use sciurus_core::ids::OperatorId;
use sciurus_core::key::KeyGroupRange;
use sciurus_state::SharedFiles;

use super::services::CheckpointServices;
use super::write::{WriteError, Writer};
use super::{CheckpointResponder, OperatorPart};
use crate::task::panics;

/// What a task has of a checkpoint: views of its operators' state, and how it fared so far.
#[derive(Debug)]
pub struct TaskSnapshot {
    /// The checkpoint.
    pub barrier: CheckpointBarrier,
    /// The parts of the operators that have any.
    pub parts: Vec<OperatorPart>,
    /// The alignment, and the time for which the task stood still.
    pub metrics: TaskCheckpointMetrics,
}

/// Writes the snapshots of one task and acknowledges or declines each; what it still writes when it
/// is dropped, with the task, is given up.
pub struct SnapshotWrites {
    shared: Arc<Shared>,
}

struct Shared {
    services: Arc<CheckpointServices>,
    responder: Arc<dyn CheckpointResponder>,
    /// The key groups of the task's subtask.
    range: KeyGroupRange,
    /// What is being written, and whether that has been given up.
    under_way: Mutex<BTreeMap<CheckpointId, Arc<AtomicBool>>>,
    /// The shared files of each operator that lie in storage.
    shared_files: Mutex<KnownFiles>,
}

/// The files that later checkpoints may refer to, operator by operator.
pub type KnownFiles = BTreeMap<OperatorId, SharedFiles<StateFile>>;

impl SnapshotWrites {
    /// Starts with the files that the task was restored from, and may refer to again.
    pub fn new(
        services: Arc<CheckpointServices>,
        responder: Arc<dyn CheckpointResponder>,
        range: KeyGroupRange,
        restored: KnownFiles,
    ) -> Self {
        let (under_way, shared_files) = (Mutex::default(), Mutex::new(restored));
        Self { shared: Arc::new(Shared { services, responder, range, under_way, shared_files }) }
    }

    pub(crate) fn services(&self) -> &CheckpointServices {
        &self.shared.services
    }

    /// Returns why no further snapshot can be written for now, if that is so.
    pub(crate) fn refusal(&self) -> Option<String> {
        let under_way = self.shared.under_way.lock().len();
        (under_way >= self.shared.services.max_writes()).then(|| {
            format!(
                "the task is still writing its snapshots for {under_way} earlier checkpoints: \
                 the storage is too slow for the interval"
            )
        })
    }

    /// Writes a snapshot and acknowledges it when all of it is durable, or declines it.
    pub(crate) fn begin(&self, snapshot: TaskSnapshot) {
        let id = snapshot.barrier.id;
        if snapshot.parts.is_empty() {
            let state = SubtaskState::default();
            let acknowledgement = TaskAcknowledgement { state, metrics: snapshot.metrics };
            self.shared.responder.acknowledge(id, acknowledgement);
            return;
        }
        let given_up = Arc::new(AtomicBool::new(false));
        self.shared.under_way.lock().insert(id, given_up.clone());
        let shared = self.shared.clone();
        let start = Instant::now();
        let is_taken = self.shared.services.pool().submit(move || {
            // Where the pool ends before this has begun, so has the process.
            shared.write(snapshot, start, &given_up);
            let mut under_way = shared.under_way.lock();
            if under_way.get(&id).is_some_and(|other| Arc::ptr_eq(other, &given_up)) {
                under_way.remove(&id);
            }
        });
        if !is_taken {
            self.shared.under_way.lock().remove(&id);
            self.decline(id, "too many snapshots of this process wait to be written".to_owned());
        }
    }

    /// Says that the task has no part in a checkpoint.
    pub(crate) fn decline(&self, checkpoint: CheckpointId, reason: String) {
        self.shared.responder.decline(checkpoint, reason);
    }

    /// Says that all data was processed.
    pub(crate) fn end_of_data(&self) {
        self.shared.responder.end_of_data();
    }

    /// Stops writing for a checkpoint and deletes what was written.
    pub(crate) fn abort(&self, checkpoint: CheckpointId) {
        if let Some(given_up) = self.shared.under_way.lock().get(&checkpoint) {
            given_up.store(true, Ordering::Release);
        }
        for files in self.shared.shared_files.lock().values_mut() {
            files.aborted(checkpoint);
        }
    }

    /// Lets later checkpoints refer to the files of this one.
    pub(crate) fn complete(&self, checkpoint: CheckpointId) {
        for files in self.shared.shared_files.lock().values_mut() {
            files.completed(checkpoint);
        }
    }
}

impl Drop for SnapshotWrites {
    fn drop(&mut self) {
        for given_up in self.shared.under_way.lock().values() {
            given_up.store(true, Ordering::Release);
        }
    }
}

impl Shared {
    fn write(&self, snapshot: TaskSnapshot, start: Instant, given_up: &AtomicBool) {
        let TaskSnapshot { barrier, parts, metrics } = snapshot;
        let mut writer =
            Writer::new(&self.services, &barrier, self.range, &self.shared_files, given_up);
        let written = panics::catch(|| Ok(writer.write(parts)));
        let written = written.unwrap_or_else(|panic| Err(WriteError::Panic(panic.to_string())));
        // Between this look and the answer it may still be given up: then whoever coordinates
        // checkpoints hears of one that it doesn't expect, and deletes the files.
        let is_given_up = given_up.load(Ordering::Acquire);
        let written = if is_given_up { Err(WriteError::GivenUp) } else { written };
        match written {
            Ok(state) => {
                writer.keep_shared();
                let metrics = TaskCheckpointMetrics {
                    async_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
                    written_bytes: writer.written_bytes(),
                    ..metrics
                };
                self.responder.acknowledge(barrier.id, TaskAcknowledgement { state, metrics });
            }
            Err(error) => {
                writer.delete();
                if !matches!(error, WriteError::GivenUp) {
                    self.responder.decline(barrier.id, error.to_string());
                }
            }
        }
    }
}
