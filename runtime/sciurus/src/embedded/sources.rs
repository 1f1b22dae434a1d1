//! The enumerators of a job's sources, and which splits they gave to whom.

use std::collections::{HashMap, HashSet};

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionVertexId, JobVertexId, SubtaskIndex};
use sciurus_engine::program::{NodeCode, Program};
use sciurus_engine::source::{Enumerator, SourceEvent};
use sciurus_engine::{TaskError, TaskResult};

/// What enumerators decided: which reader is told what.
pub(super) type Decisions = Vec<(ExecutionVertexId, SourceEvent)>;

/// The enumerators of a job.
#[derive(Default)]
pub(super) struct Sources {
    enumerators: HashMap<JobVertexId, Box<dyn Enumerator>>,
    assigned: HashMap<ExecutionVertexId, Vec<Vec<u8>>>,
}

impl Sources {
    /// Gets the enumerators ready for subtasks that start, again or for the first time: a source
    /// that starts as a whole begins anew, else it takes back what the old attempts were given.
    pub(super) fn start(
        &mut self,
        graph: &JobGraph,
        program: &Program,
        subtasks: &HashSet<ExecutionVertexId>,
    ) -> TaskResult<Decisions> {
        let mut decisions = Decisions::new();
        for vertex in graph.vertices.iter().filter(|vertex| vertex.is_source) {
            let readers = (0..vertex.parallelism).map(|subtask| ExecutionVertexId {
                vertex: vertex.id,
                subtask: SubtaskIndex(subtask),
            });
            let starting: Vec<_> = readers.filter(|reader| subtasks.contains(reader)).collect();
            if starting.len() < vertex.parallelism as usize {
                for reader in starting {
                    self.take_back(reader)?;
                }
                continue;
            }
            let Some(head) = vertex.operators.first() else { continue };
            let Some(NodeCode::Source(source)) = program.nodes.get(&head.node) else {
                return Err(TaskError::Defect("the program lacks the code of a source"));
            };
            for reader in starting {
                self.assigned.remove(&reader);
            }
            let name = head.name.as_str().into();
            let events = source.enumerator(vertex.parallelism).and_then(|mut enumerator| {
                let events = enumerator.start()?;
                self.enumerators.insert(vertex.id, enumerator);
                Ok(events)
            });
            let events = events.map_err(|error| error.in_operator(&name))?;
            decisions.extend(self.note(vertex.id, events));
        }
        Ok(decisions)
    }

    /// Returns how many bytes all sources will have read in the end, where all of them know.
    pub(super) fn total_bytes(&self) -> Option<u64> {
        self.enumerators.values().map(|enumerator| enumerator.total_bytes()).sum()
    }

    /// Answers a reader that needs a split.
    pub(super) fn serve(&mut self, reader: ExecutionVertexId) -> TaskResult<Decisions> {
        let Some(enumerator) = self.enumerators.get_mut(&reader.vertex) else {
            return Err(TaskError::Defect("a split was asked for where no source is"));
        };
        let events = enumerator.handle_split_request(reader.subtask.0)?;
        Ok(self.note(reader.vertex, events))
    }

    fn take_back(&mut self, reader: ExecutionVertexId) -> TaskResult {
        let splits = self.assigned.remove(&reader).unwrap_or_default();
        match self.enumerators.get_mut(&reader.vertex) {
            Some(enumerator) => enumerator.add_splits_back(&splits, reader.subtask.0),
            None => Ok(()),
        }
    }

    fn note(&mut self, vertex: JobVertexId, events: Vec<(u32, SourceEvent)>) -> Decisions {
        let mut decisions = Decisions::with_capacity(events.len());
        for (subtask, event) in events {
            let reader = ExecutionVertexId { vertex, subtask: SubtaskIndex(subtask) };
            if let SourceEvent::AddSplit(split) = &event {
                self.assigned.entry(reader).or_default().push(split.clone());
            }
            decisions.push((reader, event));
        }
        decisions
    }
}
