//! Which operators are fused into one task.

use super::resolve::ResolvedGraph;
use super::{ChainingStrategy, ExchangeMode, Partitioning};

/// Says whether the reader of an edge is fused with the operator that emits: the rule of Flink's
/// `StreamingJobGraphGenerator.isChainable`.
pub(super) fn is_chainable(graph: &ResolvedGraph<'_>, edge: usize) -> bool {
    let edge = &graph.edges[edge];
    let (up, down) = (&graph.nodes[edge.source], &graph.nodes[edge.target]);
    graph.graph.chaining_enabled
        && down.inputs.len() == 1
        && down.node.kind.input_count() == 1
        && down.node.chaining == ChainingStrategy::Always
        && up.node.chaining != ChainingStrategy::Never
        && edge.partitioning == Partitioning::Forward
        && edge.edge.exchange == ExchangeMode::Pipelined
        && up.slot_sharing_group == down.slot_sharing_group
        && up.parallelism == down.parallelism
        && (graph.graph.chain_different_max_parallelism
            || up.max_parallelism == down.max_parallelism)
}

/// The division of a stream graph into chains. Nodes and edges are named by their position.
pub(super) struct Chains {
    /// Whether each edge is inside a chain.
    pub is_chained: Vec<bool>,
    /// The head of each node's chain.
    pub head_of: Vec<usize>,
    /// The nodes of each chain, the head first, each after the one that it reads from; the chains
    /// are in the order of their heads, so that a chain comes after all that it reads from.
    pub members: Vec<Vec<usize>>,
}

impl Chains {
    /// Divides a graph.
    pub(super) fn of(graph: &ResolvedGraph<'_>) -> Self {
        let is_chained: Vec<bool> =
            (0..graph.edges.len()).map(|edge| is_chainable(graph, edge)).collect();
        let mut head_of: Vec<usize> = (0..graph.nodes.len()).collect();
        let mut chain_of_head = vec![0; graph.nodes.len()];
        let mut members: Vec<Vec<usize>> = Vec::new();
        for &node in &graph.order {
            match graph.nodes[node].inputs[..] {
                [input] if is_chained[input] => {
                    head_of[node] = head_of[graph.edges[input].source];
                    members[chain_of_head[head_of[node]]].push(node);
                }
                _ => {
                    chain_of_head[node] = members.len();
                    members.push(vec![node]);
                }
            }
        }
        Self { is_chained, head_of, members }
    }

    /// Returns the nodes that are fused behind a node, in the order of its edges.
    pub(super) fn chained_outputs(
        &self,
        graph: &ResolvedGraph<'_>,
        node: usize,
    ) -> impl DoubleEndedIterator<Item = usize> {
        graph.nodes[node]
            .outputs
            .iter()
            .filter(|&&edge| self.is_chained[edge])
            .map(|&edge| graph.edges[edge].target)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NodeKind, StreamEdge, StreamGraph, StreamNode};
    use super::*;
    use crate::ids::NodeId;

    fn source_and_map() -> StreamGraph {
        let mut graph = StreamGraph::new("test");
        let source = NodeKind::Source { bounded: true };
        graph.nodes.push(StreamNode::new(NodeId(0), "source", source));
        graph.nodes.push(StreamNode::new(NodeId(1), "map", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(0), NodeId(1)));
        graph
    }

    fn chained(change: impl FnOnce(&mut StreamGraph)) -> bool {
        let mut graph = source_and_map();
        change(&mut graph);
        is_chainable(&ResolvedGraph::new(&graph).unwrap(), 0)
    }

    #[test]
    fn neighbours_are_fused_unless_something_forbids_it() {
        use ChainingStrategy::{Head, Never};
        assert!(chained(|_| ()));
        assert!(chained(|graph| graph.nodes[0].chaining = Head));
        assert!(!chained(|graph| graph.nodes[0].chaining = Never));
        assert!(!chained(|graph| graph.nodes[1].chaining = Head));
        assert!(!chained(|graph| graph.nodes[1].chaining = Never));
        assert!(!chained(|graph| graph.chaining_enabled = false));
        assert!(!chained(|graph| graph.nodes[1].parallelism = Some(2)));
        assert!(!chained(|graph| graph.edges[0].partitioning = Some(Partitioning::Hash)));
        assert!(!chained(|graph| graph.edges[0].exchange = ExchangeMode::Blocking));
        assert!(!chained(|graph| graph.nodes[1].slot_sharing_group = Some("other".into())));
        assert!(chained(|graph| graph.edges[0].side_output = Some("late".into())));
    }

    #[test]
    fn maximum_parallelism_separates_only_on_request() {
        assert!(chained(|graph| graph.nodes[1].max_parallelism = Some(64)));
        assert!(!chained(|graph| {
            graph.chain_different_max_parallelism = false;
            graph.nodes[1].max_parallelism = Some(64);
        }));
    }

    #[test]
    fn unions_and_two_input_operators_start_a_chain() {
        assert!(!chained(|graph| graph.edges.push(graph.edges[0].clone())));
        assert!(!chained(|graph| {
            graph.nodes[1].kind = NodeKind::TwoInput;
            graph.edges.push(StreamEdge { input: 1, ..graph.edges[0].clone() });
        }));
    }

    #[test]
    fn a_chain_is_a_tree() {
        let mut graph = source_and_map();
        for (id, input) in [(2, 0), (3, 1), (4, 2)] {
            graph.nodes.push(StreamNode::new(NodeId(id), "map", NodeKind::OneInput));
            graph.edges.push(StreamEdge::new(NodeId(input), NodeId(id)));
        }
        graph.edges[2].partitioning = Some(Partitioning::Broadcast);
        let resolved = ResolvedGraph::new(&graph).unwrap();
        let chains = Chains::of(&resolved);
        assert_eq!(chains.members, [vec![0, 1, 2, 4], vec![3]]);
        assert_eq!(chains.head_of, [0, 0, 0, 3, 0]);
        assert_eq!(chains.chained_outputs(&resolved, 0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(chains.chained_outputs(&resolved, 1).count(), 0);
    }
}
