//! `savepoint`: takes one, disposes of one, or says what one holds.

use sciurus_core::ids::JobId;
use serde_json::json;

use super::operation::{Disposals, Savepoints, Waiting};
use super::output::Answer;
use super::{connect, inspect};
use crate::Error;
use crate::arguments::{Savepoint, SavepointAction};
use crate::rest::Client;
use crate::rest::answers::{DisposalRequest, SavepointRequest, Triggered};

/// Asks for a savepoint or for the end of one, or looks into one.
pub fn run(arguments: &Savepoint) -> Result<(), Error> {
    if let Some(SavepointAction::Inspect(arguments)) = &arguments.action {
        return inspect::run(arguments);
    }
    let (client, _) = connect(&arguments.target)?;
    match (&arguments.dispose, arguments.job) {
        (Some(path), _) => dispose(&client, path, Answer { json: arguments.target.json }),
        (None, Some(job)) => trigger(&client, job, arguments),
        (None, None) => Err(Error::MissingJob),
    }
}

fn dispose(client: &Client, path: &str, answer: Answer) -> Result<(), Error> {
    answer.say(format!("Disposing savepoint '{path}'."))?;
    let request = DisposalRequest { savepoint_path: path };
    let trigger: Triggered = client.post("/savepoint-disposal", &request)?;
    answer.say("Waiting for response...")?;
    Disposals.wait(client, &trigger, format!("Disposing the savepoint '{path}' failed"))?;
    answer.tell(format!("Savepoint '{path}' disposed."), &json!({ "disposed": path }))
}

fn trigger(client: &Client, job: JobId, arguments: &Savepoint) -> Result<(), Error> {
    let Savepoint { detached, format, directory, target, .. } = arguments;
    let answer = Answer { json: target.json };
    let mode = if *detached { " in detached mode" } else { "" };
    answer.say(format!("Triggering savepoint{mode} for job {job}."))?;
    let request = SavepointRequest {
        target_directory: directory.as_deref(),
        cancel_job: false,
        format_type: format.as_str(),
    };
    let path = format!("/jobs/{job}/savepoints");
    let trigger: Triggered = client.post(&path, &request)?;
    if *detached {
        let id = &trigger.request_id;
        let text = format!("Successfully trigger manual savepoint, triggerId: {id}");
        return answer.tell(text, &json!({ "triggerId": id }));
    }
    answer.say("Waiting for response...")?;
    let what = format!("Failed to trigger a savepoint for the job {job}");
    let result = Savepoints { job }.wait(client, &trigger, what)?;
    let location = result.location.unwrap_or_default();
    let value = json!({ "savepoint": location });
    answer.tell(format!("Savepoint completed. Path: {location}"), &value)?;
    answer.say("You can resume your program from this savepoint with the run command.")
}
