//! `/jobs/:jobid/exceptions`.

use std::collections::BTreeMap;

use axum::extract::State;
use sciurus_core::time::Timestamp;
use sciurus_job_master::failure::{ExceptionEntry, Failure, FailureCause, Fault};
use serde::Serialize;

use crate::rest::Rest;
use crate::rest::error::{RestError, RestResult};
use crate::rest::params::Params;
use crate::rest::reply::{Reply, ok};

/// How many entries are shown if the request doesn't say.
const DEFAULT_ENTRIES: usize = 20;

/// `GET /jobs/:jobid/exceptions`.
#[derive(Debug, Serialize)]
pub struct JobExceptionsInfo {
    #[serde(rename = "exceptionHistory")]
    exception_history: JobExceptionHistory,
}

#[derive(Debug, Serialize)]
struct JobExceptionHistory {
    entries: Vec<RootExceptionInfo>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct RootExceptionInfo {
    #[serde(flatten)]
    exception: ExceptionInfo,
    #[serde(rename = "concurrentExceptions")]
    concurrent_exceptions: Vec<ExceptionInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExceptionInfo {
    exception_name: String,
    stacktrace: String,
    timestamp: Timestamp,
    failure_labels: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_manager_id: Option<String>,
}

/// Shows a job's latest failures, the newest first.
pub async fn exceptions(
    State(rest): State<Rest>,
    params: Params,
) -> RestResult<Reply<JobExceptionsInfo>> {
    let job = rest.job(params.job()?)?;
    let most = params.query::<u32>("maxExceptions")?.map_or(DEFAULT_ENTRIES, |most| most as usize);
    let filter = label_filter(&params)?;
    let (entries, is_truncated) = job.with_master(|master| {
        let entries: Vec<ExceptionEntry> = master.exceptions().entries().cloned().collect();
        (entries, master.exceptions().is_truncated())
    });
    let mut entries: Vec<_> = entries
        .into_iter()
        .filter(|entry| has_labels(&entry.root.cause, &filter))
        .map(RootExceptionInfo::from)
        .collect();
    let truncated = is_truncated || entries.len() > most;
    entries.truncate(most);
    Ok(ok(JobExceptionsInfo { exception_history: JobExceptionHistory { entries, truncated } }))
}

fn label_filter(params: &Params) -> RestResult<Vec<(String, String)>> {
    let pair = |text: &str| match text.split_once(':') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(RestError::bad_request(format!(
            "failureLabelFilter: '{text}' is no label; write key:value."
        ))),
    };
    params.list("failureLabelFilter")?.into_iter().map(pair).collect()
}

/// The labels of a failure: whose it is, under the key that Flink's own enricher uses.
fn labels(cause: &FailureCause) -> BTreeMap<&'static str, &'static str> {
    let fault = match cause.fault {
        Fault::User => "USER",
        Fault::Environment => "ENVIRONMENT",
        Fault::Bug => "BUG",
    };
    BTreeMap::from([("TYPE", fault)])
}

fn has_labels(cause: &FailureCause, wanted: &[(String, String)]) -> bool {
    let labels = labels(cause);
    wanted.iter().all(|(key, value)| labels.get(key.as_str()) == Some(&value.as_str()))
}

impl From<ExceptionEntry> for RootExceptionInfo {
    fn from(entry: ExceptionEntry) -> Self {
        Self {
            exception: entry.root.into(),
            concurrent_exceptions: entry.concurrent.into_iter().map(ExceptionInfo::from).collect(),
        }
    }
}

impl From<Failure> for ExceptionInfo {
    fn from(failure: Failure) -> Self {
        let location = failure.task.as_ref().and_then(|task| task.location.clone());
        Self {
            stacktrace: stack_trace(&failure.cause),
            timestamp: failure.timestamp,
            failure_labels: labels(&failure.cause),
            exception_name: failure.cause.kind,
            task_name: failure.task.map(|task| task.name),
            endpoint: location.as_ref().map(|location| location.endpoint.clone()),
            task_manager_id: location.map(|location| location.id.as_str().to_owned()),
        }
    }
}

/// Writes a failure where Flink shows a stack trace: what happened, then what else is known.
pub fn stack_trace(cause: &FailureCause) -> String {
    match &cause.details {
        Some(details) => format!("{cause}\n{details}"),
        None => cause.to_string(),
    }
}
