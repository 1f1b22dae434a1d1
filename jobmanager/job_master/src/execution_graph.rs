//! The job graph as it is run: one vertex per subtask, one execution per attempt to run it.

mod execution;
mod execution_job_vertex;
mod execution_vertex;

use std::collections::HashMap;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{
    AttemptNumber, ExecutionAttemptId, ExecutionGraphId, ExecutionVertexId, JobVertexId,
    SubtaskIndex,
};
use sciurus_core::time::Timestamp;

pub use crate::execution_state::ExecutionStateCounts;
pub use execution::Execution;
pub use execution_job_vertex::ExecutionJobVertex;
pub use execution_vertex::ExecutionVertex;

/// The place of a subtask among all subtasks of a job: those of the first vertex come first.
pub type SubtaskPosition = usize;

/// The subtasks of a job, in the order of the job graph's vertices.
#[derive(Clone, Debug)]
pub struct ExecutionGraph {
    id: ExecutionGraphId,
    job_vertices: Vec<ExecutionJobVertex>,
    places: HashMap<JobVertexId, usize>,
    subtasks: Vec<ExecutionVertex>,
    terminal: usize,
    finished: usize,
}

impl ExecutionGraph {
    /// Lays out the subtasks of a job; each keeps so many of its earlier attempts.
    pub(crate) fn new(
        graph: &JobGraph,
        id: ExecutionGraphId,
        attempts_history_size: usize,
        now: Timestamp,
    ) -> Self {
        Self::continued(graph, id, attempts_history_size, &HashMap::new(), now)
    }

    /// Lays out the subtasks of a job that has run with another graph: the attempts of each vertex
    /// begin with these.
    pub(crate) fn continued(
        graph: &JobGraph,
        id: ExecutionGraphId,
        attempts_history_size: usize,
        first_attempts: &HashMap<JobVertexId, AttemptNumber>,
        now: Timestamp,
    ) -> Self {
        let mut job_vertices = Vec::with_capacity(graph.vertices.len());
        let mut subtasks = Vec::new();
        for vertex in &graph.vertices {
            job_vertices.push(ExecutionJobVertex::new(vertex, subtasks.len()));
            let attempt = first_attempts.get(&vertex.id).copied().unwrap_or_default();
            subtasks.extend((0..vertex.parallelism).map(|subtask| {
                let subtask = SubtaskIndex(subtask);
                let first = ExecutionAttemptId { graph: id, vertex: vertex.id, subtask, attempt };
                ExecutionVertex::new(first, attempts_history_size, now)
            }));
        }
        let places = job_vertices.iter().enumerate().map(|(place, v)| (v.id(), place)).collect();
        Self { id, job_vertices, places, subtasks, terminal: 0, finished: 0 }
    }

    /// Returns the id that all attempts of this graph carry.
    pub fn id(&self) -> ExecutionGraphId {
        self.id
    }

    /// Returns, for each vertex, an attempt after all that its subtasks have had.
    pub(crate) fn next_attempts(&self) -> HashMap<JobVertexId, AttemptNumber> {
        let next = |vertex: &ExecutionJobVertex| {
            let attempts = self.subtasks_of(vertex).iter().map(|s| s.current().id().attempt);
            (vertex.id(), attempts.max().unwrap_or_default().next())
        };
        self.job_vertices.iter().map(next).collect()
    }

    /// Returns the vertices, each after all that it reads from.
    pub fn job_vertices(&self) -> &[ExecutionJobVertex] {
        &self.job_vertices
    }

    /// Returns the vertex with an id.
    pub fn job_vertex(&self, id: JobVertexId) -> Option<&ExecutionJobVertex> {
        self.job_vertices.get(*self.places.get(&id)?)
    }

    /// Returns the subtasks of all vertices.
    pub fn subtasks(&self) -> &[ExecutionVertex] {
        &self.subtasks
    }

    /// Returns the subtasks of a vertex, in the order of their indices.
    pub fn subtasks_of(&self, vertex: &ExecutionJobVertex) -> &[ExecutionVertex] {
        self.subtasks.get(vertex.positions()).unwrap_or_default()
    }

    /// Returns how many subtasks of a vertex are in each state.
    pub fn counts_of(&self, vertex: &ExecutionJobVertex) -> ExecutionStateCounts {
        self.subtasks_of(vertex).iter().map(|subtask| subtask.current().state()).collect()
    }

    /// Finds a subtask.
    pub fn position_of(&self, id: ExecutionVertexId) -> Option<SubtaskPosition> {
        let vertex = self.job_vertex(id.vertex)?;
        let index = id.subtask.position();
        (index < vertex.positions().len()).then(|| vertex.positions().start + index)
    }

    /// Returns an attempt, if it is the current one of its subtask or still remembered.
    pub fn execution(&self, id: ExecutionAttemptId) -> Option<&Execution> {
        let subtask = &self.subtasks[self.position_of(id.execution_vertex())?];
        subtask.attempts().find(|execution| execution.id() == id)
    }

    /// Returns the vertex of a subtask.
    pub fn job_vertex_at(&self, position: SubtaskPosition) -> &ExecutionJobVertex {
        let place = self.job_vertices.partition_point(|v| v.positions().end <= position);
        &self.job_vertices[place]
    }

    /// Names an attempt as Flink does: `counter -> sink (1/2) - execution #0`.
    pub fn task_name(&self, id: ExecutionAttemptId) -> Option<String> {
        let vertex = self.job_vertex(id.vertex)?;
        let (name, parallelism) = (vertex.name(), vertex.parallelism());
        let number = u64::from(id.subtask.0) + 1;
        Some(format!("{name} ({number}/{parallelism}) - execution #{}", id.attempt))
    }

    /// Says whether no subtask runs or is going to.
    pub fn is_all_terminal(&self) -> bool {
        self.terminal == self.subtasks.len()
    }

    /// Says whether every subtask has finished.
    pub fn is_all_finished(&self) -> bool {
        self.finished == self.subtasks.len()
    }

    /// Changes the current attempt of a subtask.
    pub(crate) fn update<R>(
        &mut self,
        position: SubtaskPosition,
        change: impl FnOnce(&mut Execution) -> R,
    ) -> R {
        let (terminal, finished) = self.ends_at(position);
        let result = change(self.subtasks[position].current_mut());
        self.recount(position, terminal, finished);
        result
    }

    /// Begins a new attempt at a subtask whose current one has ended.
    pub(crate) fn begin_attempt(&mut self, position: SubtaskPosition, now: Timestamp) {
        let (terminal, finished) = self.ends_at(position);
        self.subtasks[position].begin_attempt(now);
        self.recount(position, terminal, finished);
    }

    fn ends_at(&self, position: SubtaskPosition) -> (usize, usize) {
        let state = self.subtasks[position].current().state();
        let is_finished = state == crate::ExecutionState::Finished;
        (usize::from(state.is_terminal()), usize::from(is_finished))
    }

    fn recount(&mut self, position: SubtaskPosition, terminal: usize, finished: usize) {
        let after = self.ends_at(position);
        self.terminal = self.terminal + after.0 - terminal;
        self.finished = self.finished + after.1 - finished;
    }
}
