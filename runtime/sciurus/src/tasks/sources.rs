//! The enumerators of a job's sources, and which splits they gave to whom.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionVertexId, JobVertexId, SubtaskIndex};
use sciurus_engine::program::{NodeCode, Program};
use sciurus_engine::source::{Enumerator, SourceEvent};
use sciurus_engine::task::panics;
use sciurus_engine::{TaskError, TaskResult};

/// What enumerators decided: which reader is told what.
pub(crate) type Decisions = Vec<(ExecutionVertexId, SourceEvent)>;

/// The enumerators of a job.
#[derive(Default)]
pub(crate) struct Sources {
    enumerators: HashMap<JobVertexId, NamedEnumerator>,
    assigned: HashMap<ExecutionVertexId, Vec<Vec<u8>>>,
}

/// An enumerator with the name of its source.
struct NamedEnumerator {
    name: Arc<str>,
    enumerator: Box<dyn Enumerator>,
}

impl NamedEnumerator {
    /// Calls the enumerator, which is the user's code, and names it where it fails.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut dyn Enumerator) -> TaskResult<R>,
    ) -> TaskResult<R> {
        let result = panics::catch(|| call(self.enumerator.as_mut()));
        result.map_err(|error| error.in_operator(&self.name))
    }
}

impl Sources {
    /// Gets the enumerators ready for subtasks that start, again or for the first time: a source
    /// that starts as a whole begins anew, else it takes back what the old attempts were given. One
    /// whose readers start one by one from the beginning on begins with the first of them.
    pub(crate) fn start(
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
            if starting.is_empty() {
                continue;
            }
            let has_begun = self.enumerators.contains_key(&vertex.id);
            if has_begun && starting.len() < vertex.parallelism as usize {
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
            let name: Arc<str> = head.name.as_str().into();
            let started = panics::catch(|| {
                let mut enumerator = source.enumerator(vertex.parallelism, None)?;
                let events = enumerator.start()?;
                Ok((enumerator, events))
            });
            let (enumerator, events) = started.map_err(|error| error.in_operator(&name))?;
            self.enumerators.insert(vertex.id, NamedEnumerator { name, enumerator });
            decisions.extend(self.note(vertex.id, events));
        }
        Ok(decisions)
    }

    /// Returns how many bytes all sources will have read in the end, where all of them know.
    pub(crate) fn total_bytes(&self) -> Option<u64> {
        self.enumerators.values().map(|source| source.enumerator.total_bytes()).sum()
    }

    /// Answers a reader that needs a split.
    pub(crate) fn serve(&mut self, reader: ExecutionVertexId) -> TaskResult<Decisions> {
        let Some(source) = self.enumerators.get_mut(&reader.vertex) else {
            return Err(TaskError::Defect("a split was asked for where no source is"));
        };
        let events = source.call(|enumerator| enumerator.handle_split_request(reader.subtask.0))?;
        Ok(self.note(reader.vertex, events))
    }

    fn take_back(&mut self, reader: ExecutionVertexId) -> TaskResult {
        let splits = self.assigned.remove(&reader).unwrap_or_default();
        match self.enumerators.get_mut(&reader.vertex) {
            Some(source) => {
                source.call(|enumerator| enumerator.add_splits_back(&splits, reader.subtask.0))
            }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sciurus_core::checkpoint::CheckpointId;
    use sciurus_core::graph::{NodeKind, StreamGraph, StreamNode};
    use sciurus_core::ids::NodeId;
    use sciurus_engine::operator::OperatorContext;
    use sciurus_engine::source::{Boundedness, SourceDriver, SourceFactory};
    use sciurus_engine::task::TaskControl;

    use super::*;

    /// A source of two splits.
    struct TwoSplits;

    struct Splits(Vec<Vec<u8>>);

    impl SourceFactory for TwoSplits {
        fn boundedness(&self) -> Boundedness {
            Boundedness::Bounded
        }

        fn enumerator(
            &self,
            _parallelism: u32,
            _restored: Option<&[u8]>,
        ) -> TaskResult<Box<dyn Enumerator>> {
            Ok(Box::new(Splits(vec![vec![1], vec![2]])))
        }

        fn driver(
            &self,
            _context: &OperatorContext,
            _control: &Arc<TaskControl>,
            _watermark_interval: Duration,
        ) -> TaskResult<Box<dyn SourceDriver>> {
            Err(TaskError::Defect("nothing is read"))
        }
    }

    impl Enumerator for Splits {
        fn start(&mut self) -> TaskResult<Vec<(u32, SourceEvent)>> {
            Ok(Vec::new())
        }

        fn handle_split_request(&mut self, subtask: u32) -> TaskResult<Vec<(u32, SourceEvent)>> {
            let event = self.0.pop().map_or(SourceEvent::NoMoreSplits, SourceEvent::AddSplit);
            Ok(vec![(subtask, event)])
        }

        fn add_splits_back(&mut self, splits: &[Vec<u8>], _subtask: u32) -> TaskResult {
            self.0.extend_from_slice(splits);
            Ok(())
        }

        fn total_bytes(&self) -> Option<u64> {
            None
        }

        fn snapshot(&self) -> TaskResult<Vec<u8>> {
            Ok(Vec::new())
        }

        fn checkpoint_complete(&mut self, _checkpoint: CheckpointId) -> TaskResult {
            Ok(())
        }
    }

    #[test]
    fn readers_that_start_one_by_one_find_their_source() {
        let mut graph = StreamGraph::new("job");
        graph.parallelism = 2;
        let kind = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", kind));
        let graph = graph.to_job_graph().unwrap();
        let code = NodeCode::Source(Arc::new(TwoSplits));
        let program = Program { nodes: [(NodeId(0), code)].into(), edges: HashMap::new() };
        let vertex = graph.vertices[0].id;
        let reader = |n| ExecutionVertexId { vertex, subtask: SubtaskIndex(n) };

        let mut sources = Sources::default();
        let start = |sources: &mut Sources, readers: &[ExecutionVertexId]| {
            sources.start(&graph, &program, &readers.iter().copied().collect()).unwrap()
        };
        assert!(start(&mut sources, &[]).is_empty());
        assert!(sources.serve(reader(0)).is_err(), "nothing has begun");
        start(&mut sources, &[reader(0)]);
        let split = |bytes| SourceEvent::AddSplit(vec![bytes]);
        assert_eq!(sources.serve(reader(0)).unwrap(), [(reader(0), split(2))]);
        start(&mut sources, &[reader(1)]);
        assert_eq!(sources.serve(reader(1)).unwrap(), [(reader(1), split(1))], "it goes on");
        start(&mut sources, &[reader(0)]);
        assert_eq!(sources.serve(reader(1)).unwrap(), [(reader(1), split(2))], "taken back");
        start(&mut sources, &[reader(0), reader(1)]);
        assert_eq!(sources.serve(reader(0)).unwrap(), [(reader(0), split(2))], "anew");
    }
}
