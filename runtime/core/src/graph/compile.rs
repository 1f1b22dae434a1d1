//! From the stream graph to the job graph.

use super::chaining::Chains;
use super::operator_ids::operator_ids;
use super::resolve::ResolvedGraph;
use super::{ChainInput, ChainedOperator, JobEdge, JobGraph, JobVertex, NodeKind};
use super::{GraphError, StreamGraph, default_max_parallelism};
use crate::ids::{JobEdgeId, JobVertexId, OperatorId};

impl StreamGraph {
    /// Checks the graph without compiling it.
    pub fn validate(&self) -> Result<(), GraphError> {
        ResolvedGraph::new(self).map(|_| ())
    }

    /// Checks the graph and compiles it to what is run.
    pub fn to_job_graph(&self) -> Result<JobGraph, GraphError> {
        let resolved = ResolvedGraph::new(self)?;
        let chains = Chains::of(&resolved);
        let compiler =
            Compiler { ids: operator_ids(&resolved, &chains), graph: &resolved, chains: &chains };
        Ok(JobGraph {
            job_name: self.job_name.clone(),
            job_type: self.job_type,
            vertices: compiler.vertices(),
            edges: compiler.edges(),
        })
    }
}

struct Compiler<'g> {
    graph: &'g ResolvedGraph<'g>,
    chains: &'g Chains,
    ids: Vec<OperatorId>,
}

impl Compiler<'_> {
    fn vertices(&self) -> Vec<JobVertex> {
        let names = self.chained_names();
        self.chains
            .members
            .iter()
            .map(|chain| {
                let head = &self.graph.nodes[chain[0]];
                JobVertex {
                    id: self.vertex_id(chain[0]),
                    name: names[chain[0]].clone(),
                    description: self.description(chain[0]),
                    operators: chain.iter().map(|&node| self.operator(node)).collect(),
                    parallelism: head.parallelism,
                    max_parallelism: head
                        .max_parallelism
                        .unwrap_or_else(|| default_max_parallelism(head.parallelism)),
                    max_parallelism_configured: head.max_parallelism.is_some(),
                    slot_sharing_group: head.slot_sharing_group.to_owned(),
                    is_source: head.node.kind.is_source(),
                    is_bounded_source: head.node.kind == NodeKind::Source { bounded: true },
                }
            })
            .collect()
    }

    fn vertex_id(&self, node: usize) -> JobVertexId {
        self.ids[self.chains.head_of[node]].into()
    }

    fn operator(&self, position: usize) -> ChainedOperator {
        let node = self.graph.nodes[position].node;
        let input = match self.graph.nodes[position].inputs[..] {
            [edge] if self.chains.is_chained[edge] => {
                let edge = self.graph.edges[edge].edge;
                Some(ChainInput { from: edge.source, side_output: edge.side_output.clone() })
            }
            _ => None,
        };
        ChainedOperator {
            node: node.id,
            operator_id: self.ids[position],
            name: node.display_name(),
            uid: node.uid.clone(),
            input,
            keyed: node.keyed,
        }
    }

    /// Returns, for every node, its name and those of all that is fused behind it.
    fn chained_names(&self) -> Vec<String> {
        let mut names = vec![String::new(); self.graph.nodes.len()];
        for &node in self.graph.order.iter().rev() {
            let own = self.graph.nodes[node].node.display_name();
            let outputs: Vec<&str> = self
                .chains
                .chained_outputs(self.graph, node)
                .map(|output| names[output].as_str())
                .collect();
            names[node] = match outputs[..] {
                [] => own,
                [output] => format!("{own} -> {output}"),
                _ => format!("{own} -> ({})", outputs.join(", ")),
            };
        }
        names
    }

    /// Draws the tree of the descriptions of a chain, as Flink does by default
    /// (`pipeline.vertex-description-mode`).
    fn description(&self, head: usize) -> String {
        let mut text = String::new();
        let mut open = vec![(head, String::new(), String::new())];
        while let Some((node, branch, indent)) = open.pop() {
            let operator = self.graph.nodes[node].node;
            text.push_str(&branch);
            match &operator.description {
                Some(description) => text.push_str(description),
                None => text.push_str(&operator.display_name()),
            }
            text.push('\n');
            for (nth, output) in self.chains.chained_outputs(self.graph, node).rev().enumerate() {
                let (mark, bar) = if nth == 0 { ("+- ", "   ") } else { (":- ", ":  ") };
                open.push((output, format!("{indent}{mark}"), format!("{indent}{bar}")));
            }
        }
        text
    }

    fn edges(&self) -> Vec<JobEdge> {
        let exchanges = (0..)
            .zip(&self.graph.edges)
            .zip(&self.chains.is_chained)
            .filter(|(_, chained)| !**chained);
        (0..)
            .zip(exchanges)
            .map(|(id, ((stream_edge, edge), _))| JobEdge {
                id: JobEdgeId(id),
                stream_edge,
                source_vertex: self.vertex_id(edge.source),
                source_node: edge.edge.source,
                target_vertex: self.vertex_id(edge.target),
                target_node: edge.edge.target,
                input: edge.edge.input,
                side_output: edge.edge.side_output.clone(),
                partitioning: edge.partitioning,
                distribution: edge.partitioning.distribution(),
                exchange: edge.edge.exchange,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Partitioning, StreamEdge, StreamNode};
    use super::*;
    use crate::ids::NodeId;

    /// source → tokenizer =hash⇒ counter → (sink, late sink), as in
    /// Flink's WordCount, with a side output.
    fn word_count() -> StreamGraph {
        let mut graph = StreamGraph::new("WordCount");
        graph.parallelism = 2;
        let source = NodeKind::Source { bounded: true };
        let mut node = |id, name: &str, kind| {
            graph.nodes.push(StreamNode::new(NodeId(id), name, kind));
        };
        node(1, "generator", source);
        node(2, "tokenizer", NodeKind::OneInput);
        node(4, "counter", NodeKind::OneInput);
        node(5, "sink", NodeKind::OneInput);
        node(6, "late-sink", NodeKind::OneInput);
        graph.nodes[2].keyed = true;
        graph.nodes[2].uid = Some("counter".into());
        graph.nodes[3].description = Some("writes <files>".into());
        for (from, to) in [(1, 2), (2, 4), (4, 5), (4, 6)] {
            graph.edges.push(StreamEdge::new(NodeId(from), NodeId(to)));
        }
        graph.edges[1].partitioning = Some(Partitioning::Hash);
        graph.edges[3].side_output = Some("late".into());
        graph
    }

    #[test]
    fn chains_become_vertices_with_flink_s_names() {
        let graph = word_count().to_job_graph().unwrap();
        let names: Vec<&str> = graph.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
        assert_eq!(names, ["Source: generator -> tokenizer", "counter -> (sink, late-sink)"]);
        assert_eq!(graph.vertices[1].description, "counter\n:- writes <files>\n+- late-sink\n");
        assert!(graph.vertices[0].is_source && graph.vertices[0].is_bounded_source);
        assert!(!graph.vertices[1].is_source);
        for vertex in &graph.vertices {
            assert_eq!((vertex.parallelism, vertex.max_parallelism), (2, 128));
            assert!(!vertex.max_parallelism_configured);
            assert_eq!(vertex.id, vertex.operators[0].operator_id.into());
        }
    }

    #[test]
    fn operators_know_what_they_read_in_the_chain() {
        let graph = word_count().to_job_graph().unwrap();
        let inputs: Vec<_> =
            graph.vertices[1].operators.iter().map(|operator| operator.input.clone()).collect();
        let from = NodeId(4);
        assert_eq!(
            inputs,
            [
                None,
                Some(ChainInput { from, side_output: None }),
                Some(ChainInput { from, side_output: Some("late".into()) })
            ]
        );
        assert!(graph.vertices[1].operators[0].keyed);
    }

    #[test]
    fn what_is_not_fused_becomes_an_exchange() {
        let graph = word_count().to_job_graph().unwrap();
        let [edge] = &graph.edges[..] else { panic!("{:?}", graph.edges) };
        assert_eq!((edge.source_node, edge.target_node), (NodeId(2), NodeId(4)));
        assert_eq!(edge.source_vertex, graph.vertices[0].id);
        assert_eq!(edge.target_vertex, graph.vertices[1].id);
        assert_eq!(edge.partitioning, Partitioning::Hash);
        assert_eq!(graph.wiring(edge).unwrap().channel_count(), 4);
        assert_eq!(graph.outputs_of(graph.vertices[0].id).count(), 1);
        assert_eq!(graph.inputs_of(graph.vertices[0].id).count(), 0);
    }

    #[test]
    fn a_deeper_tree_is_drawn_with_bars() {
        let mut graph = word_count();
        graph.nodes.push(StreamNode::new(NodeId(7), "after", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(5), NodeId(7)));
        let graph = graph.to_job_graph().unwrap();
        assert_eq!(graph.vertices[1].name, "counter -> (sink -> after, late-sink)");
        assert_eq!(
            graph.vertices[1].description,
            "counter\n:- writes <files>\n:  +- after\n+- late-sink\n"
        );
    }

    #[test]
    fn a_union_is_several_exchanges_into_one_input() {
        let mut graph = word_count();
        graph.nodes.push(StreamNode::new(NodeId(8), "all", NodeKind::OneInput));
        graph.edges.push(StreamEdge::new(NodeId(5), NodeId(8)));
        graph.edges.push(StreamEdge::new(NodeId(6), NodeId(8)));
        let graph = graph.to_job_graph().unwrap();
        assert_eq!(graph.vertices.len(), 3);
        let union = graph.vertices[2].id;
        let inputs: Vec<_> =
            graph.inputs_of(union).map(|edge| (edge.source_node.0, edge.input)).collect();
        assert_eq!(inputs, [(5, 0), (6, 0)]);
    }

    #[test]
    fn the_fingerprint_tells_graphs_apart() {
        let graph = word_count().to_job_graph().unwrap();
        assert_eq!(graph.fingerprint(), word_count().to_job_graph().unwrap().fingerprint());
        let mut wider = word_count();
        wider.parallelism = 3;
        assert_ne!(graph.fingerprint(), wider.to_job_graph().unwrap().fingerprint());
    }

    #[test]
    fn a_job_graph_survives_json() {
        let graph = word_count().to_job_graph().unwrap();
        let json = serde_json::to_string(&graph).unwrap();
        assert_eq!(serde_json::from_str::<JobGraph>(&json).unwrap(), graph);
    }

    #[test]
    fn a_group_needs_slots_for_its_widest_vertex() {
        let mut graph = word_count();
        graph.nodes[2].parallelism = Some(5);
        graph.nodes[4].slot_sharing_group = Some("late".into());
        let graph = graph.to_job_graph().unwrap();
        let slots: Vec<_> = graph.slots_by_group().into_iter().collect();
        assert_eq!(slots, [("default", 5), ("late", 2)]);
    }
}
