//! `/jobs/:jobid/vertices/:vertexid/flamegraph`.

use axum::extract::State;
use sciurus_core::time::Timestamp;
use serde::Serialize;

use super::vertex;
use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// `GET /jobs/:jobid/vertices/:vertexid/flamegraph`.
#[derive(Debug, Serialize)]
pub struct VertexFlameGraph {
    #[serde(rename = "endTimestamp")]
    end_timestamp: Timestamp,
    data: Option<Node>,
}

#[derive(Debug, Serialize)]
struct Node {
    name: &'static str,
    value: u64,
    children: Vec<Node>,
}

/// Answers with a graph of one node that says why there are no others: threads of native code are
/// looked at by tools of the operating system.
pub async fn flame_graph(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<VertexFlameGraph>> {
    let (job, id) = (rest.job(params.job()?)?, params.vertex()?);
    job.with_master(|master| vertex(master, id).map(|_| ()))?;
    let name = "Flame graphs aren't sampled here: use 'perf record -g' on the job's workers.";
    Ok(ok(VertexFlameGraph {
        end_timestamp: rest.now(),
        data: Some(Node { name, value: 0, children: Vec::new() }),
    }))
}
