//! `stop`: ends a job with a savepoint.

use serde_json::json;

use super::connect;
use super::operation::{Savepoints, Waiting};
use super::output::Answer;
use crate::Error;
use crate::arguments::Stop;
use crate::rest::answers::{StopRequest, Triggered};

/// Asks for a savepoint and the job's end, and waits for it.
pub fn run(arguments: &Stop) -> Result<(), Error> {
    let Stop { savepoint_path, drain, format, job, target } = arguments;
    let (client, _) = connect(target)?;
    let answer = Answer { json: target.json };
    let how = if *drain { "Draining job" } else { "Suspending job" };
    answer.say(format!("{how} \"{job}\" with a {} savepoint.", format.as_str()))?;
    let request = StopRequest {
        target_directory: savepoint_path.as_deref(),
        drain: *drain,
        format_type: format.as_str(),
    };
    answer.say(format!("Triggering stop-with-savepoint for job {job}."))?;
    let trigger: Triggered = client.post(&format!("/jobs/{job}/stop"), &request)?;
    answer.say("Waiting for response...")?;
    let what = format!("Could not stop with a savepoint job \"{job}\"");
    let result = Savepoints { job: *job }.wait(&client, &trigger, what)?;
    let location = result.location.unwrap_or_default();
    let value = json!({ "jobid": job.to_string(), "savepoint": location });
    answer.tell(format!("Savepoint completed. Path: {location}"), &value)
}
