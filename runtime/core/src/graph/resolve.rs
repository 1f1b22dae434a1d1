//! Fills in what the user left open, and checks the result.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::validate::{check_parallelism, check_uids, ends_of, index_nodes};
use super::{DEFAULT_SLOT_SHARING_GROUP, GraphError, Partitioning};
use super::{StreamEdge, StreamGraph, StreamNode};

/// A checked stream graph in which nothing is open. Nodes and edges are named by their position.
pub(super) struct ResolvedGraph<'g> {
    pub graph: &'g StreamGraph,
    pub nodes: Vec<ResolvedNode<'g>>,
    pub edges: Vec<ResolvedEdge<'g>>,
    /// The nodes, each after all that it reads from; otherwise in the order in which they were
    /// made.
    pub order: Vec<usize>,
}

/// A node with everything decided.
pub(super) struct ResolvedNode<'g> {
    pub node: &'g StreamNode,
    pub parallelism: u32,
    /// What the user set for the node or the job; `None` if nothing.
    pub max_parallelism: Option<u32>,
    pub slot_sharing_group: &'g str,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
}

/// An edge with everything decided.
pub(super) struct ResolvedEdge<'g> {
    pub edge: &'g StreamEdge,
    pub source: usize,
    pub target: usize,
    pub partitioning: Partitioning,
}

impl<'g> ResolvedGraph<'g> {
    /// Checks a stream graph and decides what the user left open.
    pub(super) fn new(graph: &'g StreamGraph) -> Result<Self, GraphError> {
        let positions = index_nodes(graph)?;
        check_uids(graph)?;
        let mut nodes = resolve_nodes(graph)?;
        let mut edges = Vec::with_capacity(graph.edges.len());
        for edge in &graph.edges {
            let (source, target) = ends_of(graph, &positions, edge)?;
            nodes[source].outputs.push(edges.len());
            nodes[target].inputs.push(edges.len());
            let partitioning = resolve_partitioning(edge, &nodes[source], &nodes[target])?;
            edges.push(ResolvedEdge { edge, source, target, partitioning });
        }
        let order = order_of(&nodes, &edges)?;
        let mut resolved = Self { graph, nodes, edges, order };
        resolved.check_connections()?;
        resolved.inherit_slot_sharing_groups();
        Ok(resolved)
    }

    fn check_connections(&self) -> Result<(), GraphError> {
        for node in &self.nodes {
            for input in 0..node.node.kind.input_count() {
                if !node.inputs.iter().any(|&edge| self.edges[edge].edge.input == input) {
                    return Err(GraphError::UnconnectedInput { operator: node.node.into(), input });
                }
            }
        }
        if !self.nodes.iter().any(|node| node.node.kind.is_source()) {
            return Err(GraphError::NoSource);
        }
        Ok(())
    }

    /// Gives an operator without a group the group of its inputs if they agree, else the default.
    fn inherit_slot_sharing_groups(&mut self) {
        for &position in &self.order {
            let node = &self.nodes[position];
            let group = node.node.slot_sharing_group.as_deref().unwrap_or_else(|| {
                let group_of = |&edge: &usize| {
                    let edge: &ResolvedEdge<'_> = &self.edges[edge];
                    self.nodes[edge.source].slot_sharing_group
                };
                let mut groups = node.inputs.iter().map(group_of);
                let first = groups.next().unwrap_or(DEFAULT_SLOT_SHARING_GROUP);
                if groups.all(|group| group == first) { first } else { DEFAULT_SLOT_SHARING_GROUP }
            });
            self.nodes[position].slot_sharing_group = group;
        }
    }
}

fn resolve_nodes(graph: &StreamGraph) -> Result<Vec<ResolvedNode<'_>>, GraphError> {
    let resolve = |node| {
        let node: &StreamNode = node;
        let parallelism = node.parallelism.unwrap_or(graph.parallelism);
        let max_parallelism = node.max_parallelism.or(graph.max_parallelism);
        check_parallelism(node, parallelism, max_parallelism)?;
        Ok(ResolvedNode {
            node,
            parallelism,
            max_parallelism,
            slot_sharing_group: DEFAULT_SLOT_SHARING_GROUP,
            inputs: Vec::new(),
            outputs: Vec::new(),
        })
    };
    graph.nodes.iter().map(resolve).collect()
}

fn resolve_partitioning(
    edge: &StreamEdge,
    source: &ResolvedNode<'_>,
    target: &ResolvedNode<'_>,
) -> Result<Partitioning, GraphError> {
    let equal = source.parallelism == target.parallelism;
    match edge.partitioning {
        None if equal => Ok(Partitioning::Forward),
        None => Ok(Partitioning::Rebalance),
        Some(Partitioning::Forward) if !equal => Err(GraphError::ForwardBetweenUnequal {
            source_operator: source.node.into(),
            source_parallelism: source.parallelism,
            target_operator: target.node.into(),
            target_parallelism: target.parallelism,
        }),
        Some(chosen) => Ok(chosen),
    }
}

/// Orders the nodes, each after all that it reads from (Kahn's algorithm).
fn order_of(
    nodes: &[ResolvedNode<'_>],
    edges: &[ResolvedEdge<'_>],
) -> Result<Vec<usize>, GraphError> {
    let mut waits_for: Vec<usize> = nodes.iter().map(|node| node.inputs.len()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..nodes.len()).filter(|&node| waits_for[node] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &edge in &nodes[node].outputs {
            let target = edges[edge].target;
            waits_for[target] -= 1;
            if waits_for[target] == 0 {
                ready.push(Reverse(target));
            }
        }
    }
    match waits_for.iter().position(|&open| open > 0) {
        None => Ok(order),
        Some(stuck) => Err(cycle_before(stuck, nodes, edges, &waits_for)),
    }
}

/// Walks upstream among the nodes that could not be ordered until one repeats: that one is in a
/// cycle.
fn cycle_before(
    stuck: usize,
    nodes: &[ResolvedNode<'_>],
    edges: &[ResolvedEdge<'_>],
    waits_for: &[usize],
) -> GraphError {
    let mut visited_at = vec![None; nodes.len()];
    let mut current = stuck;
    for step in 0usize.. {
        if let Some(before) = visited_at[current].replace(step) {
            let operator = nodes[current].node.into();
            return GraphError::Cycle { operator, through: step - before - 1 };
        }
        let upstream = nodes[current].inputs.iter().map(|&edge| edges[edge].source);
        // A node that could not be ordered has an input that could not be ordered.
        current = upstream.into_iter().find(|&node| waits_for[node] > 0).unwrap_or(current);
    }
    GraphError::Cycle { operator: nodes[stuck].node.into(), through: 0 }
}

#[cfg(test)]
mod tests {
    use super::super::NodeKind;
    use super::*;
    use crate::ids::NodeId;

    fn graph(kinds: &[NodeKind], edges: &[(u32, u32)]) -> StreamGraph {
        let mut graph = StreamGraph::new("test");
        for (id, &kind) in (0..).zip(kinds) {
            graph.nodes.push(StreamNode::new(NodeId(id), format!("op{id}"), kind));
        }
        graph.edges.extend(
            edges.iter().map(|&(source, target)| StreamEdge::new(NodeId(source), NodeId(target))),
        );
        graph
    }

    fn line() -> StreamGraph {
        graph(
            &[NodeKind::Source { bounded: true }, NodeKind::OneInput, NodeKind::OneInput],
            &[(0, 1), (1, 2)],
        )
    }

    fn error(graph: &StreamGraph) -> GraphError {
        ResolvedGraph::new(graph).err().expect("the graph is wrong")
    }

    #[test]
    fn an_open_partitioning_follows_the_parallelism() {
        let mut graph = line();
        graph.nodes[2].parallelism = Some(3);
        let resolved = ResolvedGraph::new(&graph).unwrap();
        assert_eq!(resolved.edges[0].partitioning, Partitioning::Forward);
        assert_eq!(resolved.edges[1].partitioning, Partitioning::Rebalance);
    }

    #[test]
    fn forward_needs_equal_parallelism() {
        let mut graph = line();
        graph.nodes[2].parallelism = Some(3);
        graph.edges[1].partitioning = Some(Partitioning::Forward);
        assert_eq!(
            error(&graph).to_string(),
            "forward partitioning from 'op1' (node 1) (parallelism 1) to 'op2' (node 2) \
             (parallelism 3) needs equal parallelism: set it equal, or use rebalance or rescale"
        );
    }

    #[test]
    fn wrong_parallelism_names_the_operator() {
        let mut graph = line();
        graph.nodes[1].parallelism = Some(0);
        assert!(error(&graph).to_string().contains("'op1' (node 1) has parallelism 0"));
        graph.nodes[1].parallelism = Some(9);
        graph.max_parallelism = Some(8);
        assert!(error(&graph).to_string().contains("parallelism 9, above its maximum"));
        graph.nodes[1].parallelism = Some(1);
        for max_parallelism in [0, 32769] {
            graph.nodes[0].max_parallelism = Some(max_parallelism);
            assert!(matches!(error(&graph), GraphError::MaximumParallelismOutOfRange { .. }));
        }
        graph.nodes[0].max_parallelism = Some(32768);
        assert!(ResolvedGraph::new(&graph).is_ok());
        graph.max_parallelism = None;
        graph.nodes[1].parallelism = Some(32769);
        assert!(matches!(
            error(&graph),
            GraphError::ParallelismAboveMaximum { max_parallelism: 32768, .. }
        ));
    }

    #[test]
    fn uids_are_unique_names() {
        let mut graph = line();
        graph.nodes[0].uid = Some("a".into());
        graph.nodes[2].uid = Some("a".into());
        let text = error(&graph).to_string();
        assert!(text.contains("'Source: op0' (node 0) and 'op2' (node 2)"), "{text}");
        graph.nodes[2].uid = Some(String::new());
        assert!(matches!(error(&graph), GraphError::EmptyUid { .. }));
    }

    #[test]
    fn a_job_needs_operators_and_a_source() {
        assert_eq!(error(&StreamGraph::new("none")), GraphError::Empty);
        let mut graph = line();
        graph.nodes.remove(0);
        graph.edges.remove(0);
        assert!(matches!(error(&graph), GraphError::UnconnectedInput { input: 0, .. }));
    }

    #[test]
    fn edges_lead_to_inputs_that_exist() {
        let mut graph = line();
        graph.edges[1].input = 1;
        assert!(matches!(error(&graph), GraphError::NoSuchInput { inputs: 1, input: 1, .. }));
        graph.edges[1] = StreamEdge::new(NodeId(1), NodeId(0));
        assert!(matches!(error(&graph), GraphError::NoSuchInput { inputs: 0, .. }));
        graph.edges[1] = StreamEdge::new(NodeId(1), NodeId(7));
        assert!(matches!(error(&graph), GraphError::UnknownNode { missing: NodeId(7), .. }));
        graph.nodes[1].id = NodeId(0);
        assert!(matches!(error(&graph), GraphError::DuplicateNode { .. }));
    }

    #[test]
    fn a_cycle_names_an_operator_in_it() {
        let mut graph = line();
        graph.nodes.push(StreamNode::new(NodeId(3), "after", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(2), NodeId(3)));
        graph.edges.push(StreamEdge::new(NodeId(2), NodeId(1)));
        let GraphError::Cycle { operator, through: 1 } = error(&graph) else {
            panic!("{:?}", error(&graph))
        };
        assert!(["op1", "op2"].contains(&operator.name.as_str()), "{operator}");
    }

    #[test]
    fn only_sinks_without_a_source_form_no_job() {
        let graph = graph(&[NodeKind::OneInput], &[(0, 0)]);
        assert!(matches!(error(&graph), GraphError::Cycle { through: 0, .. }));
    }

    #[test]
    fn groups_are_inherited_from_agreeing_inputs() {
        let source = NodeKind::Source { bounded: false };
        let mut graph = graph(
            &[source, source, NodeKind::OneInput, NodeKind::OneInput],
            &[(0, 2), (0, 3), (1, 3)],
        );
        graph.nodes[0].slot_sharing_group = Some("fast".into());
        let resolved = ResolvedGraph::new(&graph).unwrap();
        let groups: Vec<_> = resolved.nodes.iter().map(|node| node.slot_sharing_group).collect();
        assert_eq!(groups, ["fast", "default", "fast", "default"]);
    }

    #[test]
    fn readers_come_after_what_they_read() {
        let mut graph = line();
        graph.nodes.reverse();
        let resolved = ResolvedGraph::new(&graph).unwrap();
        assert_eq!(resolved.order, [2, 1, 0]);
    }
}
