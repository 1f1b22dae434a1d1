//! A resource that is to be deleted: nothing is left but checkpoints and savepoints.

use super::hooks::{HookList, Hooks};
use super::stop::Stopped;
use super::{Action, Decider, Finalizer};
use crate::model::Model;
use crate::resources::{HooksSpec, Stage};

/// How long a job may take to end that is cancelled because its resource is deleted, in
/// milliseconds. Its pods are deleted after that.
const CANCEL_MILLIS: i64 = 30_000;

/// How long after a failed savepoint another is tried, in milliseconds.
const RETRY_MILLIS: i64 = 30_000;

impl Decider<'_> {
    /// Goes on with the deletion of a resource.
    pub(super) fn delete(&mut self, deployed: Option<&Model>) {
        if !self.resource.has_finalizer {
            return;
        }
        if self.seen.session_jobs > 0 {
            self.wait_for(format!(
                "{} FlinkSessionJobs that run on this cluster: delete them first",
                self.seen.session_jobs
            ));
            return;
        }
        let hooks = match (&self.model, deployed) {
            (Ok(model), _) => model.hooks.clone(),
            (Err(_), Some(deployed)) => deployed.hooks.clone(),
            (Err(_), None) => HooksSpec::default(),
        };
        if !matches!(
            self.status.progress.stage,
            Some(Stage::BeforeDeletion | Stage::StoppingForDeletion | Stage::Deleting)
        ) {
            let is_to_do = self.status.progress.launches > 0
                && self.begin_hooks(HookList::BeforeDeletion, &hooks);
            if is_to_do {
                self.status.progress.stage = Some(Stage::BeforeDeletion);
            } else {
                self.begin_to_end(deployed);
            }
        }
        if self.status.progress.stage == Some(Stage::BeforeDeletion) {
            match self.go_on_with_hooks(HookList::BeforeDeletion, &hooks) {
                Hooks::Done => self.begin_to_end(deployed),
                Hooks::Pending => return,
            }
        }
        if self.status.progress.stage == Some(Stage::StoppingForDeletion)
            && self.has_ended_for_deletion(deployed)
        {
            self.status.progress.stage = Some(Stage::Deleting);
        }
        if self.status.progress.stage == Some(Stage::Deleting) {
            self.delete_objects();
        }
    }

    fn begin_to_end(&mut self, deployed: Option<&Model>) {
        let with_savepoint = deployed
            .and_then(|model| model.job.as_ref())
            .is_some_and(|job| job.savepoint_on_deletion)
            && self.job_state() == Some("RUNNING");
        let trigger = with_savepoint.then(|| self.next_trigger());
        let progress = &mut self.status.progress;
        progress.stage = Some(Stage::StoppingForDeletion);
        progress.since = Some(self.seen.now);
        progress.trigger_id = trigger;
        progress.rescale_to = None;
        progress.retry_at = None;
    }

    fn has_ended_for_deletion(&mut self, deployed: Option<&Model>) -> bool {
        let Some(job) = deployed.and_then(|model| model.job.as_ref()) else { return true };
        let progress = &self.status.progress;
        if !progress.launched || progress.ended {
            return true;
        }
        if let Some(at) = progress.retry_at {
            if self.seen.now < at {
                self.complain("the savepoint before the deletion failed; it is tried again");
                return false;
            }
            self.status.progress.retry_at = None;
            let trigger = self.next_trigger();
            self.status.progress.trigger_id = Some(trigger);
        }
        if self.status.progress.trigger_id.is_some() {
            return match self.savepoint_to_stop(job) {
                Stopped::At(_) | Stopped::WithoutSavepoint => true,
                Stopped::NotYet => false,
                Stopped::Failed => {
                    self.status.progress.retry_at = Some(self.seen.now + RETRY_MILLIS);
                    false
                }
            };
        }
        let since = self.status.progress.since.unwrap_or_default();
        // The JobManager of a launch that never ran has nothing to cancel.
        let has_nothing = !self.status.progress.has_run && self.job_has_ended() != Some(false);
        has_nothing || self.is_cancelled(true) || self.seen.now >= since + CANCEL_MILLIS
    }

    fn delete_objects(&mut self) {
        let objects = self.seen.objects.keys().cloned();
        self.actions.extend(objects.map(|(kind, name)| Action::Delete(kind, name)));
        if self.actions.is_empty() && self.seen.pods.is_empty() {
            self.finalizer = Finalizer::Remove;
        } else {
            self.wait_for("the end of all pods and other objects");
        }
    }
}
