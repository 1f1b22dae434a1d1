//! `/jobs/:jobid/accumulators`.

use axum::extract::State;
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::RestResult;
use crate::rest::params::Params;
use crate::rest::reply::{Empty, Reply, ok};

/// `GET /jobs/:jobid/accumulators`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JobAccumulatorsInfo {
    job_accumulators: Vec<Empty>,
    user_task_accumulators: Vec<UserAccumulator>,
    /// Java objects, which native jobs have none of.
    serialized_user_task_accumulators: Empty,
}

/// A number that tasks have added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserAccumulator {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

/// Shows accumulators as Flink shows its counters.
pub fn user_accumulators<'a>(
    accumulators: impl IntoIterator<Item = (&'a String, &'a i64)>,
) -> Vec<UserAccumulator> {
    let body = |(name, value): (&String, &i64)| UserAccumulator {
        name: name.clone(),
        kind: "LongCounter",
        value: value.to_string(),
    };
    accumulators.into_iter().map(body).collect()
}

/// Shows what the tasks of a job have added up.
pub async fn accumulators(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobAccumulatorsInfo>> {
    let job = rest.job(params.job()?)?;
    Ok(ok(JobAccumulatorsInfo {
        job_accumulators: Vec::new(),
        user_task_accumulators: user_accumulators(&job.accumulators()),
        serialized_user_task_accumulators: Empty {},
    }))
}
