//! What went wrong, where, and whose fault it is.

use std::collections::VecDeque;
use std::fmt;

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::slots::TaskManagerLocation;

/// Says who can do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The user: the program, its settings or its input are wrong.
    User,
    /// The environment: a process, disk, network or service that the job needs.
    Environment,
    /// The makers of Sciurus.
    Bug,
}

/// Says why a task or a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCause {
    /// What kind of error it is, in one word: the name of the error's type.
    pub kind: String,
    /// What happened, in one line.
    pub message: String,
    /// More for whoever looks for the reason: the chain of causes, a backtrace.
    pub details: Option<String>,
    /// The operator in which it happened.
    pub operator: Option<String>,
    /// Who can do something about it.
    pub fault: Fault,
    /// Whether running it again may help; if not, no restart strategy is asked.
    pub retriable: bool,
}

impl FailureCause {
    /// Describes a failure that may not happen again.
    pub fn new(fault: Fault, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            details: None,
            operator: None,
            fault,
            retriable: true,
        }
    }

    /// Names the operator in which it happened.
    #[must_use]
    pub fn in_operator(mut self, operator: impl Into<String>) -> Self {
        self.operator = Some(operator.into());
        self
    }

    /// Says that running it again doesn't help.
    #[must_use]
    pub fn not_retriable(mut self) -> Self {
        self.retriable = false;
        self
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.kind)?;
        if let Some(operator) = &self.operator {
            write!(formatter, "in operator '{operator}': ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Names the task that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTask {
    /// The attempt that failed.
    pub attempt: ExecutionAttemptId,
    /// The task as Flink shows it: `counter -> sink (1/2) - execution #0`.
    pub name: String,
    /// How many subtasks its vertex has.
    pub parallelism: u32,
    /// Where it ran; `None` if it had no slot.
    pub location: Option<TaskManagerLocation>,
}

/// A failure with its circumstances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why it failed.
    pub cause: FailureCause,
    /// When the JobMaster heard of it.
    pub timestamp: Timestamp,
    /// What failed; `None` if it was the job as a whole.
    pub task: Option<FailedTask>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(task) = &self.task {
            write!(formatter, "{}: ", task.name)?;
        }
        self.cause.fmt(formatter)
    }
}

/// Says why a job failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// The failure that it didn't survive.
    pub failure: Failure,
    /// Why it was not restarted.
    pub refusal: String,
    /// How often the job had been restarted before.
    pub restarts: u64,
}

impl fmt::Display for JobFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.failure, self.refusal)
    }
}

/// A failure that had a restart or the end of the job as its consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionEntry {
    /// The first failure: the root cause.
    pub root: Failure,
    /// What failed while the consequence was being drawn.
    pub concurrent: Vec<Failure>,
}

/// The latest failures of a job, for Flink's `/jobs/:id/exceptions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionHistory {
    entries: VecDeque<ExceptionEntry>,
    capacity: usize,
    truncated: bool,
}

impl ExceptionHistory {
    /// How many concurrent failures are kept with one root cause.
    pub const MAX_CONCURRENT: usize = 64;

    /// Keeps as many root causes as `capacity`, one at the least.
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(1), truncated: false }
    }

    /// Goes through the entries, the newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &ExceptionEntry> {
        self.entries.iter().rev()
    }

    /// Says whether older entries were forgotten.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    pub(crate) fn add_root(&mut self, root: Failure) {
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
            self.truncated = true;
        }
        self.entries.push_back(ExceptionEntry { root, concurrent: Vec::new() });
    }

    /// Adds a failure to the latest root cause; the first becomes a root cause itself.
    pub(crate) fn add_concurrent(&mut self, failure: Failure) {
        match self.entries.back_mut() {
            None => self.add_root(failure),
            Some(entry) if entry.concurrent.len() < Self::MAX_CONCURRENT => {
                entry.concurrent.push(failure);
            }
            Some(_) => self.truncated = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        let cause = FailureCause::new(Fault::User, "Oops", message);
        Failure { cause, timestamp: 0, task: None }
    }

    #[test]
    fn a_cause_names_its_operator() {
        let cause = failure("no such file").cause.in_operator("reader");
        assert_eq!(cause.to_string(), "Oops: in operator 'reader': no such file");
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_are_forgotten() {
        let mut history = ExceptionHistory::new(2);
        for message in ["1", "2"] {
            history.add_root(failure(message));
        }
        assert!(!history.is_truncated());
        history.add_root(failure("3"));
        let messages: Vec<_> = history.entries().map(|entry| &*entry.root.cause.message).collect();
        assert_eq!(messages, ["3", "2"]);
        assert!(history.is_truncated());
    }

    #[test]
    fn concurrent_failures_stay_with_their_root() {
        let mut history = ExceptionHistory::new(2);
        history.add_concurrent(failure("first"));
        for _ in 0..=ExceptionHistory::MAX_CONCURRENT {
            history.add_concurrent(failure("later"));
        }
        assert_eq!(history.entries().len(), 1);
        let entry = history.entries().next().unwrap();
        assert_eq!(entry.root, failure("first"));
        assert_eq!(entry.concurrent.len(), ExceptionHistory::MAX_CONCURRENT);
        assert!(history.is_truncated());
    }
}
