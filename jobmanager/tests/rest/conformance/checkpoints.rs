//! Checkpoints in the overview of a job's: which of them there are depends on what has happened to
//! the job, so each is compared with all that were recorded.

use serde_json::Value;

use super::recording::Recording;
use crate::shape::differences;

/// The places of the latest checkpoints of a kind; null where there is none.
const LATEST: [&str; 4] = ["completed", "savepoint", "failed", "restored"];

/// The checkpoints in all recorded overviews.
pub struct RecordedCheckpoints {
    history: Vec<Value>,
    latest: [Vec<Value>; LATEST.len()],
}

impl RecordedCheckpoints {
    /// Collects them.
    pub fn of(recordings: &[Recording]) -> Self {
        let overviews: Vec<&Value> =
            recordings.iter().filter(|r| is_overview(r)).map(|r| &r.body).collect();
        let history = overviews.iter().filter_map(|body| body["history"].as_array());
        let history: Vec<&Value> = history.flatten().collect();
        let latest = LATEST.map(|kind| {
            let found = overviews.iter().map(|body| &body["latest"][kind]);
            let found: Vec<&Value> = found.filter(|checkpoint| !checkpoint.is_null()).collect();
            with_unrecorded(&found)
        });
        Self { history: with_unrecorded(&history), latest }
    }

    /// Returns what an answer is to be compared with: where it has a checkpoint, the most similar
    /// one that was recorded in that place.
    pub fn expected(&self, recording: &Recording, answer: &Value) -> Value {
        let mut body = recording.body.clone();
        if !is_overview(recording) {
            return body;
        }
        body["history"] = self.history.clone().into();
        for (kind, candidates) in LATEST.iter().zip(&self.latest) {
            let answered = &answer["latest"][kind];
            let nearest = candidates.iter().min_by_key(|c| differences(c, answered).len());
            body["latest"][kind] = match nearest {
                Some(nearest) if !answered.is_null() => nearest.clone(),
                _ => Value::Null,
            };
        }
        body
    }

    /// Returns in what the checkpoints in an answer's history differ from those with their status.
    pub fn differences(&self, recording: &Recording, answer: &Value) -> Vec<String> {
        if !is_overview(recording) {
            return Vec::new();
        }
        let answered = answer["history"].as_array().into_iter().flatten();
        let differing = answered.flat_map(|checkpoint| {
            let status = &checkpoint["status"];
            let same = self.history.iter().filter(|recorded| recorded["status"] == *status);
            let nearest =
                same.map(|recorded| differences(recorded, checkpoint)).min_by_key(Vec::len);
            let found = nearest.unwrap_or_else(|| vec!["status was never recorded".to_owned()]);
            found.into_iter().map(move |what| format!("of those {status}, {what}"))
        });
        differing.collect()
    }
}

/// Adds what Flink makes of the same classes and wasn't recorded: savepoints that failed, which have
/// a format, and what is in progress, which has all of a failed one but the failure.
fn with_unrecorded(recorded: &[&Value]) -> Vec<Value> {
    let mut all: Vec<Value> = recorded.iter().copied().cloned().collect();
    for failed in recorded.iter().filter(|checkpoint| checkpoint["status"] == "FAILED") {
        let mut pending = (*failed).clone();
        if let Some(fields) = pending.as_object_mut() {
            fields.retain(|key, _| !key.starts_with("failure_"));
        }
        pending["status"] = "IN_PROGRESS".into();
        for checkpoint in [(*failed).clone(), pending] {
            let mut savepoint = checkpoint.clone();
            savepoint["savepointFormat"] = "CANONICAL".into();
            all.extend([checkpoint, savepoint]);
        }
    }
    all
}

fn is_overview(recording: &Recording) -> bool {
    let request = &recording.request;
    request.method == "GET" && request.path.ends_with("/checkpoints") && recording.status == 200
}
