//! Changing how many subtasks the vertices of a job graph have.

use std::collections::BTreeMap;

use thiserror::Error;

use super::JobGraph;
use crate::ids::JobVertexId;

/// Says why a vertex can't have a number of subtasks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "vertex '{name}' ({vertex}) can't have parallelism {parallelism}: it has to be between 1 and the \
     maximum parallelism of {max_parallelism} (pipeline.jobvertex-parallelism-overrides)"
)]
pub struct ParallelismOverrideError {
    /// The vertex.
    pub vertex: JobVertexId,
    /// Its name.
    pub name: String,
    /// How many subtasks it was to have.
    pub parallelism: u32,
    /// How many it can have.
    pub max_parallelism: u32,
}

impl JobGraph {
    /// Gives vertices other numbers of subtasks; the numbers of key groups stay. Vertices that the
    /// graph doesn't have are passed over, as in Flink. Edges stay what they are, so that it
    /// doesn't matter in how many steps a graph came to its numbers: over a forward edge between
    /// different numbers of subtasks, records are shared out among neighbours.
    ///
    /// # Errors
    /// [`ParallelismOverrideError`] where a number is 0 or more than there are key groups.
    pub fn override_parallelism(
        &mut self,
        overrides: &BTreeMap<JobVertexId, u32>,
    ) -> Result<(), ParallelismOverrideError> {
        for vertex in &mut self.vertices {
            let Some(&parallelism) = overrides.get(&vertex.id) else { continue };
            if !(1..=vertex.max_parallelism).contains(&parallelism) {
                return Err(ParallelismOverrideError {
                    vertex: vertex.id,
                    name: vertex.name.clone(),
                    parallelism,
                    max_parallelism: vertex.max_parallelism,
                });
            }
            vertex.parallelism = parallelism;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
    use super::*;
    use crate::ids::NodeId;

    /// source → sink, not chained.
    fn graph() -> JobGraph {
        let mut graph = StreamGraph::new("job");
        graph.parallelism = 2;
        graph.chaining_enabled = false;
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(1), "numbers", source));
        graph.nodes.push(StreamNode::new(NodeId(2), "sink", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(1), NodeId(2)));
        graph.to_job_graph().unwrap()
    }

    #[test]
    fn what_stood_side_by_side_is_shared_out() {
        let before = graph();
        let [source, sink] = [0, 1].map(|at| before.vertices[at].id);
        assert_eq!(before.edges[0].partitioning, Partitioning::Forward);

        let mut wider = before.clone();
        wider.override_parallelism(&[(sink, 3)].into()).unwrap();
        let wiring = wider.wiring(&wider.edges[0]).unwrap();
        assert_eq!((wiring.producers(), wiring.consumers(), wiring.channel_count()), (2, 3, 3));
        let [first, second] = [0, 1].map(|at| &wider.vertices[at]);
        assert_eq!((first.parallelism, second.parallelism), (2, 3));
        assert_eq!(second.max_parallelism, 128);
        assert_ne!(wider.fingerprint(), before.fingerprint());

        let mut both = before.clone();
        both.override_parallelism(&[(source, 3), (sink, 3)].into()).unwrap();
        assert_eq!(both.edges[0].partitioning, Partitioning::Forward);

        // In two steps it is the same graph.
        wider.override_parallelism(&[(source, 3)].into()).unwrap();
        assert_eq!(wider.fingerprint(), both.fingerprint());

        let mut same = before.clone();
        let unknown = JobVertexId::from_bytes([9; 16]);
        same.override_parallelism(&[(unknown, 7)].into()).unwrap();
        assert_eq!(same, before);
    }

    #[test]
    fn a_vertex_has_a_subtask_at_least_and_no_more_than_key_groups() {
        let mut graph = graph();
        let sink = graph.vertices[1].id;
        for parallelism in [0, 129] {
            let error = graph.override_parallelism(&[(sink, parallelism)].into()).unwrap_err();
            assert_eq!((error.parallelism, error.max_parallelism), (parallelism, 128));
        }
    }
}
