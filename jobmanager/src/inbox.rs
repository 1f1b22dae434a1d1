//! What jobs are told, and how it reaches them.
//!
//! Each job that runs has an [`Inbox`], one queue of [`JobEvent`]s in the order in which they
//! happened. Whoever talks to TaskManagers or gives slots away finds it among the [`JobPorts`] and
//! needs to know nothing else about jobs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use sciurus_checkpoint::{CheckpointPointer, TaskAcknowledgement};
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::{
    ExecutionAttemptId, ExecutionVertexId, JobId, JobVertexId, TaskManagerId, WorkerId,
};
use sciurus_job_master::checkpoint_coordinator::{RequestFailure, RequestOutcome};
use sciurus_job_master::failure::FailureCause;
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_rpc::convert::{SourcesSnapshot, TaskChange};
use sciurus_rpc::proto::SourceEvent;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::metrics::MetricsBook;
use crate::resource_manager::GrantedSlot;

/// How many reports wait for a job at most; who has another waits with it.
const MAX_REPORTS: usize = 4096;

/// Something that a running job is told.
#[derive(Debug)]
pub enum JobEvent {
    /// Slots that it asked for are there.
    SlotsGranted(Vec<GrantedSlot>),
    /// So many slots are free.
    SlotsAvailable(u32),
    /// A TaskManager that it has slots of is gone.
    TaskManagerLost {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// How that was noticed.
        cause: FailureCause,
    },
    /// The job's worker on a TaskManager can take tasks.
    WorkerStarted {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// The worker.
        worker: WorkerId,
        /// Where it listens for data: host:port.
        data_address: String,
    },
    /// The job's worker on a TaskManager could not be started or has ended by itself.
    WorkerEnded {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// The worker.
        worker: WorkerId,
        /// Why.
        cause: FailureCause,
    },
    /// A task reports a new state.
    TaskChanged {
        /// The TaskManager that it runs on, as it says.
        task_manager: TaskManagerId,
        /// Which registration of the TaskManager.
        generation: u64,
        /// Which attempt, its state, and why it failed, if it did.
        change: TaskChange,
    },
    /// A source's reader needs a split.
    SplitRequested(ExecutionAttemptId),
    /// The coordinator has decided something.
    Decisions {
        /// Which of the job's coordinators: they are numbered.
        coordinator: u64,
        /// The last round of starting readers that it knew of.
        round: u64,
        /// What it tells whom.
        decisions: Vec<(ExecutionVertexId, SourceEvent)>,
        /// How many bytes all sources will have read in the end.
        total_bytes: Option<u64>,
    },
    /// An enumerator failed, or the coordinator ended.
    CoordinatorFailed {
        /// Which of the job's coordinators.
        coordinator: u64,
        /// Why.
        cause: FailureCause,
        /// Whether the process is gone.
        has_ended: bool,
    },
    /// A task says something about checkpoints.
    Checkpoint {
        /// The attempt that says it.
        attempt: ExecutionAttemptId,
        /// What.
        news: CheckpointNews,
    },
    /// The coordinator has taken a snapshot of all enumerators, or couldn't.
    SourcesSnapshotted {
        /// Which of the job's coordinators.
        coordinator: u64,
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// The enumerators' states, or why there are none.
        result: SourcesSnapshot,
    },
    /// The metadata of a checkpoint was written, and the pointer to it, or couldn't be.
    CheckpointWritten {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Where it lies, or why it doesn't.
        result: Result<CheckpointPointer, String>,
    },
    /// A user wants a checkpoint or savepoint.
    SnapshotRequested {
        /// What for.
        kind: SnapshotKind,
        /// Where a savepoint goes: the URL of a folder.
        target: Option<String>,
        /// Who waits for it.
        answer: Answer,
    },
    /// A user wants the job to run with other parallelism.
    RescaleRequested {
        /// The bounds of each vertex.
        parallelism: BTreeMap<JobVertexId, ParallelismBounds>,
        /// Who waits for it.
        answer: Answer,
    },
    /// The user wants the job to stop.
    CancelRequested,
    /// The JobManager stops: give the job up without an end.
    Suspend,
}

/// Where the answer to a user's request goes.
pub type Answer = oneshot::Sender<Result<RequestOutcome, RequestFailure>>;

/// What a task says about checkpoints.
#[derive(Debug)]
pub enum CheckpointNews {
    /// Its part of a checkpoint is durable.
    Acknowledged(CheckpointId, Box<TaskAcknowledgement>),
    /// It takes no part in a checkpoint, for this reason.
    Declined(CheckpointId, String),
    /// All of its input has ended and was processed.
    EndOfData,
}

/// The sending end of a job's queue of events.
#[derive(Clone, Debug)]
pub struct Inbox {
    letters: mpsc::UnboundedSender<Letter>,
    room: Arc<Semaphore>,
}

/// The receiving end of a job's queue of events.
#[derive(Debug)]
pub struct Letters(mpsc::UnboundedReceiver<Letter>);

#[derive(Debug)]
struct Letter {
    event: JobEvent,
    _room: Option<OwnedSemaphorePermit>,
}

impl Inbox {
    /// Makes a queue.
    pub fn new() -> (Self, Letters) {
        let (letters, receiver) = mpsc::unbounded_channel();
        let inbox = Self { letters, room: Arc::new(Semaphore::new(MAX_REPORTS)) };
        (inbox, Letters(receiver))
    }

    /// Tells the job something that the JobManager itself has decided or noticed, without waiting.
    /// There is no bound, but neither can there be many: no more grants than the job has asked
    /// for, no more losses than it has slots.
    pub fn tell(&self, event: JobEvent) {
        // A job whose runner is gone has ended.
        let _ = self.letters.send(Letter { event, _room: None });
    }

    /// Tells the job what another process reports; waits while many reports are under way.
    pub async fn report(&self, event: JobEvent) {
        if let Ok(room) = self.room.clone().acquire_owned().await {
            let _ = self.letters.send(Letter { event, _room: Some(room) });
        }
    }
}

impl Letters {
    /// Waits for the next event; `None` where nobody is left who could send one.
    pub async fn next(&mut self) -> Option<JobEvent> {
        self.0.recv().await.map(|letter| letter.event)
    }

    /// Returns the next event if it is there.
    pub fn try_next(&mut self) -> Option<JobEvent> {
        self.0.try_recv().ok().map(|letter| letter.event)
    }
}

/// How a running job is reached.
#[derive(Clone, Debug)]
pub struct JobPort {
    /// Its events.
    pub inbox: Inbox,
    /// What its tasks count.
    pub metrics: Arc<MetricsBook>,
}

/// The ports of all jobs that run.
#[derive(Clone, Debug, Default)]
pub struct JobPorts(Arc<RwLock<HashMap<JobId, JobPort>>>);

impl JobPorts {
    /// Returns the port of a job that runs.
    pub fn get(&self, job: JobId) -> Option<JobPort> {
        self.0.read().get(&job).cloned()
    }

    /// Adds a job.
    pub fn insert(&self, job: JobId, port: JobPort) {
        self.0.write().insert(job, port);
    }

    /// Forgets a job that has ended.
    pub fn remove(&self, job: JobId) {
        self.0.write().remove(&job);
    }

    /// Returns all jobs that run.
    pub fn all(&self) -> BTreeMap<JobId, JobPort> {
        self.0.read().iter().map(|(job, port)| (*job, port.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reports_wait_while_many_are_under_way_and_decisions_do_not() {
        let (inbox, mut letters) = Inbox::new();
        for _ in 0..MAX_REPORTS {
            inbox.report(JobEvent::CancelRequested).await;
        }
        inbox.tell(JobEvent::Suspend);
        let waiting = tokio::spawn({
            let inbox = inbox.clone();
            async move { inbox.report(JobEvent::CancelRequested).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        letters.next().await.unwrap();
        waiting.await.unwrap();
        let rest = std::iter::from_fn(|| letters.try_next()).count();
        assert_eq!(rest, MAX_REPORTS + 1);
    }
}
