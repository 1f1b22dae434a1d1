//! A subtask with its attempts.

use std::collections::VecDeque;

use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId};
use sciurus_core::time::Timestamp;

use super::Execution;

/// A subtask: the attempt that counts, and the latest of those before.
#[derive(Clone, Debug)]
pub struct ExecutionVertex {
    current: Execution,
    earlier: VecDeque<Execution>,
    history_size: usize,
}

impl ExecutionVertex {
    pub(crate) fn new(id: ExecutionAttemptId, history_size: usize, now: Timestamp) -> Self {
        Self { current: Execution::new(id, now), earlier: VecDeque::new(), history_size }
    }

    /// Returns which subtask it is.
    pub fn id(&self) -> ExecutionVertexId {
        self.current.id().execution_vertex()
    }

    /// Returns the attempt that counts.
    pub fn current(&self) -> &Execution {
        &self.current
    }

    /// Goes through the attempts that are remembered, from the oldest to the current one.
    pub fn attempts(&self) -> impl DoubleEndedIterator<Item = &Execution> {
        self.earlier.iter().chain([&self.current])
    }

    pub(super) fn current_mut(&mut self) -> &mut Execution {
        &mut self.current
    }

    pub(super) fn begin_attempt(&mut self, now: Timestamp) {
        debug_assert!(self.current.state().is_terminal(), "one attempt at a time");
        let mut id = self.current.id();
        id.attempt = id.attempt.next();
        let ended = std::mem::replace(&mut self.current, Execution::new(id, now));
        self.earlier.push_back(ended);
        while self.earlier.len() > self.history_size {
            self.earlier.pop_front();
        }
    }
}
