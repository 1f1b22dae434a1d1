//! How others reach a task: cancelling it, sending it mail, waking it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId};

use crate::error::{TaskError, TaskResult};
use crate::metrics::{TaskMetrics, Wait};
use crate::notify::Notifier;
use crate::source::SourceEvent;

/// The longest a task sleeps without looking around.
pub const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What a task is told from outside; handled by its thread between two batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskMail {
    /// The enumerator speaks to the reader.
    Source(SourceEvent),
    /// A checkpoint begins at this task: none of its producers sends barriers.
    Checkpoint(CheckpointBarrier),
    /// A checkpoint is complete, and with it every earlier one.
    CheckpointComplete(CheckpointId),
    /// A checkpoint was given up.
    CheckpointAborted(CheckpointId),
}

/// The handle by which others reach a task.
#[derive(Debug, Default)]
pub struct TaskControl {
    cancelled: AtomicBool,
    notifier: Notifier,
    mails: Mutex<VecDeque<TaskMail>>,
}

impl TaskControl {
    /// Makes a handle that wakes with `notifier`.
    pub fn new(notifier: Notifier) -> Self {
        Self { notifier, ..Self::default() }
    }

    /// Cancels the task: it ends at the next batch, or at once where it waits.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.notifier.notify();
    }

    /// Returns whether the task is to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Sends the task a mail.
    pub fn send(&self, mail: TaskMail) {
        self.mails.lock().push_back(mail);
        self.notifier.notify();
    }

    /// Takes the next mail.
    pub fn take_mail(&self) -> Option<TaskMail> {
        self.mails.lock().pop_front()
    }

    /// Returns what wakes the task.
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Waits in the midst of emitting until there is room.
    ///
    /// # Errors
    /// [`TaskError::Cancelled`].
    pub fn wait_for_room(&self, metrics: &TaskMetrics, is_room: impl Fn() -> bool) -> TaskResult {
        if is_room() {
            return Ok(());
        }
        let waited = metrics.times.during(Wait::HardBackPressured, || {
            while !is_room() {
                if self.is_cancelled() {
                    return Err(TaskError::Cancelled);
                }
                self.notifier.wait(LONGEST_WAIT);
            }
            Ok(())
        });
        // Mail or input may have come meanwhile, and its notification is used up.
        self.notifier.notify();
        waited
    }
}
