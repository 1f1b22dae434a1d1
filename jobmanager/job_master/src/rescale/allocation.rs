//! How many subtasks each vertex has with a number of slots.

use std::collections::BTreeMap;

use sciurus_core::graph::JobGraph;
use sciurus_core::ids::JobVertexId;

use super::ParallelismBounds;

/// Returns between how many slots each slot sharing group can use: as its widest vertex.
pub(crate) fn bounds_of_groups(
    graph: &JobGraph,
    bounds: &BTreeMap<JobVertexId, ParallelismBounds>,
) -> BTreeMap<String, ParallelismBounds> {
    let mut groups: BTreeMap<String, ParallelismBounds> = BTreeMap::new();
    for vertex in &graph.vertices {
        let of_vertex = bounds_of(vertex.id, vertex.parallelism, bounds);
        let group = groups.entry(vertex.slot_sharing_group.clone()).or_insert(of_vertex);
        group.lower = group.lower.max(of_vertex.lower);
        group.upper = group.upper.max(of_vertex.upper);
    }
    groups
}

fn bounds_of(
    vertex: JobVertexId,
    parallelism: u32,
    bounds: &BTreeMap<JobVertexId, ParallelismBounds>,
) -> ParallelismBounds {
    let own = ParallelismBounds { lower: parallelism, upper: parallelism };
    bounds.get(&vertex).copied().unwrap_or(own)
}

/// Returns how many subtasks each vertex has if there are so many slots: each slot sharing group
/// gets what it needs at least, and what is left goes round among those that can use more. `None`
/// if there aren't enough.
pub(crate) fn allocate(
    graph: &JobGraph,
    bounds: &BTreeMap<JobVertexId, ParallelismBounds>,
    slots: u32,
) -> Option<BTreeMap<JobVertexId, u32>> {
    let groups = bounds_of_groups(graph, bounds);
    let mut shares: BTreeMap<&str, u32> =
        groups.iter().map(|(group, bounds)| (group.as_str(), bounds.lower)).collect();
    let needed: u64 = shares.values().map(|share| u64::from(*share)).sum();
    let mut rest = u64::from(slots).checked_sub(needed)?;
    while rest > 0 {
        let hungry = shares.iter_mut().filter(|(group, share)| {
            groups.get(**group).is_some_and(|bounds| **share < bounds.upper)
        });
        let Some((_, share)) = hungry.min_by_key(|(_, share)| **share) else { break };
        *share += 1;
        rest -= 1;
    }
    let parallelism = graph.vertices.iter().map(|vertex| {
        let share = shares.get(vertex.slot_sharing_group.as_str()).copied().unwrap_or(1);
        let ParallelismBounds { upper, .. } = bounds_of(vertex.id, vertex.parallelism, bounds);
        (vertex.id, share.min(upper))
    });
    Some(parallelism.collect())
}

#[cfg(test)]
mod tests {
    use sciurus_core::graph::{NodeKind, StreamEdge, StreamGraph, StreamNode};
    use sciurus_core::ids::NodeId;

    use super::*;

    /// A source and a reader in a slot sharing group each or in one.
    fn shares(groups: [&str; 2], bounds: [(u32, u32); 2], slots: u32) -> Option<[u32; 2]> {
        let mut graph = StreamGraph::new("test");
        graph.chaining_enabled = false;
        let source = NodeKind::Source { bounded: false };
        graph.nodes.push(StreamNode::new(NodeId(0), "numbers", source));
        graph.nodes.push(StreamNode::new(NodeId(1), "reader", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(0), NodeId(1)));
        for (node, group) in graph.nodes.iter_mut().zip(groups) {
            node.slot_sharing_group = Some(group.to_owned());
        }
        let graph = graph.to_job_graph().unwrap();
        let ids = [graph.vertices[0].id, graph.vertices[1].id];
        let bounds = bounds.map(|(lower, upper)| ParallelismBounds { lower, upper });
        let allocated = allocate(&graph, &ids.into_iter().zip(bounds).collect(), slots)?;
        Some(ids.map(|id| allocated[&id]))
    }

    #[test]
    fn vertices_that_share_slots_are_as_wide_as_there_are() {
        let bounds = [(1, 4), (2, 3)];
        assert_eq!(shares(["a", "a"], bounds, 1), None);
        assert_eq!(shares(["a", "a"], bounds, 2), Some([2, 2]));
        assert_eq!(shares(["a", "a"], bounds, 3), Some([3, 3]));
        assert_eq!(shares(["a", "a"], bounds, 100), Some([4, 3]));
    }

    #[test]
    fn what_is_left_goes_round_among_groups() {
        let bounds = [(1, 4), (1, 2)];
        assert_eq!(shares(["a", "b"], bounds, 1), None);
        assert_eq!(shares(["a", "b"], bounds, 3), Some([2, 1]));
        assert_eq!(shares(["a", "b"], bounds, 4), Some([2, 2]));
        assert_eq!(shares(["a", "b"], bounds, 5), Some([3, 2]));
        assert_eq!(shares(["a", "b"], bounds, 9), Some([4, 2]));
    }
}
