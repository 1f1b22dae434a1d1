//! Stopping a job, so that another specification can take its place.

use super::hooks::{HookList, Hooks};
use super::{Action, Decider, OperationSeen, RestSeen};
use crate::model::{Job, Model};
use crate::resources::{ReconciliationState, Stage, StopMode, UpgradeMode};

/// How long a JobManager may be out of reach until its job is stopped by deleting it, in
/// milliseconds.
const UNREACHABLE_MILLIS: i64 = 15_000;

/// How long after a failed savepoint another is tried, in milliseconds.
const RETRY_MILLIS: i64 = 30_000;

impl Decider<'_> {
    /// Goes on with the way from `old`, which is deployed, to `new`.
    pub(super) fn stop(&mut self, old: &Model, new: &Model) {
        self.status.reconciliation_status.state = Some(ReconciliationState::Upgrading);
        if let Some(at) = self.status.progress.retry_at
            && self.status.progress.stage.is_none()
        {
            if self.seen.now < at {
                self.keep(old);
                self.complain("the job couldn't be stopped with a savepoint; it is tried again");
                return;
            }
            self.status.progress.retry_at = None;
        }
        if self.status.progress.stage.is_none() {
            if self.begin_hooks(HookList::BeforeUpgrade, &new.hooks) {
                self.status.progress.stage = Some(Stage::BeforeUpgrade);
            } else {
                self.begin_to_stop(old, new);
            }
        }
        if self.status.progress.stage == Some(Stage::BeforeUpgrade) {
            match self.go_on_with_hooks(HookList::BeforeUpgrade, &new.hooks) {
                Hooks::Done => self.begin_to_stop(old, new),
                Hooks::Pending => return,
            }
        }
        self.go_on_to_stop(old, new);
    }

    /// Decides how the job is stopped.
    fn begin_to_stop(&mut self, old: &Model, new: &Model) {
        let runs = self.job_state() == Some("RUNNING");
        let mode = new.job.as_ref().map_or(UpgradeMode::Stateless, |job| job.upgrade_mode);
        let has_checkpoints =
            old.job.as_ref().is_some_and(|job| job.checkpoint_directory.is_some())
                || self.status.job_status.checkpoint_info.last_checkpoint.is_some();
        let stop_mode = match mode {
            UpgradeMode::Stateless => StopMode::Cancel,
            // What it started from is still its state.
            UpgradeMode::Savepoint if !self.status.progress.has_run => StopMode::LastState,
            // A job that can't take a savepoint has its checkpoints.
            UpgradeMode::Savepoint if runs || !has_checkpoints => StopMode::Savepoint,
            UpgradeMode::Savepoint | UpgradeMode::LastState => StopMode::LastState,
        };
        let trigger = (stop_mode == StopMode::Savepoint).then(|| self.next_trigger());
        let progress = &mut self.status.progress;
        progress.stage = Some(Stage::Stopping);
        progress.since = Some(self.seen.now);
        progress.stop_mode = Some(stop_mode);
        progress.trigger_id = trigger;
        progress.rescale_to = None;
        let how = match stop_mode {
            StopMode::Savepoint => "with a savepoint",
            StopMode::LastState => "keeping its latest checkpoint",
            StopMode::Cancel => "without keeping its state",
        };
        self.tell("Stopping", format!("the job is stopped {how}"));
    }

    fn go_on_to_stop(&mut self, old: &Model, new: &Model) {
        let Some(job) = &old.job else {
            self.stopped(None, false, new);
            return;
        };
        if new.job.as_ref().is_some_and(|new| new.redeploy_nonce != job.redeploy_nonce) {
            // What it starts from is what the user says.
            self.status.progress.stop_mode = Some(StopMode::Cancel);
        }
        let progress = &self.status.progress;
        let is_there = match self.job_has_ended() {
            Some(has_ended) => !has_ended,
            None => self.seen.job_manager.as_ref().is_some_and(|seen| seen.ready > 0),
        };
        if !progress.has_run && !is_there {
            // This launch has changed nothing: the next one starts from the same.
            let path = self.status.job_status.upgrade_savepoint_path.clone();
            let claims = progress.claims_savepoint;
            self.stopped(path, claims, new);
            return;
        }
        if progress.ended {
            let (path, claims) = self.after_the_end(new);
            self.stopped(path, claims, new);
            return;
        }
        match progress.stop_mode {
            Some(StopMode::Savepoint) => self.stop_with_savepoint(job, new),
            Some(StopMode::LastState) => {
                // Without a checkpoint that is known, more may have happened than is known.
                let knows = self.status.job_status.checkpoint_info.last_checkpoint.is_some();
                if self.is_cancelled(knows) {
                    let (path, claims) = self.latest_checkpoint();
                    self.stopped(path, claims, new);
                }
            }
            Some(StopMode::Cancel) | None => {
                if self.is_cancelled(true) {
                    self.stopped(None, false, new);
                }
            }
        }
    }

    /// Returns what a job goes on from that has ended by itself.
    fn after_the_end(&self, new: &Model) -> (Option<String>, bool) {
        let keeps = new.job.as_ref().is_some_and(|job| job.upgrade_mode != UpgradeMode::Stateless);
        let has_finished = self.status.job_status.state.as_deref() == Some("FINISHED");
        if keeps && !has_finished { self.latest_checkpoint() } else { (None, false) }
    }

    /// Returns the latest checkpoint of the present launch, else what it started from, and whether
    /// the next launch may delete it in time.
    pub(super) fn latest_checkpoint(&self) -> (Option<String>, bool) {
        let status = &self.status.job_status;
        // The job's folder, not the checkpoint: another may have taken its place since it was seen.
        let folder = status.checkpoint_info.last_checkpoint.as_deref().and_then(|last| {
            let (folder, name) = last.trim_end_matches('/').rsplit_once('/')?;
            name.starts_with("chk-").then(|| folder.to_owned())
        });
        match folder {
            Some(folder) => (Some(folder), true),
            None => (status.upgrade_savepoint_path.clone(), self.status.progress.claims_savepoint),
        }
    }

    /// Cancels the job; returns whether it has ended, or may count as ended as its JobManager has been
    /// out of reach for long.
    pub(super) fn is_cancelled(&mut self, may_give_up: bool) -> bool {
        match self.job_has_ended() {
            Some(true) => true,
            Some(false) => {
                self.wait_for("the end of the job");
                let job = self.status.job_status.job_id.clone().unwrap_or_default();
                self.actions.push(Action::Cancel { job });
                false
            }
            None => {
                let since = self.status.progress.since.unwrap_or_default();
                self.wait_for("the JobManager, which doesn't answer");
                may_give_up && self.seen.now >= since + UNREACHABLE_MILLIS
            }
        }
    }

    fn stop_with_savepoint(&mut self, job: &Job, new: &Model) {
        match self.savepoint_to_stop(job) {
            Stopped::At(path) => self.stopped(Some(path), false, new),
            Stopped::WithoutSavepoint => {
                let (path, claims) = self.latest_checkpoint();
                self.stopped(path, claims, new);
            }
            Stopped::NotYet => {}
            Stopped::Failed => {
                let progress = &mut self.status.progress;
                progress.stage = None;
                progress.trigger_id = None;
                progress.stop_mode = None;
                progress.attempts += 1;
                progress.retry_at = Some(self.seen.now + RETRY_MILLIS);
            }
        }
    }

    /// Goes on with the savepoint that a job is stopped with.
    pub(super) fn savepoint_to_stop(&mut self, job: &Job) -> Stopped {
        let Some(trigger) = self.status.progress.trigger_id.clone() else {
            return Stopped::Failed;
        };
        let is_seen = self.resource.status.progress.trigger_id.as_ref() == Some(&trigger);
        let has_ended = self.job_has_ended();
        match self.seen.operation.clone().filter(|_| is_seen) {
            Some(OperationSeen::Done(Some(path))) => {
                self.tell("SavepointTaken", format!("the job was stopped with {path}"));
                self.remember_savepoint(path.clone(), "UPGRADE", None);
                return Stopped::At(path);
            }
            Some(OperationSeen::Failed(reason)) if has_ended != Some(true) => {
                let message = format!("the job couldn't be stopped with a savepoint: {reason}");
                self.warn("SavepointFailed", message.clone());
                self.complain(message);
                return Stopped::Failed;
            }
            _ => {}
        }
        self.wait_for("the savepoint that the job is stopped with");
        match has_ended {
            // A JobManager that was started again knows nothing of the operation.
            Some(true) => {
                let RestSeen::Answers { checkpoints, .. } = &self.seen.rest else {
                    return Stopped::NotYet;
                };
                let seen = checkpoints.as_ref().and_then(|seen| seen.latest_savepoint.clone());
                match seen {
                    Some(path) => {
                        self.remember_savepoint(path.clone(), "UPGRADE", None);
                        Stopped::At(path)
                    }
                    None => Stopped::WithoutSavepoint,
                }
            }
            Some(false) => {
                let id = self.status.job_status.job_id.clone().unwrap_or_default();
                let directory = job.savepoint_directory.clone();
                let action = Action::Savepoint { job: id, trigger, directory, stops: true };
                self.actions.push(action);
                Stopped::NotYet
            }
            None => {
                let since = self.status.progress.since.unwrap_or_default();
                let waited = self.seen.now - since;
                let last = &self.status.job_status.checkpoint_info.last_checkpoint;
                if waited >= 4 * UNREACHABLE_MILLIS && last.is_some() {
                    self.warn(
                        "JobManagerUnreachable",
                        "the JobManager doesn't answer: the job goes on from its latest checkpoint",
                    );
                    Stopped::WithoutSavepoint
                } else {
                    Stopped::NotYet
                }
            }
        }
    }

    /// Takes note that the job has ended and what the next launch starts from, and starts that.
    fn stopped(&mut self, path: Option<String>, claims: bool, new: &Model) {
        let old_nonce = self.resource.deployed().and_then(|old| old.job?.redeploy_nonce);
        let redeployed = new.job.as_ref().filter(|job| job.redeploy_nonce != old_nonce);
        let (path, claims) = match redeployed {
            Some(job) => (job.initial_savepoint.clone(), false),
            None => (path, claims),
        };
        self.status.job_status.upgrade_savepoint_path = path;
        let progress = &mut self.status.progress;
        progress.launched = false;
        progress.stage = None;
        progress.since = None;
        progress.stop_mode = None;
        progress.trigger_id = None;
        progress.claims_savepoint = claims;
        self.error = None;
        self.waits_for = None;
        self.start(new);
    }
}

/// How a job that is stopped with a savepoint stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It has ended, with this savepoint.
    At(String),
    /// It has ended, or can't be reached, and there is none.
    WithoutSavepoint,
    /// It hasn't ended.
    NotYet,
    /// It goes on, as no savepoint could be taken.
    Failed,
}
