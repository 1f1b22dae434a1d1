//! How many subtasks the vertices of a job may have.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::ids::{JobVertexId, TriggerId};
use sciurus_job_master::JobMaster;
use sciurus_job_master::rescale::{ParallelismBounds, check_bounds};
use serde::{Deserialize, Serialize};

use crate::rest::Rest;
use crate::rest::body::{Json, JsonRequest};
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Empty, Reply, ok};

/// How many subtasks a vertex may have.
#[derive(Debug, Serialize, Deserialize)]
pub struct VertexRequirements {
    parallelism: Parallelism,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parallelism {
    lower_bound: i32,
    upper_bound: i32,
}

impl From<ParallelismBounds> for VertexRequirements {
    fn from(bounds: ParallelismBounds) -> Self {
        let bound = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let (lower_bound, upper_bound) = (bound(bounds.lower), bound(bounds.upper));
        Self { parallelism: Parallelism { lower_bound, upper_bound } }
    }
}

/// The body of `PUT /jobs/:jobid/resource-requirements`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ResourceRequirements(BTreeMap<JobVertexId, VertexRequirements>);

impl JsonRequest for ResourceRequirements {
    const FORMAT: &str = "JobResourceRequirementsBody";
}

impl ResourceRequirements {
    /// Reads the bounds.
    fn bounds(&self) -> RestResult<BTreeMap<JobVertexId, ParallelismBounds>> {
        if self.0.is_empty() {
            let problem = "Request body does not specify resource requirements.";
            return Err(RestError::bad_request(problem));
        }
        let mut mistakes = Vec::new();
        let mut bounds = BTreeMap::new();
        for (vertex, VertexRequirements { parallelism }) in &self.0 {
            let (lower, upper) = (parallelism.lower_bound, parallelism.upper_bound);
            if lower > upper {
                mistakes.push(format!(
                    "The requested lower bound [{lower}] for job vertex [{vertex}] is higher than \
                     the upper bound [{upper}]."
                ));
            }
            match (u32::try_from(lower), u32::try_from(upper)) {
                (Ok(lower), Ok(upper)) if lower > 0 => {
                    bounds.insert(*vertex, ParallelismBounds { lower, upper });
                }
                _ => mistakes.push(format!(
                    "The bounds [{lower}] and [{upper}] for job vertex [{vertex}] must be positive."
                )),
            }
        }
        if mistakes.is_empty() {
            Ok(bounds)
        } else {
            Err(RestError::bad_request(mistakes.join("\n")))
        }
    }
}

/// Refuses `PATCH /jobs/:jobid/rescaling` and the question for its end, as Flink does.
pub async fn rescaling(params: Params) -> RestResult<Reply<Empty>> {
    params.job()?;
    if !params.text("triggerid").is_empty() {
        params.path::<TriggerId>("triggerid")?;
    }
    Err(RestError::unavailable("Rescaling is temporarily disabled. See FLINK-12312."))
}

/// Answers which parallelism a job asks for.
pub async fn get_requirements(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<BTreeMap<JobVertexId, VertexRequirements>>> {
    let job = rest.job_or_internal(params.job()?)?;
    job.with_master(|master| {
        adaptive(master)?;
        let bounds = master.requirements().iter();
        Ok(ok(bounds.map(|(vertex, bounds)| (*vertex, (*bounds).into())).collect()))
    })
}

/// Changes which parallelism a job asks for; the job follows as slots allow.
pub async fn put_requirements(
    State(rest): State<Rest>,
    params: Params,
    Json(body): Json<ResourceRequirements>,
) -> RestResult<Reply<Empty>> {
    let id = params.job()?;
    let bounds = body.bounds()?;
    let job = rest.job_or_internal(id)?;
    job.with_master(|master| {
        adaptive(master)?;
        let checked = check_bounds(master.graph(), &bounds);
        checked.map_err(|error| RestError::bad_request(error.to_string()))
    })?;
    match job.rescale(bounds).await {
        Ok(()) => Ok(ok(Empty {})),
        Err(failure) => Err(RestError::internal(failure.to_string())),
    }
}

/// Refuses what only an adaptive scheduler does, as Flink does.
fn adaptive(master: &JobMaster) -> RestResult<()> {
    if master.scheduler().adaptive().is_some() {
        return Ok(());
    }
    Err(RestError::internal(
        "The default scheduler does not support changing the parallelism without a job restart. \
         This needs 'jobmanager.scheduler: adaptive'; 'sciurus rescale' changes the parallelism of \
         any job.",
    ))
}
