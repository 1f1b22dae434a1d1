//! How many subtasks a vertex may have.

use std::collections::BTreeMap;
use std::fmt;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobVertexId;
use thiserror::Error;

/// How many subtasks a vertex may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParallelismBounds {
    /// At least so many, or the job doesn't run.
    pub lower: u32,
    /// So many if there are slots for them.
    pub upper: u32,
}

impl ParallelismBounds {
    /// Says whether so many subtasks are within the bounds.
    pub const fn contains(self, parallelism: u32) -> bool {
        self.lower <= parallelism && parallelism <= self.upper
    }
}

impl fmt::Display for ParallelismBounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..={}", self.lower, self.upper)
    }
}

/// Says what is wrong with bounds, one line for each mistake, in Flink's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .0.join("\n"))]
pub struct BoundsError(pub Vec<String>);

/// Checks that bounds name each vertex of a job, and numbers of subtasks that it can have.
///
/// # Errors
/// Where they don't.
pub fn check_bounds(
    graph: &JobGraph,
    bounds: &BTreeMap<JobVertexId, ParallelismBounds>,
) -> Result<(), BoundsError> {
    let mut mistakes = Vec::new();
    for vertex in &graph.vertices {
        let (id, max) = (vertex.id, vertex.max_parallelism);
        let Some(ParallelismBounds { lower, upper }) = bounds.get(&id).copied() else {
            mistakes.push(format!(
                "The request is incomplete, missing job vertex [{id}] resource requirements."
            ));
            continue;
        };
        if lower < 1 {
            mistakes.push(format!(
                "The requested lower bound [{lower}] for job vertex [{id}] must be positive."
            ));
        }
        if lower > upper {
            mistakes.push(format!(
                "The requested lower bound [{lower}] for job vertex [{id}] is higher than the \
                 upper bound [{upper}]."
            ));
        }
        if upper > max {
            mistakes.push(format!(
                "The newly requested parallelism {upper} for the job vertex {id} exceeds its \
                 maximum parallelism {max}."
            ));
        }
    }
    for id in bounds.keys().filter(|id| graph.vertex(**id).is_none()) {
        mistakes.push(format!("Job vertex [{id}] was not found in the JobGraph."));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(BoundsError(mistakes)) }
}

#[cfg(test)]
mod tests {
    use sciurus_core::graph::{NodeKind, StreamEdge, StreamGraph, StreamNode};
    use sciurus_core::ids::NodeId;

    use super::*;

    fn graph() -> JobGraph {
        let mut graph = StreamGraph::new("test");
        graph.parallelism = 2;
        graph.chaining_enabled = false;
        let source = NodeKind::Source { bounded: false };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", source));
        graph.nodes.push(StreamNode::new(NodeId(1), "reader", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(0), NodeId(1)));
        graph.to_job_graph().unwrap()
    }

    fn check(lower: u32, upper: u32) -> Result<(), String> {
        let graph = graph();
        let bounds = ParallelismBounds { lower, upper };
        let bounds = graph.vertices.iter().map(|vertex| (vertex.id, bounds)).collect();
        let (a, b) = (graph.vertices[0].id.to_string(), graph.vertices[1].id.to_string());
        let named = |error: BoundsError| error.to_string().replace(&a, "A").replace(&b, "B");
        check_bounds(&graph, &bounds).map_err(named)
    }

    #[test]
    fn mistakes_are_told_in_flink_s_words() {
        assert_eq!(check(1, 128), Ok(()));
        assert_eq!(
            check(3, 2).unwrap_err(),
            "The requested lower bound [3] for job vertex [A] is higher than the upper bound [2].\n\
             The requested lower bound [3] for job vertex [B] is higher than the upper bound [2]."
        );
        assert_eq!(
            check(1, 100_000).unwrap_err(),
            "The newly requested parallelism 100000 for the job vertex A exceeds its maximum \
             parallelism 128.\n\
             The newly requested parallelism 100000 for the job vertex B exceeds its maximum \
             parallelism 128."
        );
        assert!(check(0, 1).is_err());
    }

    #[test]
    fn each_vertex_of_the_job_is_named_and_no_other() {
        let graph = graph();
        let bounds = ParallelismBounds { lower: 1, upper: 1 };
        let unknown = JobVertexId::from_bytes([0xff; 16]);
        let (first, second) = (graph.vertices[0].id, graph.vertices[1].id);
        let error = check_bounds(&graph, &[(first, bounds)].into()).unwrap_err().to_string();
        let missing = "missing job vertex";
        assert_eq!(
            error,
            format!("The request is incomplete, {missing} [{second}] resource requirements.")
        );
        let all = [(first, bounds), (second, bounds), (unknown, bounds)].into();
        let error = check_bounds(&graph, &all).unwrap_err().to_string();
        assert_eq!(error, format!("Job vertex [{unknown}] was not found in the JobGraph."));
    }
}
