//! `checkpoint`: takes one.

use serde_json::json;

use super::connect;
use super::operation::{Checkpoints, Waiting};
use super::output::Answer;
use crate::Error;
use crate::arguments::Checkpoint;
use crate::rest::answers::{CheckpointRequest, Triggered};

/// Asks for a checkpoint and waits for it.
pub fn run(arguments: &Checkpoint) -> Result<(), Error> {
    let Checkpoint { full, job, target } = arguments;
    let (client, _) = connect(target)?;
    let answer = Answer { json: target.json };
    answer.say(format!("Triggering checkpoint for job {job}."))?;
    let (kind, name) =
        if *full { ("FULL", "Checkpoint(FULL)") } else { ("CONFIGURED", "Checkpoint") };
    let request = CheckpointRequest { checkpoint_type: kind };
    let trigger: Triggered = client.post(&format!("/jobs/{job}/checkpoints"), &request)?;
    answer.say("Waiting for response...")?;
    let what = format!("Failed to trigger a checkpoint for the job {job}");
    let result = Checkpoints { job: *job }.wait(&client, &trigger, what)?;
    let id = result.checkpoint_id.unwrap_or_default();
    let value = json!({ "checkpointId": id });
    answer.tell(format!("{name} {id} for job {job} completed."), &value)?;
    answer.say("You can resume your program from this checkpoint with the run command.")
}
