//! `cancel`: ends a job.

use serde_json::json;

use super::connect;
use super::operation::{Savepoints, Waiting};
use super::output::Answer;
use crate::Error;
use crate::arguments::{Cancel, SavepointFormat};
use crate::rest::answers::{SavepointRequest, Triggered};

/// Asks for the end of a job. As with Flink that doesn't wait until it is there.
pub fn run(arguments: &Cancel) -> Result<(), Error> {
    let Cancel { target, with_savepoint, job } = arguments;
    // Flink takes the last word as the job, also where the option could have it as its value.
    let (job, directory) = match (job, with_savepoint.as_deref()) {
        (Some(job), directory) => (*job, directory),
        (None, Some(word)) => (word.parse().map_err(|_| Error::MissingJob)?, Some("")),
        (None, None) => return Err(Error::MissingJob),
    };
    let (client, _) = connect(target)?;
    let answer = Answer { json: target.json };
    let Some(directory) = directory else {
        answer.say(format!("Cancelling job {job}."))?;
        client.patch(&format!("/jobs/{job}?mode=cancel"))?;
        let value = json!({ "jobid": job.to_string() });
        return answer.tell(format!("Cancelled job {job}."), &value);
    };
    eprintln!(
        "DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use \"stop\" instead."
    );
    let format = SavepointFormat::Canonical.as_str();
    let directory = Some(directory).filter(|directory| !directory.is_empty());
    let place = directory.unwrap_or("default savepoint directory");
    answer.say(format!("Cancelling job {job} with {format} savepoint to {place}."))?;
    let request =
        SavepointRequest { target_directory: directory, cancel_job: true, format_type: format };
    let trigger: Triggered = client.post(&format!("/jobs/{job}/savepoints"), &request)?;
    let what = format!("Could not cancel job {job} with a savepoint");
    let result = Savepoints { job }.wait(&client, &trigger, what)?;
    let location = result.location.unwrap_or_default();
    let value = json!({ "jobid": job.to_string(), "savepoint": location });
    answer.tell(format!("Cancelled job {job}. Savepoint stored in {location}."), &value)
}
