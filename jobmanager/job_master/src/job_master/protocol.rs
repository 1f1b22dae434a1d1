//! What a job master is told, and what it wants done.

use std::time::Duration;

use sciurus_core::ids::{AllocationId, ExecutionAttemptId, ExecutionGraphId, TaskManagerId};

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
}

impl Default for JobMasterOptions {
    /// Returns Flink's defaults and a new execution graph id.
    fn default() -> Self {
        Self {
            execution_graph_id: ExecutionGraphId::random(),
            slot_request_timeout: Duration::from_secs(300),
            attempts_history_size: 16,
            exception_history_size: 16,
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
}
