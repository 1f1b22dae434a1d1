//! Starts tasks, and the enumerators that give them splits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sciurus_checkpoint::SubtaskRestore;
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId};
use sciurus_engine::checkpoint::CheckpointResponder;
use sciurus_engine::deployment::TaskDeployment;
use sciurus_engine::exchange::connect;
use sciurus_engine::metrics::SubtaskMetrics;
use sciurus_engine::notify::Notifier;
use sciurus_engine::task::{Task, TaskControl};
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::{Event, ExecutionState};

use super::JobOutcome;
use super::master::{Master, Message, RunningTask};
use super::reporter::{Reporter, Responder};
use crate::tasks::{cause_of, spawn, task_span, thread_name};

/// An attempt to be started, and what it starts with.
pub(super) type ToDeploy = (ExecutionAttemptId, Option<Arc<SubtaskRestore>>);

impl Master {
    /// Starts attempts together: what they are connected with is among them.
    pub(super) fn deploy(&mut self, attempts: Vec<ToDeploy>) -> Option<JobOutcome> {
        let controls: HashMap<ExecutionVertexId, Arc<TaskControl>> = attempts
            .iter()
            .map(|(attempt, _)| {
                let control = Arc::new(TaskControl::new(Notifier::default()));
                (attempt.execution_vertex(), control)
            })
            .collect();
        let graph = self.job_master.graph();
        let mut endpoints = match connect(graph, &controls, self.settings.channel_bytes, None) {
            Ok(endpoints) => endpoints,
            Err(error) => return self.tell(Event::GlobalFailure(cause_of(&error))),
        };
        let mut outcome = None;
        let mut failed = Vec::new();
        let ids: Vec<ExecutionAttemptId> = attempts.iter().map(|(attempt, _)| *attempt).collect();
        for (attempt, restore) in attempts {
            let subtask = attempt.execution_vertex();
            let graph = self.job_master.graph();
            let (Some(vertex), Some(control), Some(ends)) = (
                graph.vertex(subtask.vertex),
                controls.get(&subtask).cloned(),
                endpoints.remove(&subtask),
            ) else {
                continue;
            };
            let responder: Arc<dyn CheckpointResponder> =
                Arc::new(Responder { attempt, messages: self.messages.clone() });
            let deployment = TaskDeployment {
                graph,
                program: &self.program,
                settings: &self.settings,
                vertex,
                subtask: subtask.subtask.0,
                attempt: attempt.attempt.0,
                control: control.clone(),
                senders: ends.senders,
                gates: ends.gates,
                restore,
                responder: Some(responder),
            };
            let started =
                deployment.build().and_then(|(task, metrics)| self.start(attempt, task, metrics));
            match started {
                Ok(()) => {
                    self.tasks.insert(subtask, RunningTask { attempt, control });
                }
                Err(error) => failed.push((attempt, error)),
            }
        }
        for attempt in &ids {
            outcome = outcome.or(self.report(*attempt, ExecutionState::Initializing, None));
        }
        for (attempt, error) in failed {
            outcome = outcome.or(self.fail(attempt, &error));
        }
        outcome.or(self.start_readers(&ids))
    }

    /// Lets enumerators know which readers start.
    fn start_readers(&mut self, attempts: &[ExecutionAttemptId]) -> Option<JobOutcome> {
        let started: HashSet<_> =
            attempts.iter().map(ExecutionAttemptId::execution_vertex).collect();
        let restore = self.restore.take();
        let graph = self.job_master.graph();
        match self.sources.start(graph, &self.program, &started, restore.as_ref()) {
            Ok(decisions) => {
                self.shared.set_input_bytes(self.sources.total_bytes());
                self.announce(decisions);
                None
            }
            Err(error) => self.tell(Event::GlobalFailure(cause_of(&error))),
        }
    }

    fn start(
        &self,
        attempt: ExecutionAttemptId,
        task: Task,
        metrics: SubtaskMetrics,
    ) -> TaskResult {
        self.shared.add_attempt(attempt, metrics);
        let graph = self.job_master.graph();
        let vertex = graph.vertex(attempt.vertex);
        let name = vertex.map_or_else(String::new, |vertex| {
            thread_name(&vertex.name, attempt.subtask, vertex.parallelism)
        });
        let vertex = vertex.map_or("", |vertex| &vertex.name);
        let span = task_span(self.job_master.job_id(), vertex, attempt);
        spawn(&name, span, task, Reporter { attempt, messages: self.messages.clone() })
    }

    pub(super) fn cancel_task(&mut self, attempt: ExecutionAttemptId) {
        match self.tasks.get(&attempt.execution_vertex()) {
            Some(task) if task.attempt == attempt => task.control.cancel(),
            // The attempt was never started: answer in its stead.
            _ => {
                let _ = self.messages.send(Message::Ended(attempt, Err(TaskError::Cancelled)));
            }
        }
    }
}
