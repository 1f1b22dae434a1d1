//! What the REST API answers: the fields that commands read. Others are let pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A refusal.
#[derive(Debug, Deserialize)]
pub struct Errors {
    errors: Vec<String>,
}

impl Errors {
    /// Returns what a refusal says, Java's stack traces left out.
    pub fn message(text: &str) -> Option<String> {
        let errors = serde_json::from_str::<Self>(text).ok()?.errors;
        let messages = errors.iter().map(|error| without_trace(error));
        let message = messages.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        (!message.is_empty()).then_some(message)
    }
}

/// Leaves the lines of a text out that tell of Java's calls.
pub fn without_trace(text: &str) -> String {
    let is_call = |line: &str| {
        let line = line.trim_start();
        line.starts_with("at ") || (line.starts_with("... ") && line.ends_with(" more"))
    };
    let lines: Vec<_> = text.lines().filter(|line| !is_call(line)).collect();
    lines.join("\n").trim().to_owned()
}

/// `/jobs/overview`
#[derive(Debug, Deserialize)]
pub struct JobsOverview {
    pub jobs: Vec<JobSummary>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobSummary {
    pub jid: String,
    pub name: String,
    pub state: String,
    /// Milliseconds since the epoch.
    #[serde(rename = "start-time")]
    pub start_time: i64,
    /// What it waits for, if it lacks slots.
    #[serde(rename = "slot-shortage", skip_serializing_if = "Option::is_none")]
    pub slot_shortage: Option<SlotShortage>,
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// `/jobs/:id`
#[derive(Debug, Default, Deserialize)]
pub struct JobDetails {
    pub state: String,
    #[serde(default)]
    pub vertices: Vec<VertexDetails>,
    /// What the job waits for; Flink has no such field.
    #[serde(rename = "slot-shortage")]
    pub slot_shortage: Option<SlotShortage>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct SlotShortage {
    pub missing: u32,
}

/// `…/metrics?get=…`
#[derive(Debug, Deserialize)]
pub struct Metric {
    pub id: String,
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct VertexDetails {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub parallelism: u32,
    #[serde(default)]
    pub tasks: BTreeMap<String, u64>,
    #[serde(default)]
    pub metrics: VertexMetrics,
}

#[derive(Debug, Default, Deserialize)]
pub struct VertexMetrics {
    #[serde(rename = "read-records", default)]
    pub read_records: u64,
    #[serde(rename = "write-records", default)]
    pub write_records: u64,
}

/// A question that takes time, and its answer.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub id: String,
}

impl Status {
    pub fn is_completed(&self) -> bool {
        self.id == "COMPLETED"
    }
}

/// `/jobs/:id/execution-result`
#[derive(Debug, Deserialize)]
pub struct ExecutionResult {
    pub status: Status,
    #[serde(rename = "job-execution-result")]
    pub result: Option<JobResult>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobResult {
    pub id: String,
    #[serde(rename = "application-status")]
    pub application_status: String,
    /// Milliseconds.
    #[serde(rename = "net-runtime")]
    pub net_runtime: u64,
    #[serde(rename = "failure-cause", skip_serializing_if = "Option::is_none")]
    pub failure_cause: Option<FailureCause>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailureCause {
    pub class: String,
    #[serde(rename = "stack-trace")]
    pub stack_trace: String,
}

impl FailureCause {
    pub fn message(&self) -> String {
        without_trace(&self.stack_trace)
    }
}

/// `/jobs/:id/accumulators`
#[derive(Debug, Deserialize)]
pub struct Accumulators {
    #[serde(rename = "user-task-accumulators", default)]
    pub user: Vec<Accumulator>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accumulator {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub value: String,
}

/// What `/jars/upload` answers.
#[derive(Debug, Deserialize)]
pub struct Uploaded {
    pub filename: String,
}

impl Uploaded {
    /// Returns the package's id.
    pub fn id(&self) -> &str {
        self.filename.rsplit('/').next().unwrap_or(&self.filename)
    }
}

/// What `/jars/:id/run` wants.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<&'a str>,
    pub program_args_list: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flink_configuration: BTreeMap<String, String>,
}

/// What `/jars/:id/plan` wants.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<&'a str>,
    pub program_args_list: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flink_configuration: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Plan {
    pub plan: Value,
}

#[derive(Debug, Deserialize)]
pub struct Submitted {
    pub jobid: String,
}

/// What operations in the background answer.
#[derive(Debug, Deserialize)]
pub struct Triggered {
    #[serde(rename = "request-id")]
    pub request_id: String,
}

#[derive(Debug, Deserialize)]
pub struct Operation {
    pub status: Status,
    pub operation: Option<OperationResult>,
}

#[derive(Debug, Default, Clone, Deserialize)]
pub struct OperationResult {
    pub location: Option<String>,
    #[serde(rename = "checkpointId")]
    pub checkpoint_id: Option<u64>,
    /// Checkpoints tell it under another name than all others.
    #[serde(rename = "failure-cause", alias = "failureCause")]
    pub failure_cause: Option<FailureCause>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SavepointRequest<'a> {
    pub target_directory: Option<&'a str>,
    pub cancel_job: bool,
    #[serde(rename = "formatType")]
    pub format_type: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopRequest<'a> {
    pub target_directory: Option<&'a str>,
    pub drain: bool,
    pub format_type: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointRequest<'a> {
    pub checkpoint_type: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DisposalRequest<'a> {
    pub savepoint_path: &'a str,
}

/// What `/jobs/:id/rescale` wants: how many subtasks each vertex is to have.
#[derive(Debug, Serialize)]
pub struct RescaleRequest<'a> {
    pub vertices: BTreeMap<&'a str, u32>,
}

/// `/overview`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Overview {
    pub taskmanagers: u64,
    #[serde(rename = "slots-total")]
    pub slots_total: u64,
    #[serde(rename = "slots-available")]
    pub slots_available: u64,
    #[serde(rename = "jobs-running")]
    pub jobs_running: u64,
}

/// `/taskmanagers`
#[derive(Debug, Deserialize)]
pub struct TaskManagers {
    pub taskmanagers: Vec<TaskManager>,
}

#[derive(Debug, Deserialize)]
pub struct TaskManager {
    pub id: String,
}

/// `…/logs`
#[derive(Debug, Deserialize)]
pub struct LogList {
    pub logs: Vec<LogFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogFile {
    pub name: String,
    pub size: u64,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub mtime: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_stack_traces() {
        let text = r#"{"errors":["a.b.RestHandlerException: Job could not be found.\n\tat a.b(C.java:1)\n\t... 3 more\nCaused by: x"]}"#;
        assert_eq!(
            Errors::message(text).as_deref(),
            Some("a.b.RestHandlerException: Job could not be found.\nCaused by: x")
        );
        assert_eq!(Errors::message("<html>"), None);
        assert_eq!(Errors::message(r#"{"errors":[""]}"#), None);
    }

    #[test]
    fn a_packages_id_is_the_end_of_its_file_name() {
        let uploaded = Uploaded { filename: "/tmp/x/flink-web-upload/1_a.jar".to_owned() };
        assert_eq!(uploaded.id(), "1_a.jar");
    }

    #[test]
    fn requests_have_flinks_names() {
        let request = RunRequest {
            entry_class: None,
            program_args_list: &["--x".to_owned()],
            parallelism: Some(2),
            allow_non_restored_state: None,
            savepoint_path: None,
            claim_mode: None,
            flink_configuration: BTreeMap::new(),
        };
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(text, r#"{"programArgsList":["--x"],"parallelism":2}"#);
    }
}
