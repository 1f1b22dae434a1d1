//! `PATCH /jobs/:jobid`, and the same for clients that can only `GET`.

use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use sciurus_core::ids::JobId;
use sciurus_job_master::{JobMaster, JobStatus};

use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Empty, Reply, accepted};

/// How a job is to end.
#[derive(Clone, Copy, Debug)]
enum TerminationMode {
    Cancel,
    Stop,
}

impl FromStr for TerminationMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "cancel" => Ok(Self::Cancel),
            "stop" => Ok(Self::Stop),
            _ => Err(()),
        }
    }
}

/// Cancels a job.
pub async fn cancel(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    let job = params.job()?;
    match params.query("mode")?.unwrap_or(TerminationMode::Cancel) {
        TerminationMode::Cancel => cancel_job(&rest, job),
        TerminationMode::Stop => Err(stop_is_gone()),
    }
}

/// Cancels a job for a client that can only `GET`: a link in a page will do, so it is forbidden
/// where the user interface may not cancel.
pub async fn yarn_cancel(State(rest): State<Rest>, params: Params) -> RestResult<Reply<Empty>> {
    if !rest.options().cancel_enabled {
        return Err(RestError::forbidden("Jobs can't be cancelled here ('web.cancel.enable')."));
    }
    cancel_job(&rest, params.job()?)
}

/// Refuses what Flink has removed.
pub async fn yarn_stop() -> RestResult<Reply<Empty>> {
    Err(stop_is_gone())
}

fn cancel_job(rest: &Rest, id: JobId) -> RestResult<Reply<Empty>> {
    let missing = || RestError::not_found("Job could not be found.");
    let job = rest.find_job(id).ok_or_else(missing)?;
    let status = job.with_master(JobMaster::status);
    match status {
        JobStatus::Canceled | JobStatus::Cancelling => return Ok(accepted(Empty {})),
        status if status.is_globally_terminal() => {
            return Err(RestError::conflict(format!(
                "Job cancellation failed because the job has already reached another terminal \
                 state ({status})."
            )));
        }
        _ => {}
    }
    rest.dispatcher().cancel(id).map_err(|error| RestError::internal(error.to_string()))?;
    Ok(accepted(Empty {}))
}

fn stop_is_gone() -> RestError {
    RestError::new(
        StatusCode::PERMANENT_REDIRECT,
        "The termination mode \"stop\" has been removed. For an ungraceful shutdown, please use \
         \"cancel\" instead. For a graceful shutdown, please use \"jobs/:jobId/stop\" instead.",
    )
}
