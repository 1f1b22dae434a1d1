//! `/log-level`: what the cluster's processes log.

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Rest;
use super::body::{Json, JsonRequest};
use super::error::{RestError, RestResult};
use super::reply::{Reply, ok};

/// What is logged.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    level: String,
}

impl JsonRequest for LogLevel {
    const FORMAT: &str = "LogLevel";
}

/// Says what the JobManager logs.
pub async fn show(State(rest): State<Rest>) -> RestResult<Reply<LogLevel>> {
    let level = rest.dispatcher().log_level();
    let level = level.ok_or_else(|| RestError::not_found("This JobManager doesn't log."))?;
    Ok(ok(LogLevel { level }))
}

/// Changes what all processes of the cluster log.
pub async fn change(
    State(rest): State<Rest>,
    Json(LogLevel { level }): Json<LogLevel>,
) -> RestResult<Reply<LogLevel>> {
    rest.dispatcher()
        .set_log_level(&level)
        .map_err(|error| RestError::bad_request(error.to_string()))?;
    Ok(ok(LogLevel { level }))
}
