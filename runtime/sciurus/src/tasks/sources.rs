//! The enumerators of a job's sources: started, asked, kept in checkpoints and restored from them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionVertexId, JobVertexId, OperatorId, SubtaskIndex};
use sciurus_engine::program::{NodeCode, Program};
use sciurus_engine::source::{Enumerator, SourceEvent};
use sciurus_engine::task::panics;
use sciurus_engine::{TaskError, TaskResult};
use sciurus_rpc::convert::EnumeratorStates;

use super::assignments::Assignments;

/// What enumerators decided: which reader is told what.
pub(crate) type Decisions = Vec<(ExecutionVertexId, SourceEvent)>;

/// What sources are restored from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourcesRestore {
    pub(crate) checkpoint: CheckpointId,
    /// The enumerators' states, by the operators of their sources.
    pub(crate) states: EnumeratorStates,
}

/// The enumerators of a job.
#[derive(Default)]
pub(crate) struct Sources {
    enumerators: HashMap<JobVertexId, NamedEnumerator>,
    assignments: Assignments,
    /// Whether the last start failed, so that some sources may have no enumerator.
    start_failed: bool,
}

/// An enumerator with the name of its source and the operator that its state is kept under.
struct NamedEnumerator {
    name: Arc<str>,
    operator: OperatorId,
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
    /// that starts as a whole begins anew, from its state in the checkpoint where one is restored;
    /// else it takes back what the old attempts were given since that checkpoint. One whose readers
    /// start one by one from the beginning on begins with the first of them.
    pub(crate) fn start(
        &mut self,
        graph: &JobGraph,
        program: &Program,
        subtasks: &HashSet<ExecutionVertexId>,
        restore: Option<&SourcesRestore>,
    ) -> TaskResult<Decisions> {
        let started = self.try_start(graph, program, subtasks, restore);
        self.start_failed = started.is_err();
        started
    }

    fn try_start(
        &mut self,
        graph: &JobGraph,
        program: &Program,
        subtasks: &HashSet<ExecutionVertexId>,
        restore: Option<&SourcesRestore>,
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
                    self.take_back(reader, restore.map(|restore| restore.checkpoint))?;
                }
                continue;
            }
            let Some(head) = vertex.operators.first() else { continue };
            let Some(NodeCode::Source(source)) = program.nodes.get(&head.node) else {
                return Err(TaskError::Defect("the program lacks the code of a source"));
            };
            for reader in starting {
                self.assignments.forget(reader);
            }
            let name: Arc<str> = head.name.as_str().into();
            let operator = head.operator_id;
            let state = restore.and_then(|restore| restore.states.get(&operator));
            let started = panics::catch(|| {
                let mut enumerator =
                    source.enumerator(vertex.parallelism, state.map(|state| &state[..]))?;
                let events = enumerator.start()?;
                Ok((enumerator, events))
            });
            let (enumerator, events) = started.map_err(|error| error.in_operator(&name))?;
            let enumerator = NamedEnumerator { name, operator, enumerator };
            self.enumerators.insert(vertex.id, enumerator);
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
            // Readers may ask before they hear that the job fails.
            return if self.start_failed {
                Ok(Decisions::new())
            } else {
                Err(TaskError::Defect("a split was asked for where no source is"))
            };
        };
        let events = source.call(|enumerator| enumerator.handle_split_request(reader.subtask.0))?;
        Ok(self.note(reader.vertex, events))
    }

    /// Takes a snapshot of all enumerators for a checkpoint.
    pub(crate) fn snapshot(&mut self, checkpoint: CheckpointId) -> TaskResult<EnumeratorStates> {
        let mut states = BTreeMap::new();
        for source in self.enumerators.values_mut() {
            let state = source.call(|enumerator| enumerator.snapshot())?;
            states.insert(source.operator, state.into());
        }
        self.assignments.snapshot(checkpoint);
        Ok(states)
    }

    /// Hears that a checkpoint is complete.
    pub(crate) fn complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.assignments.complete(checkpoint);
        for source in self.enumerators.values_mut() {
            source.call(|enumerator| enumerator.checkpoint_complete(checkpoint))?;
        }
        Ok(())
    }

    fn take_back(&mut self, reader: ExecutionVertexId, since: Option<CheckpointId>) -> TaskResult {
        let splits = self.assignments.take_back(reader, since);
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
                self.assignments.add(reader, split.clone());
            }
            decisions.push((reader, event));
        }
        decisions
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sciurus_core::graph::{NodeKind, StreamGraph, StreamNode};
    use sciurus_core::ids::NodeId;
    use sciurus_engine::operator::OperatorContext;
    use sciurus_engine::source::{Boundedness, SourceDriver, SourceFactory};
    use sciurus_engine::task::TaskControl;

    use super::*;

    /// A source of three splits. It can't go on from a state without any.
    struct ThreeSplits;

    struct Splits(Vec<Vec<u8>>);

    impl SourceFactory for ThreeSplits {
        fn boundedness(&self) -> Boundedness {
            Boundedness::Bounded
        }

        fn enumerator(
            &self,
            _parallelism: u32,
            restored: Option<&[u8]>,
        ) -> TaskResult<Box<dyn Enumerator>> {
            let splits = restored.unwrap_or(&[1, 2, 3]);
            if splits.is_empty() {
                return Err(TaskError::connector("no split is left".into()));
            }
            Ok(Box::new(Splits(splits.iter().map(|split| vec![*split]).collect())))
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
            Ok(self.0.concat())
        }

        fn checkpoint_complete(&mut self, _checkpoint: CheckpointId) -> TaskResult {
            Ok(())
        }
    }

    /// A job of such a source with two readers.
    struct Job {
        graph: JobGraph,
        program: Program,
        sources: Sources,
    }

    impl Job {
        fn new() -> Self {
            let mut graph = StreamGraph::new("job");
            graph.parallelism = 2;
            let kind = NodeKind::Source { bounded: true };
            graph.nodes.push(StreamNode::new(NodeId(0), "numbers", kind));
            let code = NodeCode::Source(Arc::new(ThreeSplits));
            let program = Program { nodes: [(NodeId(0), code)].into(), edges: HashMap::new() };
            let graph = graph.to_job_graph().unwrap();
            Self { graph, program, sources: Sources::default() }
        }

        fn reader(&self, subtask: u32) -> ExecutionVertexId {
            ExecutionVertexId { vertex: self.graph.vertices[0].id, subtask: SubtaskIndex(subtask) }
        }

        fn start(&mut self, readers: &[u32], restore: Option<&SourcesRestore>) {
            let readers = readers.iter().map(|subtask| self.reader(*subtask)).collect();
            self.sources.start(&self.graph, &self.program, &readers, restore).unwrap();
        }

        /// Returns the split that a reader is given, 0 for none.
        fn next(&mut self, subtask: u32) -> u8 {
            let reader = self.reader(subtask);
            let decisions = self.sources.serve(reader).unwrap();
            let [(to, event)] = &decisions[..] else { panic!("{decisions:?}") };
            assert_eq!(*to, reader);
            match event {
                SourceEvent::AddSplit(split) => split[0],
                SourceEvent::NoMoreSplits => 0,
            }
        }

        fn checkpoint(&mut self, number: u64) -> SourcesRestore {
            let checkpoint = CheckpointId(number);
            SourcesRestore { checkpoint, states: self.sources.snapshot(checkpoint).unwrap() }
        }
    }

    #[test]
    fn readers_that_start_one_by_one_find_their_source() {
        let mut job = Job::new();
        job.start(&[], None);
        let reader = job.reader(0);
        assert!(job.sources.serve(reader).is_err(), "nothing has begun");
        job.start(&[0], None);
        assert_eq!(job.next(0), 3);
        job.start(&[1], None);
        assert_eq!(job.next(1), 2, "it goes on");
        job.start(&[0], None);
        assert_eq!(job.next(1), 3, "taken back");
        job.start(&[0, 1], None);
        assert_eq!(job.next(0), 3, "anew");
    }

    #[test]
    fn readers_of_a_source_that_could_not_start_are_told_nothing() {
        let mut job = Job::new();
        let readers = HashSet::from([job.reader(0), job.reader(1)]);
        let states = [(job.graph.vertices[0].operators[0].operator_id, Vec::new().into())].into();
        let restore = SourcesRestore { checkpoint: CheckpointId(1), states };
        let failed = job.sources.start(&job.graph, &job.program, &readers, Some(&restore));
        assert!(failed.unwrap_err().to_string().contains("no split is left"));
        assert_eq!(job.sources.serve(job.reader(0)).unwrap(), []);
        job.start(&[0, 1], None);
        assert_eq!(job.next(0), 3);
    }

    #[test]
    fn a_source_that_starts_as_a_whole_goes_on_from_its_state() {
        let mut job = Job::new();
        job.start(&[0, 1], None);
        assert_eq!(job.next(0), 3);
        let checkpoint = job.checkpoint(1);
        let operator = job.graph.vertices[0].operators[0].operator_id;
        assert_eq!(checkpoint.states[&operator], [1, 2][..]);
        assert_eq!((job.next(0), job.next(1)), (2, 1));
        job.start(&[0, 1], Some(&checkpoint));
        assert_eq!((job.next(1), job.next(1), job.next(1)), (2, 1, 0));
        // Another job, restored from the same checkpoint.
        let mut job = Job::new();
        job.start(&[0, 1], Some(&checkpoint));
        assert_eq!((job.next(0), job.next(1), job.next(0)), (2, 1, 0));
    }

    #[test]
    fn a_reader_that_starts_alone_gives_back_what_its_state_does_not_hold() {
        let mut job = Job::new();
        job.start(&[0, 1], None);
        assert_eq!(job.next(0), 3);
        let checkpoint = job.checkpoint(1);
        job.sources.complete(CheckpointId(1)).unwrap();
        assert_eq!((job.next(0), job.next(1)), (2, 1));
        job.start(&[0], Some(&checkpoint));
        assert_eq!((job.next(1), job.next(1)), (2, 0), "3 is in the reader's state");
    }
}
