//! Lifecycle, conditions, and when to look again.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{Decider, Decision, RestSeen};
use crate::resources::{Condition, LifecycleState, ReconciliationState, Stage};

/// When to look again at something that changes.
const SOON: Duration = Duration::from_secs(1);
/// When to look again at something that is as it shall be.
const LATER: Duration = Duration::from_secs(10);
/// When to look again at something that rests.
const MUCH_LATER: Duration = Duration::from_secs(60);

/// The longest message of a status, in bytes.
const MAX_MESSAGE_BYTES: usize = 2000;

impl Decider<'_> {
    /// Completes the decision.
    pub(super) fn conclude(mut self) -> Decision {
        if let Some(failure) = self.seen.failure.clone() {
            self.complain(failure);
        }
        let lifecycle = self.lifecycle();
        self.status.lifecycle_state = Some(lifecycle);
        if lifecycle == LifecycleState::Stable {
            let status = &mut self.status.reconciliation_status;
            status.last_stable_spec.clone_from(&status.last_reconciled_spec);
        }
        self.status.error = self.error.clone().map(shortened);
        self.set_conditions(lifecycle);
        let next = self.next(lifecycle);
        Decision {
            status: self.status,
            finalizer: self.finalizer,
            actions: self.actions,
            events: self.events,
            next,
        }
    }

    fn lifecycle(&self) -> LifecycleState {
        let progress = &self.status.progress;
        if self.resource.is_deleted {
            return LifecycleState::Deleting;
        }
        if matches!(progress.stage, Some(Stage::BeforeUpgrade | Stage::Stopping)) {
            return LifecycleState::Upgrading;
        }
        if !progress.launched {
            return match (&self.model, self.status.reconciliation_status.state) {
                (Ok(model), Some(ReconciliationState::Deployed)) if !model.runs() => {
                    LifecycleState::Suspended
                }
                _ if self.error.is_some() => LifecycleState::Failed,
                _ if progress.launches > 0 => LifecycleState::Upgrading,
                _ => LifecycleState::Created,
            };
        }
        if self.status.reconciliation_status.state == Some(ReconciliationState::Upgrading) {
            return LifecycleState::Upgrading;
        }
        let job = self.status.job_status.state.as_deref();
        let job_manager = self.status.job_manager_deployment_status.as_deref();
        let is_session = self.status.job_status.job_id.is_none();
        match (is_session, job, job_manager) {
            (false, Some("FAILED"), _) | (_, _, Some("ERROR")) => LifecycleState::Failed,
            (false, Some("FINISHED" | "CANCELED"), _) => LifecycleState::Stable,
            _ if progress.rescale_to.is_some() => LifecycleState::Deployed,
            (false, Some("RUNNING"), _) | (true, _, Some("READY")) => LifecycleState::Stable,
            _ => LifecycleState::Deployed,
        }
    }

    fn set_conditions(&mut self, lifecycle: LifecycleState) {
        let accepted = match &self.model {
            Ok(_) => (true, "Accepted", "the specification can be used".to_owned()),
            Err(error) => (false, "Refused", error.to_string()),
        };
        self.set_condition("SpecAccepted", accepted.0, accepted.1, accepted.2);
        let without_effect =
            self.model.as_ref().map(|model| model.without_effect.clone()).unwrap_or_default();
        if without_effect.is_empty() {
            let message = "all of the specification has an effect".to_owned();
            self.set_condition("FieldsWithoutEffect", false, "None", message);
        } else {
            let message = without_effect.join("; ");
            self.set_condition("FieldsWithoutEffect", true, "NotSupported", message);
        }
        let is_ready = lifecycle == LifecycleState::Stable;
        let (reason, message) = match (is_ready, &self.error, &self.waits_for) {
            (true, _, _) => ("Stable", "it runs as specified".to_owned()),
            (false, Some(error), _) => ("Error", error.clone()),
            (false, None, Some(what)) => ("Waiting", format!("waits for {what}")),
            (false, None, None) => match lifecycle {
                LifecycleState::Suspended => ("Suspended", "the job is suspended".to_owned()),
                LifecycleState::Deleting => ("Deleting", "it is being deleted".to_owned()),
                LifecycleState::Upgrading => ("Upgrading", "it is being changed".to_owned()),
                _ => ("Starting", "it is being started".to_owned()),
            },
        };
        self.set_condition("Ready", is_ready, reason, message);
        if let RestSeen::Answers { checkpoints: Some(checkpoints), .. } = &self.seen.rest {
            match checkpoints.failure.clone() {
                Some(failure) => {
                    let message = format!("the last checkpoint failed: {failure}");
                    self.set_condition("CheckpointsHealthy", false, "Failed", message);
                }
                None if checkpoints.latest.is_some() => {
                    let message = "the last checkpoint is complete".to_owned();
                    self.set_condition("CheckpointsHealthy", true, "Completed", message);
                }
                None => {}
            }
        }
    }

    fn set_condition(&mut self, type_: &str, holds: bool, reason: &str, message: String) {
        let status = if holds { "True" } else { "False" };
        let conditions = &mut self.status.conditions;
        let before = conditions.iter().position(|condition| condition.type_ == type_);
        let since = before
            .and_then(|at| conditions.get(at))
            .filter(|condition| condition.status == status)
            .map(|condition| condition.last_transition_time.clone());
        let now = || Timestamp::from_millisecond(self.seen.now).unwrap_or_default().to_string();
        let condition = Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: shortened(message),
            last_transition_time: since.unwrap_or_else(now),
            observed_generation: Some(self.resource.generation),
        };
        match before.and_then(|at| conditions.get_mut(at)) {
            Some(place) => *place = condition,
            None => conditions.push(condition),
        }
    }

    fn next(&self, lifecycle: LifecycleState) -> Duration {
        let progress = &self.status.progress;
        let is_asked = self.status.job_status.savepoint_info.trigger_id.is_some()
            || self.status.job_status.checkpoint_info.trigger_id.is_some();
        match lifecycle {
            _ if is_asked => SOON,
            _ if progress.ended && progress.stage.is_none() => LATER,
            LifecycleState::Suspended => MUCH_LATER,
            LifecycleState::Stable if !progress.started_hooks_done => SOON,
            // A mistake is mended by a change, which is seen at once.
            LifecycleState::Failed if self.model.is_err() => MUCH_LATER,
            LifecycleState::Stable | LifecycleState::Failed => LATER,
            _ => SOON,
        }
    }
}

fn shortened(text: String) -> String {
    if text.len() <= MAX_MESSAGE_BYTES {
        return text;
    }
    let end = (0..=MAX_MESSAGE_BYTES).rev().find(|at| text.is_char_boundary(*at));
    format!("{}…", &text[..end.unwrap_or_default()])
}
