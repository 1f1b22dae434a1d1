//! What a job master is told, and what it wants done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sciurus_checkpoint::{
    CheckpointMetadata, CheckpointPointer, StateFile, SubtaskRestore, TaskAcknowledgement,
};
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId, SnapshotKind};
use sciurus_core::ids::{
    AllocationId, ExecutionAttemptId, ExecutionGraphId, ExecutionVertexId, JobVertexId, OperatorId,
    TaskManagerId,
};

use crate::checkpoint_coordinator::{
    CheckpointingOptions, InitialState, RequestFailure, RequestId, RequestOutcome,
};
use crate::rescale::{ParallelismBounds, Scheduler};

use crate::failure::{FailureCause, JobFailure};
use crate::slots::{SharedSlot, SlotGrant};
use crate::{ExecutionState, JobStatus};

/// Says how a job master works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMasterOptions {
    /// The id that all attempts of this life of the job carry.
    pub execution_graph_id: ExecutionGraphId,
    /// How long the job waits for slots until that is a failure (`slot.request.timeout`).
    pub slot_request_timeout: Duration,
    /// How many earlier attempts of each subtask are remembered
    /// (`jobmanager.execution.attempts-history-size`).
    pub attempts_history_size: usize,
    /// How many root causes are remembered (`web.exception-history-size`).
    pub exception_history_size: usize,
    /// How checkpoints are taken.
    pub checkpointing: CheckpointingOptions,
    /// What the job starts from.
    pub initial: InitialState,
    /// How the job deals with slots that come and go.
    pub scheduler: Scheduler,
}

impl Default for JobMasterOptions {
    /// Returns Flink's defaults and a new execution graph id.
    fn default() -> Self {
        Self {
            execution_graph_id: ExecutionGraphId::random(),
            slot_request_timeout: Duration::from_secs(300),
            attempts_history_size: 16,
            exception_history_size: 16,
            checkpointing: CheckpointingOptions::default(),
            initial: InitialState::default(),
            scheduler: Scheduler::default(),
        }
    }
}

/// Tells one timer from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// Something that happens after a while. A timer that is no longer wanted may fire all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Failed tasks may be run again.
    Restart(TimerId),
    /// The job has waited too long for slots.
    SlotRequest(TimerId),
    /// A checkpoint is due.
    Checkpoint(TimerId),
    /// A checkpoint has taken too long.
    CheckpointTimeout(CheckpointId),
    /// The job has waited for more slots, or for slots to stay as they are.
    Resources(TimerId),
}

/// What a job master is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job may begin.
    Start,
    /// Slots that were asked for are there: all of them or some.
    SlotsGranted(Vec<SlotGrant>),
    /// A task reports a new state. The reports of one attempt come in order, if they come.
    TaskStateChanged {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// The state that it has reached.
        state: ExecutionState,
        /// Why it failed, if it did.
        failure: Option<FailureCause>,
    },
    /// A TaskManager is gone, with all that ran there.
    TaskManagerLost {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// How that was noticed.
        cause: FailureCause,
    },
    /// The process that runs the job's tasks on a TaskManager is gone; the TaskManager is there, and
    /// so are the slots that the job has of it.
    WorkerLost {
        /// The TaskManager.
        task_manager: TaskManagerId,
        /// How that was noticed.
        cause: FailureCause,
    },
    /// Something failed that belongs to no single task: everything has to start again.
    GlobalFailure(FailureCause),
    /// The user wants the job to stop.
    CancelRequested,
    /// A timer has fired.
    TimerFired(Timer),
    /// A task's part of a checkpoint is durable.
    CheckpointAcknowledged {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Its part.
        acknowledgement: Box<TaskAcknowledgement>,
    },
    /// A task takes no part in a checkpoint, and goes on.
    CheckpointDeclined {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Why.
        reason: String,
    },
    /// A task has processed all of its input and waits for a checkpoint to end with. It comes
    /// before the acknowledgement of that checkpoint.
    EndOfData(ExecutionAttemptId),
    /// The enumerators of the job's sources have been asked for their state.
    SourcesSnapshotted {
        /// The checkpoint that it is for.
        checkpoint: CheckpointId,
        /// Their state, or why there is none.
        result: Result<BTreeMap<OperatorId, Bytes>, String>,
    },
    /// The metadata of a checkpoint was written, and the pointer to it.
    CheckpointWritten {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Where it lies, or why it doesn't.
        result: Result<CheckpointPointer, String>,
    },
    /// A user wants a checkpoint, a savepoint, or the job to end with one.
    SnapshotRequested {
        /// The request, which is answered by [`Action::RequestDone`].
        request: RequestId,
        /// What is wanted.
        kind: SnapshotKind,
        /// The URL of the folder in which a savepoint gets one of its own.
        target: Option<String>,
    },
    /// A user wants the job to run with other parallelism.
    RescaleRequested {
        /// The request, which is answered by [`Action::RequestDone`].
        request: RequestId,
        /// The bounds of each vertex.
        parallelism: BTreeMap<JobVertexId, ParallelismBounds>,
    },
    /// So many slots are free that the job could have besides those that it holds and waits for.
    SlotsAvailable(u32),
    /// Files of a checkpoint could not be read. The failure of the task that found out comes by
    /// itself, before or after.
    RestoreFailed {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Which file, and why.
        reason: String,
    },
}

/// What a job master wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Find these slots and answer with [`Event::SlotsGranted`].
    RequestSlots(Vec<SharedSlot>),
    /// No longer look for these slots.
    WithdrawSlotRequests(Vec<SharedSlot>),
    /// Give these slots back.
    ReleaseSlots(Vec<AllocationId>),
    /// Run an attempt in a slot. Those of one restart come in topological order, all at once, so
    /// that the slots of all tasks that it is connected with are known by then.
    Deploy {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// Where to run it.
        slot: SlotGrant,
        /// What it starts with; without it, it starts anew.
        restore: Option<Arc<SubtaskRestore>>,
    },
    /// Stop an attempt, which answers that it was canceled. If the attempt isn't known where it
    /// should run, that is the answer, too.
    CancelTask {
        /// The attempt.
        attempt: ExecutionAttemptId,
    },
    /// Answer with [`Event::TimerFired`] after a while.
    StartTimer {
        /// The timer.
        timer: Timer,
        /// The while.
        delay: Duration,
    },
    /// Tell whoever wants to know that the job has a new status.
    ReportStatus(JobStatus),
    /// The job has ended: nothing follows but slots to be given back.
    JobReachedTerminal {
        /// How it has ended.
        status: JobStatus,
        /// Why it failed, if it did.
        failure: Option<JobFailure>,
    },
    /// Ask the enumerators of all sources for their state, behind all that they have decided, and
    /// answer with [`Event::SourcesSnapshotted`].
    SnapshotSources {
        /// The checkpoint that it is for.
        checkpoint: CheckpointId,
    },
    /// Send a barrier to a task, behind all that was sent to it.
    TriggerCheckpoint {
        /// The attempt.
        attempt: ExecutionAttemptId,
        /// The barrier.
        barrier: CheckpointBarrier,
    },
    /// Write the metadata of a checkpoint durably and then the pointer to it, which takes the place
    /// of none, and answer with [`Event::CheckpointWritten`]. A savepoint has a pointer only if the
    /// job ends with it: should the job not come to its end, it goes on from there.
    WriteCheckpoint(Box<CheckpointMetadata>),
    /// Tell tasks, and the enumerators of sources, that a checkpoint is complete.
    NotifyComplete {
        /// The attempts.
        attempts: Vec<ExecutionAttemptId>,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Tell tasks, and the enumerators of sources, that a checkpoint came to nothing.
    NotifyAborted {
        /// The attempts.
        attempts: Vec<ExecutionAttemptId>,
        /// The checkpoint.
        checkpoint: CheckpointId,
    },
    /// Delete a complete checkpoint: first the pointer to it, then its folder and these files, to
    /// which no other refers.
    DeleteCheckpoint {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// Where it lies.
        pointer: CheckpointPointer,
        /// Files outside its folder.
        shared: Vec<StateFile>,
    },
    /// Remove the pointer to a savepoint, which stays: it is the user's.
    ForgetCheckpoint {
        /// The savepoint.
        checkpoint: CheckpointId,
    },
    /// Delete the folder of a checkpoint that came to nothing, with the pointer to it if there is
    /// one. Tasks may still write there.
    DiscardCheckpoint {
        /// The checkpoint.
        checkpoint: CheckpointId,
        /// The URL of its folder.
        exclusive: String,
    },
    /// Delete these files, to which nothing refers. Those that aren't there are gone already.
    DiscardFiles(Vec<Arc<str>>),
    /// Delete all in the job's folder of checkpoints but these: nothing else is referred to, and
    /// no task writes there.
    DeleteLeftovers {
        /// The checkpoints that stay, with all files that they refer to.
        retained: Vec<Arc<CheckpointMetadata>>,
        /// Whether the job has ended: nothing will be written any more, and a folder that is empty
        /// goes as well.
        is_over: bool,
    },
    /// Bring the enumerators of sources to where a checkpoint has them, before these readers start
    /// again. It comes before their [`Action::Deploy`].
    RestoreSources {
        /// The checkpoint; without one, they start anew.
        checkpoint: Option<CheckpointId>,
        /// The subtasks that start again and read from enumerators: of a source all or some. Where
        /// it is all, its enumerator is made anew from its state, else it takes back what it gave
        /// these since the checkpoint.
        readers: BTreeSet<ExecutionVertexId>,
        /// The state of the enumerators in the checkpoint.
        states: BTreeMap<OperatorId, Bytes>,
    },
    /// Answer a user's request.
    RequestDone {
        /// The request.
        request: RequestId,
        /// What came of it.
        result: Result<RequestOutcome, RequestFailure>,
    },
    /// From here on the job runs with other parallelism: what it is deployed with next was planned
    /// with these overrides, and no task runs. New enumerators and workers are needed;
    /// [`crate::JobMaster::graph`] is the new graph already.
    ChangeGraph {
        /// The parallelism of each vertex.
        overrides: BTreeMap<JobVertexId, u32>,
    },
}
