//! What a real Flink 2.3.0 answered, and how its ids are replaced by those of the test.

use serde::Deserialize;
use serde_json::Value;

/// A request and the answer to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recording {
    pub name: String,
    pub request: Request,
    pub status: u16,
    pub content_type: Option<String>,
    pub cors: bool,
    pub body: Value,
}

#[derive(Debug, Deserialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Option<Value>,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
}

/// Reads all recordings; each is a line.
pub fn all() -> Vec<Recording> {
    let lines = include_str!("../../testdata/flink-rest.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The state of the job that a recording is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Running,
    Finished,
    Canceled,
    Failed,
    Restarting,
    Waiting,
    /// It runs with the adaptive scheduler.
    Adaptive,
    /// It does, and remembers how its parallelism has changed.
    Rescaled,
}

impl Recording {
    /// Tells from its name which state the job is to be in.
    pub fn job_state(&self) -> JobState {
        let name = self.name.as_str();
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        if begins(&["rescale_history"]) {
            JobState::Rescaled
        } else if begins(&["adaptive_re", "adaptive_err_re"]) {
            JobState::Adaptive
        } else if says(&["waiting", "wants_8"]) {
            JobState::Waiting
        } else if says(&["restarting"]) {
            JobState::Restarting
        } else if name.ends_with("_canceled")
            || says(&[
                "cancelled",
                "or_canceled",
                "canceled_job",
                "cancel_terminal",
                "cancel_again",
            ])
            || says(&["after_cancel", "_id_last", "config_last", "exceptions_last"])
        {
            JobState::Canceled
        } else if name.ends_with("_finished")
            || name.ends_with("_stopped")
            || says(&["finished_job"])
        {
            JobState::Finished
        } else if name.ends_with("_failed")
            || says(&["failed_job", "exceptions_max1", "exceptions_label"])
            || name.ends_with("_exceptions")
        {
            JobState::Failed
        } else {
            JobState::Running
        }
    }
}

/// What stands in the place of what was recorded.
pub struct Ids<'a> {
    pub job: String,
    pub vertices: [String; 2],
    pub task_manager: &'a str,
    pub package: &'a str,
    pub log_file: &'a str,
}

/// The ids of the vertices of most jobs that were recorded.
const SOURCE: &str = "cbc357ccb763df2852fee8c4fc7d55f2";
const SINK: &str = "c064aed2fb075b14880c626828c7ed94";

/// The change of parallelism whose details were recorded.
pub const RESCALE: &str = "26687f1ba7506640c20e73502a535550";

const NOBODY: [&str; 2] =
    ["ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffffffffffff"];

impl Ids<'_> {
    /// Replaces the ids of vertices in a body.
    pub fn translate_vertices(&self, body: &Value) -> Value {
        let text = body.to_string();
        let text = text.replace(SOURCE, &self.vertices[0]).replace(SINK, &self.vertices[1]);
        serde_json::from_str(&text).unwrap()
    }

    /// Replaces the ids in a path.
    pub fn translate(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts: Vec<String> = Vec::new();
        for part in path.split('/') {
            let before = parts.last().map_or("", String::as_str);
            let is_id = part.len() == 32
                && part.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !NOBODY.contains(&part);
            let replaced = match before {
                "jobs" | "applications" if is_id => self.job.clone(),
                "details" if part == "17" => super::fixture::CHECKPOINT.to_owned(),
                "vertices" | "subtasks" if part == SOURCE => self.vertices[0].clone(),
                "vertices" | "subtasks" if is_id => self.vertices[1].clone(),
                "taskmanagers" if part.starts_with("localhost") => self.task_manager.to_owned(),
                "jars" if part.ends_with("_wordcount.jar") => self.package.to_owned(),
                "logs" if path.starts_with("/taskmanagers") && part.starts_with("flink") => {
                    "tm.log".to_owned()
                }
                "logs" if part.starts_with("flink") => self.log_file.to_owned(),
                _ => part.to_owned(),
            };
            parts.push(replaced);
        }
        let query = self.translate_query(path, query);
        let path = parts.join("/");
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    fn translate_query(&self, path: &str, query: &str) -> String {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = match name {
                "jobs" => self.job.as_str(),
                "taskmanagers" => self.task_manager,
                // Flink has other metrics, too.
                "get" if value != "nope" => known_metric(path),
                _ => value,
            };
            format!("{name}={value}")
        };
        let pairs: Vec<String> =
            query.split('&').filter(|text| !text.is_empty()).map(pair).collect();
        pairs.join("&")
    }
}

/// A metric that there is.
fn known_metric(path: &str) -> &'static str {
    if path.contains("subtasks") {
        "numRecordsOut,busyTimeMsPerSecond"
    } else if path.contains("jm-operator-metrics") {
        "Source__vertex_0.coordinator.enumerator.unassignedSplits"
    } else if path.contains("vertices") {
        "0.numRecordsOut,1.idleTimeMsPerSecond"
    } else if path.starts_with("/jobs") {
        "uptime,numRestarts,lastCheckpointSize"
    } else {
        "Status.JVM.Memory.Heap.Used,Status.JVM.CPU.Load"
    }
}
