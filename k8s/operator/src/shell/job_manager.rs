//! A JobManager's REST API, as far as the operator uses it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::http::{Answer, Call, Http, HttpError};
use crate::decide::{CheckpointsSeen, JobSeen, OperationSeen};
use crate::model::{Job, Launch};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The same where a package is looked into.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(120);

/// Says why a JobManager didn't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JobManagerError {
    /// It can't be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("{message}")]
    Refused {
        /// The status code.
        status: u16,
        /// Why.
        message: String,
    },
    /// It answers something else than was asked.
    #[error("the JobManager's answer to {path} can't be understood: {reason}")]
    NotUnderstood {
        /// What was asked.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// The REST API of one JobManager.
#[derive(Clone, Debug)]
pub struct JobManager {
    http: Http,
    /// `http://host:port`.
    address: String,
}

#[derive(Deserialize)]
struct Overview {
    jobs: Vec<JobSummary>,
}

#[derive(Deserialize)]
struct JobSummary {
    jid: String,
    name: String,
    state: String,
    #[serde(rename = "start-time", default)]
    start_time: i64,
    #[serde(rename = "slot-shortage")]
    shortage: Option<Shortage>,
}

#[derive(Deserialize)]
struct Shortage {
    missing: u32,
}

#[derive(Deserialize)]
struct Operation {
    status: OperationState,
    operation: Option<OperationResult>,
}

#[derive(Deserialize)]
struct OperationState {
    id: String,
}

#[derive(Default, Deserialize)]
struct OperationResult {
    location: Option<String>,
    #[serde(rename = "failure-cause")]
    failure: Option<Cause>,
    #[serde(rename = "failureCause")]
    checkpoint_failure: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(rename = "stack-trace")]
    text: String,
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Exceptions {
    #[serde(rename = "exceptionHistory")]
    history: ExceptionHistory,
}

#[derive(Deserialize)]
struct ExceptionHistory {
    entries: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exception {
    stacktrace: String,
    task_name: Option<String>,
}

#[derive(Deserialize)]
struct Vertices {
    vertices: Vec<Vertex>,
}

#[derive(Deserialize)]
struct Vertex {
    id: String,
}

impl JobManager {
    /// Speaks with the JobManager at a host.
    pub fn new(http: Http, host: &str, port: i32) -> Self {
        let address = if host.contains(':') {
            format!("http://[{host}]:{port}")
        } else {
            format!("http://{host}:{port}")
        };
        Self { http, address }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Answer, JobManagerError> {
        let url = format!("{}/v1{path}", self.address);
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let answer = self.http.send(Call { method, url: &url, headers, body, timeout }).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let refusal = serde_json::from_slice::<Refusal>(&answer.body).ok();
        let message = refusal.map(|refusal| without_trace(&refusal.errors.join(" ")));
        let message = message.filter(|message| !message.is_empty()).unwrap_or_else(|| {
            format!("the JobManager answers {path} with status {}", answer.status)
        });
        Err(JobManagerError::Refused { status: answer.status, message })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, JobManagerError> {
        let answer = self.send(Method::GET, path, None, TIMEOUT).await?;
        serde_json::from_slice(&answer.body).map_err(|error| JobManagerError::NotUnderstood {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Returns all jobs.
    pub async fn jobs(&self) -> Result<Vec<JobSeen>, JobManagerError> {
        let overview: Overview = self.get("/jobs/overview").await?;
        let seen = |job: JobSummary| JobSeen {
            id: job.jid,
            name: job.name,
            state: job.state,
            start_time: job.start_time,
            missing_slots: job.shortage.map_or(0, |shortage| shortage.missing),
        };
        Ok(overview.jobs.into_iter().map(seen).collect())
    }

    /// Returns what the JobManager says of itself, under the names of Apache's operator.
    pub async fn info(&self) -> Result<BTreeMap<String, String>, JobManagerError> {
        let config: Value = self.get("/config").await?;
        let pairs = ["flink-version", "flink-revision"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), config.get(key)?.as_str()?.to_owned())));
        Ok(pairs.collect())
    }

    /// Returns why a job failed last.
    pub async fn failure(&self, job: &str) -> Result<Option<String>, JobManagerError> {
        let path = format!("/jobs/{job}/exceptions?maxExceptions=1");
        let exceptions: Exceptions = self.get(&path).await?;
        Ok(exceptions.history.entries.first().map(|entry| {
            let text = without_trace(&entry.stacktrace);
            match &entry.task_name {
                Some(task) => format!("{task}: {text}"),
                None => text,
            }
        }))
    }

    /// Returns how a job's checkpoints go; `None` where it takes none.
    pub async fn checkpoints(&self, job: &str) -> Result<Option<CheckpointsSeen>, JobManagerError> {
        let found = self.get::<Value>(&format!("/jobs/{job}/checkpoints")).await;
        let body = match found {
            Ok(body) => body,
            Err(JobManagerError::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(checkpoints(&body, job)))
    }

    /// Returns how an operation stands: `kind` is the part of its path, like `savepoints`.
    pub async fn operation(
        &self,
        job: &str,
        kind: &str,
        trigger: &str,
    ) -> Result<Option<OperationSeen>, JobManagerError> {
        match self.get::<Operation>(&format!("/jobs/{job}/{kind}/{trigger}")).await {
            Ok(operation) => Ok(Some(seen(operation))),
            Err(JobManagerError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Cancels a job. That it isn't there, or has ended, is fine.
    pub async fn cancel(&self, job: &str) -> Result<(), JobManagerError> {
        let path = format!("/jobs/{job}?mode=cancel");
        match self.send(Method::PATCH, &path, None, TIMEOUT).await {
            Ok(_) | Err(JobManagerError::Refused { status: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a savepoint of a job, or stops it with one. Asking again does nothing.
    pub async fn savepoint(
        &self,
        job: &str,
        trigger: &str,
        directory: Option<&str>,
        stops: bool,
    ) -> Result<(), JobManagerError> {
        let (path, body) = if stops {
            let body =
                json!({ "targetDirectory": directory, "drain": false, "triggerId": trigger });
            (format!("/jobs/{job}/stop"), body)
        } else {
            let body = json!({
                "target-directory": directory, "cancel-job": false, "triggerId": trigger,
            });
            (format!("/jobs/{job}/savepoints"), body)
        };
        self.send(Method::POST, &path, Some(&body), TIMEOUT).await.map(drop)
    }

    /// Takes a checkpoint of a job. Asking again does nothing.
    pub async fn checkpoint(&self, job: &str, trigger: &str) -> Result<(), JobManagerError> {
        let body = json!({ "checkpointType": "CONFIGURED", "triggerId": trigger });
        let path = format!("/jobs/{job}/checkpoints");
        self.send(Method::POST, &path, Some(&body), TIMEOUT).await.map(drop)
    }

    /// Changes the parallelism of all of a job's vertices. Asking again does nothing.
    pub async fn rescale(
        &self,
        job: &str,
        trigger: &str,
        parallelism: u32,
    ) -> Result<(), JobManagerError> {
        let details: Vertices = self.get(&format!("/jobs/{job}")).await?;
        let vertices: BTreeMap<String, u32> =
            details.vertices.into_iter().map(|vertex| (vertex.id, parallelism)).collect();
        let body = json!({ "vertices": vertices, "triggerId": trigger });
        let path = format!("/jobs/{job}/rescale");
        self.send(Method::POST, &path, Some(&body), TIMEOUT).await.map(drop)
    }

    /// Runs a job of a package that lies in the image.
    pub async fn submit(&self, job: &Job, launch: &Launch) -> Result<(), JobManagerError> {
        let mut body = json!({
            "programArgsList": job.arguments,
            "parallelism": job.parallelism,
            "jobId": launch.job_id,
            "allowNonRestoredState": job.allows_non_restored_state,
            "flinkConfiguration": job.configuration,
        });
        if let Some(entry) = &job.entry {
            body["entryClass"] = entry.as_str().into();
        }
        if let Some(path) = &launch.savepoint {
            body["savepointPath"] = path.as_str().into();
            body["claimMode"] = if launch.claims_savepoint { "CLAIM" } else { "NO_CLAIM" }.into();
        }
        let package = job.package.as_deref().unwrap_or_default();
        let path = format!("/jars/{}/run", encoded(&format!("local://{package}")));
        self.send(Method::POST, &path, Some(&body), SUBMIT_TIMEOUT).await.map(drop)
    }
}

/// Writes a text as one part of a path.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn seen(operation: Operation) -> OperationSeen {
    if operation.status.id != "COMPLETED" {
        return OperationSeen::InProgress;
    }
    let result = operation.operation.unwrap_or_default();
    match result.failure.or(result.checkpoint_failure) {
        Some(cause) => OperationSeen::Failed(without_trace(&cause.text)),
        None => OperationSeen::Done(result.location),
    }
}

fn checkpoints(body: &Value, job: &str) -> CheckpointsSeen {
    let latest = |kind: &str| body.get("latest")?.get(kind).filter(|value| !value.is_null());
    let path = |kind: &str| Some(latest(kind)?.get("external_path")?.as_str()?.to_owned());
    let number = |kind: &str| latest(kind).and_then(|value| value.get("id")?.as_u64());
    let failure = latest("failed").and_then(|failed| {
        let message = failed.get("failure_message").and_then(Value::as_str).unwrap_or_default();
        (number("failed") > number("completed")).then(|| without_trace(message))
    });
    // A JobManager that was started again tells of the job's own only that it was restored.
    let restored = path("restored").filter(|path| path.contains(job));
    let latest = path("completed").or(restored);
    CheckpointsSeen { latest, latest_savepoint: path("savepoint"), failure }
}

/// Leaves out of a text the lines that tell of Java's calls.
fn without_trace(text: &str) -> String {
    let is_call = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("at ") || (line.starts_with("... ") && line.ends_with(" more"))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_call(line)).collect();
    lines.join(" | ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_s_path_is_one_part_of_an_address() {
        assert_eq!(encoded("local:///a b.jar"), "local%3A%2F%2F%2Fa%20b.jar");
    }

    #[test]
    fn only_a_checkpoint_that_failed_last_is_a_failure() {
        let body = |failed: u64| {
            json!({ "latest": {
                "completed": { "id": 5, "external_path": "file:/c/chk-5" },
                "savepoint": null,
                "failed": { "id": failed, "failure_message": "no space\n\tat a.b(C.java)" },
            }})
        };
        let seen = checkpoints(&body(6), "abc");
        assert_eq!(seen.failure.as_deref(), Some("no space"));
        assert_eq!(seen.latest.as_deref(), Some("file:/c/chk-5"));
        assert_eq!(seen.latest_savepoint, None);
        assert_eq!(checkpoints(&body(4), "abc").failure, None);
    }

    #[test]
    fn what_a_job_was_restored_from_counts_if_it_is_the_job_s_own() {
        let latest = |path: &str| {
            let body = json!({ "latest": { "restored": { "id": 5, "external_path": path } } });
            checkpoints(&body, "abc").latest
        };
        assert_eq!(latest("file:/c/abc/chk-5").as_deref(), Some("file:/c/abc/chk-5"));
        assert_eq!(latest("file:/c/other/chk-5"), None);
    }

    #[test]
    fn operations_tell_their_end() {
        let read = |json: &str| seen(serde_json::from_str(json).unwrap());
        assert_eq!(
            read(r#"{"status":{"id":"IN_PROGRESS"},"operation":null}"#),
            OperationSeen::InProgress
        );
        assert_eq!(
            read(r#"{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s"}}"#),
            OperationSeen::Done(Some("file:/s".to_owned()))
        );
        let failed = r#"{"status":{"id":"COMPLETED"},"operation":
            {"failureCause":{"class":"A","stack-trace":"A: no"}}}"#;
        assert_eq!(read(failed), OperationSeen::Failed("A: no".to_owned()));
    }
}
