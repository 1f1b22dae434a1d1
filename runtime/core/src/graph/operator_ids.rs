//! Ids of operators that stay the same from one submission to the next.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::chaining::Chains;
use super::resolve::ResolvedGraph;
use crate::ids::OperatorId;

/// Keeps ids made of the topology apart from ids made of a `uid`.
const TOPOLOGY_SEED: u64 = 1;

/// Makes the id of an operator that has a `uid`: of the `uid` alone, so that it stays when the job
/// changes.
pub(super) fn id_of_uid(uid: &str) -> OperatorId {
    OperatorId::from_bytes(xxh3_128(uid.as_bytes()).to_be_bytes())
}

/// Makes the id of every operator of a graph, by position.
///
/// An operator without a `uid` gets an id from its place: how many operators come before it, how
/// many are fused behind it, and the ids of its inputs. Like Flink's `StreamGraphHasherV2`, this
/// ignores names, functions and parallelism, so those may change between submissions.
pub(super) fn operator_ids(graph: &ResolvedGraph<'_>, chains: &Chains) -> Vec<OperatorId> {
    let mut ids = vec![OperatorId::from_bytes([0; 16]); graph.nodes.len()];
    for (place, &node) in graph.order.iter().enumerate() {
        ids[node] = match graph.nodes[node].node.uid.as_deref() {
            Some(uid) => id_of_uid(uid),
            None => id_of_place(graph, chains, &ids, node, place),
        };
    }
    ids
}

fn id_of_place(
    graph: &ResolvedGraph<'_>,
    chains: &Chains,
    ids: &[OperatorId],
    node: usize,
    place: usize,
) -> OperatorId {
    let mut hasher = Xxh3::with_seed(TOPOLOGY_SEED);
    hasher.update(&(place as u64).to_le_bytes());
    hasher.update(&(chains.chained_outputs(graph, node).count() as u64).to_le_bytes());
    for &input in &graph.nodes[node].inputs {
        hasher.update(&ids[graph.edges[input].source].to_bytes());
    }
    OperatorId::from_bytes(hasher.digest128().to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
    use super::*;
    use crate::ids::NodeId;

    fn line(length: u32) -> StreamGraph {
        let mut graph = StreamGraph::new("test");
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "source", source));
        for id in 1..length {
            graph.nodes.push(StreamNode::new(NodeId(id), "map", NodeKind::OneInput));
            graph.edges.push(StreamEdge::new(NodeId(id - 1), NodeId(id)));
        }
        graph
    }

    fn ids(graph: &StreamGraph) -> Vec<OperatorId> {
        let resolved = ResolvedGraph::new(graph).unwrap();
        operator_ids(&resolved, &Chains::of(&resolved))
    }

    #[test]
    fn ids_of_released_versions_stay() {
        let mut graph = line(2);
        graph.nodes[1].uid = Some("counter".into());
        let texts: Vec<String> = ids(&graph).iter().map(OperatorId::to_string).collect();
        assert_eq!(texts, ["e5189a9599e3f86205ea23ef06e28b2d", "df9664e4fd9c25b6c7785a8b826f6823"]);
    }

    #[test]
    fn names_and_parallelism_don_t_matter() {
        let before = ids(&line(3));
        let mut graph = line(3);
        graph.job_name = "other".into();
        graph.parallelism = 4;
        graph.nodes[1].name = "renamed".into();
        graph.nodes[2].id = NodeId(99);
        graph.edges[1].target = NodeId(99);
        assert_eq!(ids(&graph), before);
    }

    #[test]
    fn a_uid_keeps_the_id_in_another_topology() {
        let mut short = line(3);
        short.nodes[2].uid = Some("sink".into());
        let mut long = line(5);
        long.nodes[4].uid = Some("sink".into());
        assert_eq!(ids(&short)[2], ids(&long)[4]);
        assert_ne!(ids(&short)[1], ids(&short)[2]);
    }

    #[test]
    fn equal_operators_in_different_places_differ() {
        let mut graph = line(1);
        graph.nodes.push(StreamNode { id: NodeId(1), ..graph.nodes[0].clone() });
        let ids = ids(&graph);
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn chaining_and_inputs_matter() {
        let mut graph = line(3);
        let before = ids(&graph);
        graph.edges[1].partitioning = Some(Partitioning::Hash);
        let after = ids(&graph);
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
        assert_ne!(before[2], after[2]);
    }
}
