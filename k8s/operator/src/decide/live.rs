//! A resource that is to be: started, kept as specified, changed.

use super::hooks::{HookList, Hooks};
use super::observe::RECONCILING;
use super::{
    Action, Change, Decider, Finalizer, JobSeen, OperationSeen, RestSeen, SessionSeen, change,
};
use crate::model::{Cluster, Job, Model};
use crate::objects::{ObjectKind, Scale, cluster_objects};
use crate::resources::{ReconciliationState, Stage};

/// How long after its failure a job is started again that is to be, in milliseconds.
const RESTART_FAILED_MILLIS: i64 = 10_000;

impl Decider<'_> {
    /// Decides about a resource that isn't deleted.
    pub(super) fn live(&mut self, deployed: Option<Model>) {
        if !self.resource.has_finalizer {
            self.finalizer = Finalizer::Add;
        }
        self.status.observed_generation = Some(self.resource.generation);
        let model = match self.model.clone() {
            Ok(model) => model,
            Err(error) => {
                // What runs goes on running.
                if let Some(deployed) = deployed.filter(|_| self.status.progress.launched) {
                    self.keep(&deployed);
                }
                self.error = Some(error.to_string());
                return;
            }
        };
        if !self.status.progress.launched {
            self.start(&model);
            return;
        }
        let Some(deployed) = deployed else {
            // An earlier operator understood what is deployed; it becomes what is specified now.
            self.adopt(&model);
            self.keep(&model);
            return;
        };
        if self.status.progress.stage == Some(Stage::Stopping) {
            self.stop(&deployed, &model);
            return;
        }
        match change(&deployed, &model) {
            Change::None => {
                self.status.progress.stage = None;
                self.status.reconciliation_status.state = Some(ReconciliationState::Deployed);
                if self.is_to_restart(&model) {
                    self.tell("Restarting", "the job failed and is started again");
                    self.stop(&deployed, &model);
                } else {
                    self.keep(&model);
                }
            }
            Change::InPlace => {
                self.status.progress.stage = None;
                self.change_in_place(&deployed, &model);
                self.keep(&model);
            }
            Change::Restart | Change::Suspend => self.stop(&deployed, &model),
        }
    }

    /// Says whether a job that has failed for good is started again.
    fn is_to_restart(&self, model: &Model) -> bool {
        let changed = self.status.job_status.update_time.as_deref();
        let since = changed.and_then(|time| time.parse::<i64>().ok()).unwrap_or_default();
        model.job.as_ref().is_some_and(|job| job.restarts_failed)
            && self.status.progress.ended
            && self.status.job_status.state.as_deref() == Some("FAILED")
            && self.seen.now >= since + RESTART_FAILED_MILLIS
    }

    /// Starts what is specified, where it shall run.
    pub(super) fn start(&mut self, model: &Model) {
        self.status.reconciliation_status.state = Some(ReconciliationState::Upgrading);
        if !model.runs() {
            self.adopt(model);
            self.delete_pods();
            if self.status.job_status.state.as_deref() == Some(RECONCILING) {
                // It is known not to run.
                self.set_job_state("SUSPENDED");
            }
            return;
        }
        if let Some(session) = model.job.as_ref().and_then(|job| job.session_cluster.as_ref()) {
            let waits = match &self.seen.session {
                Some(SessionSeen::Ready) => None,
                Some(SessionSeen::HasJob) => {
                    self.complain(format!(
                        "deploymentName: {session} runs a job of its own; name a session cluster"
                    ));
                    return;
                }
                Some(SessionSeen::NotReady(why)) => {
                    Some(format!("the session cluster {session}: {why}"))
                }
                Some(SessionSeen::Missing) | None => {
                    Some(format!("the session cluster {session}, which doesn't exist"))
                }
            };
            if let Some(what) = waits {
                self.wait_for(what);
                return;
            }
        }
        let is_first = self.status.progress.launches == 0;
        let progress = &mut self.status.progress;
        progress.launches += 1;
        progress.launched = true;
        progress.has_run = false;
        progress.ended = false;
        progress.retired = false;
        progress.started_hooks_done = false;
        progress.stage = None;
        progress.stop_mode = None;
        progress.trigger_id = None;
        progress.rescale_to = None;
        progress.attempts = 0;
        progress.retry_at = None;
        let image = model.cluster.as_ref().and_then(|cluster| cluster.image.clone());
        progress.image = Some(image.unwrap_or_else(|| self.defaults.image.clone()));
        if let Some(job) = &model.job {
            let job_id = self.resource.names.job_id(self.status.progress.launches);
            let status = &mut self.status.job_status;
            if is_first {
                status.upgrade_savepoint_path.clone_from(&job.initial_savepoint);
            }
            status.job_id = Some(job_id);
            status.job_name = None;
            status.start_time = None;
            status.checkpoint_info.last_checkpoint = None;
            let from = status.upgrade_savepoint_path.clone();
            self.set_job_state(RECONCILING);
            let from = from.map_or_else(String::new, |path| format!(" from {path}"));
            self.tell("Starting", format!("the job is started{from}"));
        } else {
            self.tell("Starting", "the cluster is started");
        }
        self.adopt(model);
        self.keep(model);
    }

    /// Takes note that what is specified is deployed, which the actions of this decision do.
    pub(super) fn adopt(&mut self, model: &Model) {
        let spec = self.resource.spec.to_string();
        let status = &mut self.status.reconciliation_status;
        if status.last_reconciled_spec.as_ref() != Some(&spec) {
            status.last_reconciled_spec = Some(spec);
            status.reconciliation_timestamp = Some(self.seen.now);
        }
        status.state = Some(ReconciliationState::Deployed);
        if model.is_session_cluster() {
            let image = model.cluster.as_ref().and_then(|cluster| cluster.image.clone());
            self.status.progress.image = Some(image.unwrap_or_else(|| self.defaults.image.clone()));
        }
    }

    fn change_in_place(&mut self, old: &Model, new: &Model) {
        self.notice_nonces(old, new);
        if let (Some(old_job), Some(new_job)) = (&old.job, &new.job)
            && old_job.parallelism != new_job.parallelism
        {
            let parallelism = new_job.parallelism;
            let trigger = self.next_trigger();
            self.status.progress.rescale_to = i32::try_from(parallelism).ok();
            self.status.progress.trigger_id = Some(trigger);
            self.tell("Rescaling", format!("the job's parallelism becomes {parallelism}"));
        }
        let replicas =
            |model: &Model| model.cluster.as_ref().map(|cluster| cluster.task_manager.replicas);
        if let (Some(before), Some(after)) = (replicas(old), replicas(new))
            && before != after
        {
            self.tell(
                "Scaling",
                format!("the number of TaskManagers goes from {before} to {after}"),
            );
        }
        self.adopt(new);
    }

    /// Sees to it that all is as specified.
    pub(super) fn keep(&mut self, model: &Model) {
        if let Some(cluster) = &model.cluster {
            self.keep_objects(cluster, model.job.as_ref());
        }
        let Some(job) = &model.job else {
            let is_ready = self.status.job_manager_deployment_status.as_deref() == Some("READY");
            if is_ready {
                self.after_start(model);
            }
            return;
        };
        if job.session_cluster.is_some() {
            self.keep_session_job(job);
        }
        if self.status.progress.ended {
            return;
        }
        self.go_on_with_snapshots(job);
        self.go_on_with_rescaling();
        if self.status.progress.has_run {
            self.after_start(model);
        }
    }

    fn keep_objects(&mut self, cluster: &Cluster, job: Option<&Job>) {
        let progress = &self.status.progress;
        let task_managers = if progress.ended { 0 } else { cluster.task_manager.replicas };
        let scale = Scale { has_job_manager: !progress.retired, task_managers };
        let names = &self.resource.names;
        let wanted = cluster_objects(cluster, job, names, &self.launch(), scale);
        let has_drifted = |name: &str| {
            let deployments = [
                (names.job_manager(), &self.seen.job_manager),
                (&names.task_manager(), &self.seen.task_manager),
            ];
            deployments.iter().any(|(own, seen)| {
                *own == name && seen.as_ref().is_some_and(|seen| seen.has_drifted)
            })
        };
        for object in &wanted {
            let found = self.seen.objects.get(&(object.kind, object.name.clone()));
            let is_as_wanted = found == Some(&object.fingerprint)
                && !(object.kind == ObjectKind::Deployment && has_drifted(&object.name));
            if !is_as_wanted {
                self.actions.push(Action::Apply(Box::new(object.clone())));
            }
        }
        for (kind, name) in self.seen.objects.keys() {
            let is_wanted =
                wanted.iter().any(|object| (object.kind, &object.name) == (*kind, name));
            if !is_wanted && *kind != ObjectKind::Job {
                self.actions.push(Action::Delete(*kind, name.clone()));
            }
        }
    }

    /// Deletes all that runs; what doesn't stays.
    fn delete_pods(&mut self) {
        for (kind, name) in self.seen.objects.keys() {
            if *kind == ObjectKind::Deployment {
                self.actions.push(Action::Delete(*kind, name.clone()));
            }
        }
    }

    fn keep_session_job(&mut self, job: &Job) {
        let name = job.session_cluster.clone().unwrap_or_default();
        let RestSeen::Answers { jobs, .. } = &self.seen.rest else {
            if !self.status.progress.ended {
                let why = match &self.seen.session {
                    Some(SessionSeen::NotReady(why)) => why.clone(),
                    Some(SessionSeen::Missing) => "it doesn't exist".to_owned(),
                    _ => "it doesn't answer".to_owned(),
                };
                self.wait_for(format!("the session cluster {name}: {why}"));
            }
            return;
        };
        let job_id = self.status.job_status.job_id.clone().unwrap_or_default();
        let is_known = jobs.iter().any(|seen| seen.id == job_id);
        if is_known || self.status.progress.ended {
            return;
        }
        if self.status.progress.has_run {
            // The cluster has lost it. A new launch goes on from what it left.
            self.warn("JobLost", format!("the session cluster {name} has lost the job"));
            let (path, claims) = self.latest_checkpoint();
            let progress = &mut self.status.progress;
            progress.launches += 1;
            progress.has_run = false;
            progress.claims_savepoint = claims;
            let launches = progress.launches;
            self.status.job_status.upgrade_savepoint_path = path;
            self.status.job_status.job_id = Some(self.resource.names.job_id(launches));
            self.status.job_status.checkpoint_info.last_checkpoint = None;
        }
        let launch = self.launch();
        self.actions.push(Action::Submit { job: Box::new(job.clone()), launch });
    }

    fn go_on_with_rescaling(&mut self) {
        let Some(parallelism) = self.status.progress.rescale_to else { return };
        let Some(trigger) = self.status.progress.trigger_id.clone() else { return };
        let is_seen = self.resource.status.progress.trigger_id.as_ref() == Some(&trigger);
        let parallelism = parallelism.unsigned_abs();
        match self.seen.operation.clone().filter(|_| is_seen) {
            Some(OperationSeen::InProgress) => {
                self.wait_for(format!("the job to run with parallelism {parallelism}"));
            }
            Some(OperationSeen::Done(_)) => {
                self.tell("Rescaled", format!("the job runs with parallelism {parallelism}"));
                self.end_rescaling();
            }
            Some(OperationSeen::Failed(reason)) => {
                self.warn(
                    "RescaleFailed",
                    format!("the job doesn't run with parallelism {parallelism} yet: {reason}"),
                );
                self.end_rescaling();
            }
            None => {
                self.wait_for(format!("the job to run with parallelism {parallelism}"));
                if self.job_state() == Some("RUNNING") {
                    let job = self.status.job_status.job_id.clone().unwrap_or_default();
                    self.actions.push(Action::Rescale { job, trigger, parallelism });
                }
            }
        }
    }

    fn end_rescaling(&mut self) {
        self.status.progress.rescale_to = None;
        self.status.progress.trigger_id = None;
    }

    fn after_start(&mut self, model: &Model) {
        if self.status.progress.started_hooks_done {
            return;
        }
        let is_begun = self.status.progress.starts_hooks_for == self.status.progress.launches;
        if !is_begun {
            self.status.progress.starts_hooks_for = self.status.progress.launches;
            if !self.begin_hooks(HookList::AfterStart, &model.hooks) {
                self.status.progress.started_hooks_done = true;
                return;
            }
        }
        if self.go_on_with_hooks(HookList::AfterStart, &model.hooks) == Hooks::Done {
            self.status.progress.started_hooks_done = true;
        }
    }

    /// Says whether the job of the present launch still runs, as far as is known.
    pub(super) fn job_has_ended(&self) -> Option<bool> {
        match &self.seen.rest {
            RestSeen::Answers { .. } => Some(self.job_state().is_none_or(JobSeen::is_terminal)),
            _ => None,
        }
    }
}
