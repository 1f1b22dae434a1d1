//! A job graph as Flink's REST API shows it.

use serde::Serialize;

use super::JobGraph;
use crate::ids::{JobId, JobVertexId};

/// Shows a job graph in the shape of the `plan` of Flink's `/jobs/:id/plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobPlan {
    /// The job.
    pub jid: JobId,
    /// What the job is called.
    pub name: String,
    /// `STREAMING` or `BATCH`.
    #[serde(rename = "type")]
    pub job_type: &'static str,
    /// The vertices.
    pub nodes: Vec<PlanNode>,
}

/// Shows a vertex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanNode {
    /// The vertex.
    pub id: JobVertexId,
    /// Always empty: a left-over of Flink's data set API that clients expect.
    pub operator: &'static str,
    /// How many subtasks there are.
    pub parallelism: u32,
    /// Always empty, like `operator`.
    pub operator_strategy: &'static str,
    /// The tree of operators as HTML.
    pub description: String,
    /// Always empty, like `operator`.
    pub optimizer_properties: EmptyObject,
    /// The exchanges that the vertex reads; left out for a source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<PlanInput>,
}

/// An object without members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EmptyObject {}

/// Shows an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanInput {
    /// The vertex that produces.
    pub id: JobVertexId,
    /// Numbers the inputs of the vertex, from 0.
    pub num: usize,
    /// When the vertex may start to read.
    pub exchange: &'static str,
    /// How records are spread.
    pub ship_strategy: &'static str,
}

impl JobPlan {
    /// Shows the graph of a job.
    pub fn new(jid: JobId, graph: &JobGraph) -> Self {
        let node = |vertex: &super::JobVertex| PlanNode {
            id: vertex.id,
            operator: "",
            parallelism: vertex.parallelism,
            operator_strategy: "",
            description: to_html(&vertex.description),
            optimizer_properties: EmptyObject {},
            inputs: graph
                .inputs_of(vertex.id)
                .enumerate()
                .map(|(num, edge)| PlanInput {
                    id: edge.source_vertex,
                    num,
                    exchange: edge.exchange.name(),
                    ship_strategy: edge.partitioning.name(),
                })
                .collect(),
        };
        Self {
            jid,
            name: graph.job_name.clone(),
            job_type: graph.job_type.name(),
            nodes: graph.vertices.iter().map(node).collect(),
        }
    }
}

/// Escapes what HTML gives a meaning, and breaks lines: Flink's web interface shows descriptions
/// unescaped.
fn to_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\\' => html.push_str("&#92;"),
            '\n' => html.push_str("<br/>"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{NodeKind, Partitioning, StreamEdge, StreamGraph, StreamNode};
    use super::*;
    use crate::ids::NodeId;

    #[test]
    fn a_plan_has_the_shape_that_flink_answers() {
        let mut graph = StreamGraph::new("long running");
        graph.parallelism = 2;
        let names = ["generator", "tokenizer", "counter", "discard-sink: Writer"];
        for (id, name) in (0..).zip(names) {
            let kind =
                if id == 0 { NodeKind::Source { bounded: false } } else { NodeKind::OneInput };
            graph.nodes.push(StreamNode::new(NodeId(id), name, kind));
        }
        for id in 0..3 {
            graph.edges.push(StreamEdge::new(NodeId(id), NodeId(id + 1)));
        }
        graph.edges[1].partitioning = Some(Partitioning::Hash);
        let job_graph = graph.to_job_graph().unwrap();
        let job: JobId = "76ad90b7c99e99e971657c7ed25f7581".parse().unwrap();
        let (source, counter) = (job_graph.vertices[0].id, job_graph.vertices[1].id);
        assert_eq!(
            serde_json::to_value(JobPlan::new(job, &job_graph)).unwrap(),
            json!({
                "jid": "76ad90b7c99e99e971657c7ed25f7581",
                "name": "long running",
                "type": "STREAMING",
                "nodes": [
                    {
                        "id": source,
                        "operator": "",
                        "parallelism": 2,
                        "operator_strategy": "",
                        "description": "Source: generator<br/>+- tokenizer<br/>",
                        "optimizer_properties": {}
                    },
                    {
                        "id": counter,
                        "operator": "",
                        "parallelism": 2,
                        "operator_strategy": "",
                        "description": "counter<br/>+- discard-sink: Writer<br/>",
                        "optimizer_properties": {},
                        "inputs": [{
                            "id": source,
                            "num": 0,
                            "exchange": "pipelined_bounded",
                            "ship_strategy": "HASH"
                        }]
                    }
                ]
            })
        );
    }

    #[test]
    fn descriptions_are_harmless_html() {
        assert_eq!(to_html("a<b> & \"c\\d\"\n"), "a&lt;b&gt; &amp; &quot;c&#92;d&quot;<br/>");
    }
}
