//! `/jobs/:jobid/status` and what clients of a running job send.

use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::rest::Rest;
use crate::rest::body::{Json, JsonRequest, mismatch};
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Empty, Reply, accepted, ok};

/// `GET /jobs/:jobid/status`.
#[derive(Debug, Serialize)]
pub struct JobStatusInfo {
    status: &'static str,
}

/// Shows a job's status.
pub async fn status(State(rest): State<Rest>, params: Params) -> RestResult<Reply<JobStatusInfo>> {
    let job = rest.job_or_internal(params.job()?)?;
    Ok(ok(JobStatusInfo { status: job.with_master(|master| master.status().name()) }))
}

/// The body of a heartbeat.
#[derive(Debug, Deserialize)]
pub struct JobClientHeartbeat {
    #[serde(rename = "expiredTimestamp")]
    _expired_timestamp: Option<i64>,
}

impl JsonRequest for JobClientHeartbeat {
    const FORMAT: &str = "JobClientHeartbeatRequestBody";
}

/// Takes note that a client is there. Nothing is cancelled for want of clients.
pub async fn client_heartbeat(
    State(rest): State<Rest>,
    params: Params,
    Json(_): Json<JobClientHeartbeat>,
) -> RestResult<Reply<Empty>> {
    rest.job(params.job()?)?;
    Ok(accepted(Empty {}))
}

/// Refuses requests to coordinators of operators: they are Java objects.
pub async fn coordinators(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    let job = params.job()?;
    rest.job(job)?;
    let reason =
        "Requests to operator coordinators are Java objects, which a native job can't read.";
    Err::<_, RestError>(mismatch("ClientCoordinationRequestBody", reason))
}
