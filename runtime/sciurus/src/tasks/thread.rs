//! The thread of a task.

use std::thread;

use sciurus_core::ids::{ExecutionAttemptId, JobId, SubtaskIndex};
use sciurus_engine::task::{Task, TaskReporter, panics};
use sciurus_engine::{TaskError, TaskResult};
use tracing::Span;

/// The longest name of a thread that operating systems keep, in bytes.
const MAX_NAME_BYTES: usize = 15;

/// Hears what becomes of a task, on the task's thread.
pub(crate) trait TaskListener: TaskReporter + 'static {
    /// The task has ended. What it holds is there until this returns.
    fn ended(&mut self, result: TaskResult);
}

/// Runs a task on a thread of its own, which ends by telling the listener. What is logged there lies
/// in the span.
///
/// # Errors
/// [`TaskError::Connector`] where the operating system refuses a thread.
pub(crate) fn spawn(
    name: &str,
    span: Span,
    mut task: Task,
    mut listener: impl TaskListener,
) -> TaskResult {
    let run = move || {
        let _entered = span.entered();
        let result = task.run(&mut listener);
        listener.ended(result);
        // Only now may others find that the task's channels are gone. What fails here comes too
        // late to matter.
        let _ = panics::catch(|| {
            drop(task);
            Ok(())
        });
    };
    thread::Builder::new()
        .name(name.replace('\0', " "))
        .spawn(run)
        .map(drop)
        .map_err(|error| TaskError::connector(error.into()))
}

/// Makes the span of all that a task logs.
pub(crate) fn task_span(job: JobId, vertex: &str, attempt: ExecutionAttemptId) -> Span {
    let (subtask, number) = (attempt.subtask.0, attempt.attempt.0);
    tracing::info_span!("task", %job, vertex, subtask, attempt = number)
}

/// Names a subtask's thread as Flink does, `counter (1/2)`, short enough for the operating system:
/// the vertex's name is cut.
pub(crate) fn thread_name(vertex: &str, subtask: SubtaskIndex, parallelism: u32) -> String {
    let number = format!(" ({}/{parallelism})", u64::from(subtask.0) + 1);
    let room = MAX_NAME_BYTES.saturating_sub(number.len());
    let cut = (0..=room.min(vertex.len())).rev().find(|at| vertex.is_char_boundary(*at));
    let name = vertex.get(..cut.unwrap_or(0)).unwrap_or_default();
    format!("{}{number}", name.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_name_has_the_subtask_whole_and_of_the_vertex_what_fits() {
        let name = |vertex, parallelism| thread_name(vertex, SubtaskIndex(0), parallelism);
        assert_eq!(name("map", 2), "map (1/2)");
        assert_eq!(name("tokenizer -> sum", 2), "tokenizer (1/2)");
        assert_eq!(name("a -> counter", 32_768), "a -> (1/32768)");
        assert_eq!(name("", 1), " (1/1)");
        assert_eq!(name("ääääää", 100), "äää (1/100)");
        assert!(thread_name("x", SubtaskIndex(u32::MAX), u32::MAX).starts_with(" (4294967296/"));
    }
}
