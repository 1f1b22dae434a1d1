//! Changes of a running job's parallelism.
//!
//! Jobs keep their parallelism until they are submitted anew: the answers are those of Flink's
//! default scheduler.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::{JobVertexId, TriggerId};
use serde::Deserialize;

use super::Rest;
use super::body::{Json, JsonRequest};
use super::error::{RestError, RestResult};
use super::params::Params;
use super::reply::{Empty, Reply};

type Refused = RestResult<Reply<Empty>>;

/// How many subtasks a vertex may have.
#[derive(Debug, Deserialize)]
struct VertexRequirements {
    parallelism: Parallelism,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parallelism {
    lower_bound: i32,
    upper_bound: i32,
}

/// The body of `PUT /jobs/:jobid/resource-requirements`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ResourceRequirements(BTreeMap<JobVertexId, VertexRequirements>);

impl JsonRequest for ResourceRequirements {
    const FORMAT: &str = "JobResourceRequirementsBody";
}

/// Refuses `PATCH /jobs/:jobid/rescaling` and the question for its end, as Flink does.
pub async fn rescaling(params: Params) -> Refused {
    params.job()?;
    if !params.text("triggerid").is_empty() {
        params.path::<TriggerId>("triggerid")?;
    }
    Err(RestError::unavailable("Rescaling is temporarily disabled. See FLINK-12312."))
}

/// Answers which parallelism a job asks for.
pub async fn get_requirements(State(rest): State<Rest>, params: Params) -> Refused {
    rest.job_or_internal(params.job()?)?;
    Err(not_adaptive())
}

/// Changes which parallelism a job asks for.
pub async fn put_requirements(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<ResourceRequirements>,
) -> Refused {
    let id = params.job()?;
    if body.0.is_empty() {
        return Err(RestError::bad_request("Request body does not specify resource requirements."));
    }
    for (vertex, VertexRequirements { parallelism }) in &body.0 {
        let (lower, upper) = (parallelism.lower_bound, parallelism.upper_bound);
        if lower > upper {
            return Err(RestError::bad_request(format!(
                "The requested lower bound [{lower}] for job vertex [{vertex}] is higher than the \
                 upper bound [{upper}]."
            )));
        }
    }
    rest.job_or_internal(id)?;
    Err(not_adaptive())
}

fn not_adaptive() -> RestError {
    RestError::internal(
        "Changing the parallelism of a job without submitting it anew is not supported: its \
         scheduler is not adaptive.",
    )
}

/// Answers how an adaptive scheduler would rescale the job.
pub async fn rescales_config(State(rest): State<Rest>, params: Params) -> Refused {
    let id = params.job()?;
    rest.job(id)?;
    Err(RestError::not_found(format!("AdaptiveScheduler is not enabled for this job ({id}).")))
}

/// Answers when an adaptive scheduler rescaled the job.
pub async fn rescales_history(State(rest): State<Rest>, params: Params) -> Refused {
    let id = params.job()?;
    rest.job(id)?;
    Err(RestError::not_found(format!(
        "The job `{id}` has not enabled the `Adaptive` scheduler, so that it is never rescaled."
    )))
}

/// Answers how one rescaling went.
pub async fn rescales_details(State(rest): State<Rest>, params: Params) -> Refused {
    params.path::<TriggerId>("rescaleuuid")?;
    let id = params.job()?;
    rest.job(id)?;
    Err(RestError::not_found(format!("AdaptiveScheduler rescales was not enabled for job {id}.")))
}
