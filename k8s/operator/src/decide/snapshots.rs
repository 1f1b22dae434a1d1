//! Savepoints and checkpoints that a nonce asks for.

use super::{Action, Decider, OperationSeen};
use crate::model::{Job, Model};
use crate::resources::Savepoint;

/// How many savepoints are remembered.
const MAX_HISTORY: usize = 10;

impl Decider<'_> {
    /// Takes note of nonces that have changed.
    pub(super) fn notice_nonces(&mut self, old: &Model, new: &Model) {
        let (Some(old), Some(new)) = (&old.job, &new.job) else { return };
        if new.savepoint_nonce.is_some() && new.savepoint_nonce != old.savepoint_nonce {
            let trigger = self.next_trigger();
            self.status.job_status.savepoint_info.trigger_id = Some(trigger);
        }
        if new.checkpoint_nonce.is_some() && new.checkpoint_nonce != old.checkpoint_nonce {
            let trigger = self.next_trigger();
            self.status.job_status.checkpoint_info.trigger_id = Some(trigger);
        }
    }

    /// Goes on with what nonces have asked for.
    pub(super) fn go_on_with_snapshots(&mut self, job: &Job) {
        let is_running = self.job_state() == Some("RUNNING");
        let id = self.status.job_status.job_id.clone().unwrap_or_default();
        let asked = &self.resource.status.job_status;
        if let Some(trigger) = self.status.job_status.savepoint_info.trigger_id.clone() {
            let is_seen = asked.savepoint_info.trigger_id.as_ref() == Some(&trigger);
            match self.seen.savepoint.clone().filter(|_| is_seen) {
                Some(OperationSeen::Done(location)) => {
                    let location = location.unwrap_or_default();
                    self.tell("SavepointTaken", format!("a savepoint lies at {location}"));
                    self.remember_savepoint(location, "MANUAL", job.savepoint_nonce);
                    self.status.job_status.savepoint_info.trigger_id = None;
                }
                Some(OperationSeen::Failed(reason)) => {
                    self.warn("SavepointFailed", format!("no savepoint was taken: {reason}"));
                    self.status.job_status.savepoint_info.trigger_id = None;
                }
                None if is_running => {
                    let directory = job.savepoint_directory.clone();
                    let job = id.clone();
                    self.actions.push(Action::Savepoint { job, trigger, directory, stops: false });
                }
                Some(OperationSeen::InProgress) | None => {}
            }
        }
        if let Some(trigger) = self.status.job_status.checkpoint_info.trigger_id.clone() {
            let is_seen = asked.checkpoint_info.trigger_id.as_ref() == Some(&trigger);
            match self.seen.checkpoint.clone().filter(|_| is_seen) {
                Some(OperationSeen::Done(_)) => {
                    self.tell("CheckpointTaken", "a checkpoint was taken");
                    self.status.job_status.checkpoint_info.trigger_id = None;
                }
                Some(OperationSeen::Failed(reason)) => {
                    self.warn("CheckpointFailed", format!("no checkpoint was taken: {reason}"));
                    self.status.job_status.checkpoint_info.trigger_id = None;
                }
                None if is_running => self.actions.push(Action::Checkpoint { job: id, trigger }),
                Some(OperationSeen::InProgress) | None => {}
            }
        }
    }

    pub(super) fn remember_savepoint(
        &mut self,
        location: String,
        trigger_type: &str,
        trigger_nonce: Option<i64>,
    ) {
        let savepoint = Savepoint {
            time_stamp: self.seen.now,
            location,
            trigger_type: trigger_type.to_owned(),
            format_type: "CANONICAL".to_owned(),
            trigger_nonce,
        };
        let info = &mut self.status.job_status.savepoint_info;
        info.last_savepoint = Some(savepoint.clone());
        info.savepoint_history.push(savepoint);
        let excess = info.savepoint_history.len().saturating_sub(MAX_HISTORY);
        info.savepoint_history.drain(..excess);
    }
}
