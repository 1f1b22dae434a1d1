//! The thread of a task.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::mpsc::Sender;
use std::thread;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_engine::task::{Task, TaskReporter};
use sciurus_engine::{TaskError, TaskResult};

use super::master::Message;

thread_local! {
    /// Where the last panic of a task's thread happened; `None` on threads that run no task.
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a task on a thread of its own, which ends with a [`Message::Ended`].
///
/// # Errors
/// [`TaskError::Connector`] where the operating system refuses a thread.
pub(super) fn spawn(
    attempt: ExecutionAttemptId,
    name: &str,
    task: Task,
    messages: Sender<Message>,
) -> TaskResult {
    keep_task_panics_quiet();
    let run = move || {
        PANIC_PLACE.set(Some(String::new()));
        let mut reporter = Reporter { attempt, messages };
        let result = panic::catch_unwind(AssertUnwindSafe(|| task.run(&mut reporter)))
            .unwrap_or_else(|panic| Err(TaskError::Panic { message: describe(&*panic) }));
        // Where the master is gone nobody waits for the result.
        let _ = reporter.messages.send(Message::Ended(attempt, result));
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| TaskError::connector(error.into()))
}

/// Keeps the panics of tasks from being printed: they become failures of their job, which name
/// the place. Panics of other threads are printed as ever.
fn keep_task_panics_quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let of_task = PANIC_PLACE.try_with(|place| {
                let mut place = place.borrow_mut();
                let is_task = place.is_some();
                if is_task {
                    let at = info.location().map(ToString::to_string).unwrap_or_default();
                    let trace = Backtrace::capture();
                    *place = Some(match trace.status() {
                        std::backtrace::BacktraceStatus::Captured => format!("{at}\n{trace}"),
                        _ => at,
                    });
                }
                is_task
            });
            if !of_task.unwrap_or(false) {
                print(info);
            }
        }));
    });
}

/// Returns the message of a caught panic and where it happened.
fn describe(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    match PANIC_PLACE.take() {
        Some(place) if !place.is_empty() => format!("{message}, at {place}"),
        _ => message,
    }
}

struct Reporter {
    attempt: ExecutionAttemptId,
    messages: Sender<Message>,
}

impl TaskReporter for Reporter {
    fn running(&mut self) {
        // Where the master is gone the job has ended.
        let _ = self.messages.send(Message::Running(self.attempt));
    }

    fn request_split(&mut self) {
        let _ = self.messages.send(Message::SplitRequested(self.attempt));
    }
}
