//! Compares our answers with those of a real Flink 2.3.0: status, content type, keys and types.

mod checkpoints;
mod exceptions;
pub mod fixture;
mod recording;

use std::time::Instant;

use serde_json::{Value, json};

use checkpoints::RecordedCheckpoints;
use exceptions::{EXCEPTIONS, exception_for};
use fixture::{Fixture, request};
use recording::{Ids, JobState, RESCALE, Recording};

use crate::common::{PATIENCE, job};
use crate::http::Answer;
use crate::shape::differences;

/// Recordings that change the cluster: they come last, in this order, each with a job of its own
/// where it needs one.
const CHANGES: [&str; 6] = [
    "patch_cancel",
    "yarn_cancel_get",
    "yarn_cancel_running",
    "applications_cancel",
    "jar_delete",
    "cluster_delete",
];

/// The job that ran in Flink most of the time.
const RUNNING_JOB: &str = "76ad90b7c99e99e971657c7ed25f7581";

/// What the real REST API has answered, what ours answers.
struct Comparison {
    name: String,
    differences: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_have_the_form_of_flink_s() {
    let fixture = Fixture::start().await;
    let mut recordings = recording::all();
    // The sort keeps the order of the others.
    recordings.sort_by_key(|recording| CHANGES.iter().position(|name| *name == recording.name));
    let checkpoints = RecordedCheckpoints::of(&recordings);
    let mut comparisons = Vec::new();
    for recording in &recordings {
        let ids = ids(&fixture, recording).await;
        let answer = replay(&fixture, recording, &ids).await;
        let differences = compare(recording, &checkpoints, &ids, &answer);
        comparisons.push(Comparison { name: recording.name.clone(), differences });
    }
    judge(&comparisons);
    drop(fixture.cluster.shut_down().await);
}

/// Fails where an answer differs that may not, or an exception is no longer needed.
fn judge(comparisons: &[Comparison]) {
    let mut used = vec![0; EXCEPTIONS.len()];
    let mut wrong = Vec::new();
    for Comparison { name, differences } in comparisons.iter().filter(|c| !c.differences.is_empty())
    {
        match exception_for(name) {
            Some(exception) => used[exception] += 1,
            None => wrong.push(format!("{name}: {}", differences.join("; "))),
        }
    }
    for ((prefix, reason), count) in EXCEPTIONS.iter().zip(&used) {
        println!("{count} answers of {prefix}… differ: {reason}");
        if *count == 0 {
            wrong.push(format!("the exception for {prefix}… is no longer needed"));
        }
    }
    let total = comparisons.len();
    assert!(wrong.is_empty(), "{} of {total} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns the ids of the job that stands for the recorded one.
async fn ids<'a>(fixture: &'a Fixture, recording: &Recording) -> Ids<'a> {
    match recording.name.as_str() {
        "patch_cancel" | "yarn_cancel_get" | "yarn_cancel_running" | "applications_cancel" => {
            // It waits for slots, which is enough.
            fixture.ids_of(fixture.submit(&[]).await)
        }
        // They end it.
        name if name.starts_with("stop_with") || name == "savepoints_cancel_job" => {
            fixture.ids_of(fixture.spare())
        }
        _ => fixture.ids(recording.job_state()),
    }
}

/// Sends what was sent to Flink.
async fn replay(fixture: &Fixture, recording: &Recording, ids: &Ids<'_>) -> Answer {
    let mut path = ids.translate(&recording.request.path);
    if path.ends_with(RESCALE) {
        let history = path.replace(&format!("details/{RESCALE}"), "history");
        let answer = request(fixture.rest(), "GET", &history, Vec::new(), Vec::new()).await;
        path = path.replace(RESCALE, answer.json()[0]["rescaleUuid"].as_str().unwrap());
    }
    if let Some(trigger) = trigger_path(&recording.name, &path) {
        let id = triggered(fixture, &trigger, &recording.name).await;
        path = format!("{}/{id}", path.rsplit_once('/').unwrap().0);
    }
    let mut headers: Vec<(String, String)> =
        recording.request.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect();
    let body = body(recording, ids, &mut headers);
    let body = match String::from_utf8(body) {
        Ok(text) => text.replace("file:///opt/flink", &fixture.home()).into_bytes(),
        // A package.
        Err(error) => error.into_bytes(),
    };
    let path = runnable(&path);
    let method = &recording.request.method;
    let begin = Instant::now();
    loop {
        let answer = request(fixture.rest(), method, &path, headers.clone(), body.clone()).await;
        let waits = recording.name.contains("_status_") && recording.name.ends_with("_completed");
        if !waits || answer.json()["status"]["id"] != "IN_PROGRESS" {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "{} doesn't end", recording.name);
    }
}

/// Where the operation is triggered whose status was recorded.
fn trigger_path(name: &str, path: &str) -> Option<String> {
    let is_status = name.contains("_status_")
        && !name.starts_with("err_")
        && !name.starts_with("jobs_id_status");
    let parent = path.rsplit_once('/')?.0;
    match parent {
        _ if !is_status => None,
        "/datasets/delete" => Some(format!("/datasets/{}", "a".repeat(32))),
        parent if name.starts_with("stop_with") => {
            Some(format!("{}/stop", parent.rsplit_once('/')?.0))
        }
        parent => Some(parent.to_owned()),
    }
}

async fn triggered(fixture: &Fixture, path: &str, name: &str) -> String {
    let method = if path.starts_with("/datasets") { "DELETE" } else { "POST" };
    let body = if name.contains("_failed_") && path.ends_with("/savepoints") {
        json!({"target-directory": "file:///proc/nope"})
    } else {
        json!({"savepoint-path": "file:///x"})
    };
    let body = body.to_string().into_bytes();
    let answer = request(fixture.rest(), method, path, Vec::new(), body).await;
    answer.json()["request-id"].as_str().unwrap().to_owned()
}

/// Arguments in a query are those that make this test's executable play the job.
fn runnable(path: &str) -> String {
    let Some((before, query)) = path.split_once('?') else { return path.to_owned() };
    let pair = |pair: &str| match pair.split_once('=') {
        Some(("programArg", _)) => format!("programArg={}", job::arguments().join(",")),
        Some(("entry-class", _)) => "entry-class=".to_owned(),
        _ => pair.to_owned(),
    };
    format!("{before}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&"))
}

/// Returns the body that was sent to Flink; where it was a program for Flink, ours.
fn body(recording: &Recording, ids: &Ids<'_>, headers: &mut Vec<(String, String)>) -> Vec<u8> {
    let path = recording.request.path.split('?').next().unwrap_or_default();
    let is_package = ["/run", "/plan", "/run-application"].iter().any(|end| path.ends_with(end));
    match &recording.request.body {
        None => Vec::new(),
        Some(Value::String(text)) if text.starts_with('<') => placeholder(recording, headers),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(Value::Object(fields)) if is_package && recording.status < 300 => {
            let mut fields = fields.clone();
            fields.remove("entryClass");
            fields.remove("savepointPath");
            fields.remove("flinkConfiguration");
            fields.insert("programArgsList".to_owned(), json!(job::arguments()));
            if let Some(id) = fields.get_mut("jobId") {
                *id = json!(format!("{:032x}", 0xdef));
            }
            Value::Object(fields).to_string().into_bytes()
        }
        // The ids of a job that there is, and of its vertices.
        Some(json) => {
            ids.translate_vertices(json).to_string().replace(RUNNING_JOB, &ids.job).into_bytes()
        }
    }
}

/// Makes up an upload that was not recorded.
fn placeholder(recording: &Recording, headers: &mut Vec<(String, String)>) -> Vec<u8> {
    let boundary = format!("{:032x}", fastrand::u128(..));
    let directory = tempfile::tempdir().unwrap();
    let package = || fixture::package(directory.path());
    let part = |field: &str, name: &str, content: &[u8]| {
        let disposition = format!("form-data; name=\"{field}\"; filename=\"{name}\"");
        let mut part =
            format!("--{boundary}\r\ncontent-disposition: {disposition}\r\n\r\n").into_bytes();
        part.extend_from_slice(content);
        part.extend_from_slice(b"\r\n");
        part
    };
    let mut body = match recording.name.as_str() {
        "jars_upload" => part("jarfile", "wordcount.jar", &package()),
        "jars_upload_field_other" => part("other", "other.jar", &package()),
        "err_jars_upload_not_jar" => part("jarfile", "x.txt", b"x"),
        "err_jars_upload_two_files" => {
            [part("jarfile", "a.jar", b"x"), part("jarfile", "b.jar", b"y")].concat()
        }
        "err_jars_upload_no_multipart" => return b"abc".to_vec(),
        other => panic!("what did {other} send?"),
    };
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    headers.retain(|(name, _)| name != "content-type");
    let content_type = format!("multipart/form-data; boundary={boundary}");
    headers.push(("content-type".to_owned(), content_type));
    body
}

/// Compares an answer with the recorded one.
fn compare(
    recording: &Recording,
    checkpoints: &RecordedCheckpoints,
    ids: &Ids<'_>,
    answer: &Answer,
) -> Vec<String> {
    let mut found = Vec::new();
    if answer.status != recording.status {
        let body = String::from_utf8_lossy(&answer.body);
        let body: String = body.chars().take(200).collect();
        return vec![format!("status {}, not {}: {body}", answer.status, recording.status)];
    }
    let content_type = answer.header("content-type");
    if content_type != recording.content_type.as_deref() {
        found.push(format!("content type {content_type:?}, not {:?}", recording.content_type));
    }
    let has_cors = answer.header("access-control-allow-origin").is_some();
    if has_cors != recording.cors {
        found.push(format!("access-control-allow-origin: {has_cors}, not {}", recording.cors));
    }
    if content_type.is_some_and(|t| t.starts_with("application/json")) && !answer.body.is_empty() {
        let answer = answer.json();
        let expected = ids.translate_vertices(&checkpoints.expected(recording, &answer));
        found.extend(differences(&expected, &answer));
        found.extend(checkpoints.differences(recording, &answer));
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn a_recording_says_which_state_its_job_is_in() {
    let all = recording::all();
    let state = |name: &str| all.iter().find(|r| r.name == name).unwrap().job_state();
    assert_eq!(state("jobs_id_running"), JobState::Running);
    assert_eq!(state("jobs_id_config_finished"), JobState::Finished);
    assert_eq!(state("err_patch_cancel_failed_job"), JobState::Failed);
    assert_eq!(state("jobs_id_waiting_for_slots"), JobState::Waiting);
    assert_eq!(state("jobs_id_exceptions_restarting"), JobState::Restarting);
}
