//! `POST /jobs`: what `flink run` sends.

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::rest::Rest;
use crate::rest::body::{JsonRequest, mismatch, read};
use crate::rest::error::{RestError, RestResult};
use crate::rest::reply::{Empty, Reply};

/// Says why a plan of Flink's is refused, and what to do.
const JVM_JOB: &str = "This cluster runs native Sciurus jobs. What was submitted is the plan of a \
    JVM job, which needs a JVM and can't run here. Write the job against the Rust library, package \
    its executable with 'sciurus package', and submit it with 'sciurus run', by uploading it to \
    /jars/upload and running it by /jars/:jarid/run, or as the jarURI of a FlinkDeployment or \
    FlinkSessionJob.";

/// The part of the request in JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobSubmitRequest {
    #[serde(alias = "jobGraphFileName")]
    execution_plan_file_name: Option<String>,
}

impl JsonRequest for JobSubmitRequest {
    const FORMAT: &str = "JobSubmitRequestBody";
}

/// Refuses a JVM job so that the client shows why.
pub async fn submit(State(rest): State<Rest>, request: Request) -> RestResult<Reply<Empty>> {
    let is_multipart = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"multipart/"));
    if is_multipart {
        discard(&rest, request).await?;
        return Err(RestError::bad_request(JVM_JOB));
    }
    let bytes = read(request.into_body(), rest.options().max_content_length).await?;
    let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
    let body: JobSubmitRequest =
        serde_json::from_slice(text).map_err(|error| mismatch(JobSubmitRequest::FORMAT, error))?;
    if body.execution_plan_file_name.is_none() {
        let problem = "The executionPlanFileName field must not be omitted or be null.";
        return Err(RestError::bad_request(format!("{problem} {JVM_JOB}")));
    }
    Err(RestError::bad_request(JVM_JOB))
}

/// Reads what the client sends and drops it: many clients read no answer before they have sent all.
async fn discard(rest: &Rest, request: Request) -> RestResult<()> {
    let limit = rest.options().max_upload_bytes;
    let mut body = request.into_body();
    let mut bytes = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| RestError::bad_request(format!("The body can't be read: {error}")))?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > limit {
            return Err(crate::rest::body::too_large(limit));
        }
    }
    Ok(())
}
