//! From what is seen to the status.

use super::{Decider, JobSeen, RestSeen, problems};
use crate::model::Model;
use crate::resources::{Stage, TaskManagerStatus};

/// The state of a job of which nobody knows how it is.
pub(super) const RECONCILING: &str = "RECONCILING";

impl Decider<'_> {
    /// Takes over what is seen of the cluster that is deployed.
    pub(super) fn observe(&mut self, deployed: Option<&Model>) {
        let Some(model) = deployed else { return };
        if model.cluster.is_some() {
            self.observe_pods();
        }
        if model.job.is_some() && self.status.progress.launched {
            self.observe_job();
        }
        if let RestSeen::Answers { info, .. } = &self.seen.rest
            && model.cluster.is_some()
        {
            self.status.cluster_info.extend(info.clone());
        }
    }

    fn observe_pods(&mut self) {
        let seen = self.seen;
        let is_up = matches!(seen.rest, RestSeen::Answers { .. });
        let problem =
            problems::of_pods(&[&seen.job_manager, &seen.task_manager], &seen.pods, is_up);
        let of_job_manager: Vec<_> =
            seen.pods.iter().filter(|pod| pod.component == "jobmanager").cloned().collect();
        let is_broken = problems::of_pods(&[&seen.job_manager], &of_job_manager, is_up).is_some();
        let status = match &seen.job_manager {
            None => "MISSING",
            Some(_) if is_broken => "ERROR",
            Some(deployment) if deployment.ready == 0 || !deployment.is_current => "DEPLOYING",
            Some(_) if is_up => "READY",
            Some(_) => "DEPLOYED_NOT_READY",
        };
        self.status.job_manager_deployment_status = Some(status.to_owned());
        let replicas = seen.task_manager.as_ref().map_or(0, |deployment| deployment.replicas);
        let label_selector = self.resource.names.selector("taskmanager");
        self.status.task_manager = Some(TaskManagerStatus { label_selector, replicas });
        if let Some(problem) = problem {
            self.complain(problem);
        }
    }

    fn observe_job(&mut self) {
        let RestSeen::Answers { jobs, failure, checkpoints, .. } = &self.seen.rest else {
            if !self.status.progress.ended {
                self.set_job_state(RECONCILING);
            }
            return;
        };
        let job_id = self.status.job_status.job_id.clone().unwrap_or_default();
        if let Some(latest) = checkpoints.as_ref().and_then(|seen| seen.latest.clone()) {
            self.status.job_status.checkpoint_info.last_checkpoint = Some(latest);
        }
        let Some(job) = jobs.iter().find(|job| job.id == job_id) else {
            if !self.status.progress.ended {
                self.set_job_state(RECONCILING);
            }
            return;
        };
        let is_terminal = JobSeen::is_terminal(&job.state);
        if self.status.progress.ended && !is_terminal {
            // A JobManager that was started again runs the job again, which has ended.
            self.status.progress.retired = true;
            return;
        }
        let job = job.clone();
        let failure = failure.clone();
        self.set_job_state(&job.state);
        let status = &mut self.status.job_status;
        status.job_name = Some(job.name.clone());
        status.start_time = Some(job.start_time.to_string());
        let progress = &mut self.status.progress;
        progress.has_run |= job.state == "RUNNING" || job.state == "FINISHED";
        let is_being_stopped =
            matches!(progress.stage, Some(Stage::Stopping | Stage::StoppingForDeletion));
        if is_terminal && !is_being_stopped {
            if !progress.ended {
                let message = format!("the job is {}", job.state);
                if job.state == "FAILED" {
                    self.warn("JobFailed", message);
                } else {
                    self.tell("JobEnded", message);
                }
            }
            self.status.progress.ended = true;
        }
        match (job.state.as_str(), failure) {
            ("FAILED", failure) => {
                let reason = failure.unwrap_or_else(|| "see the JobManager's log".to_owned());
                self.complain(format!("the job failed: {reason}"));
            }
            ("RESTARTING" | "FAILING", Some(reason)) => {
                self.complain(format!("the job restarts: {reason}"));
            }
            _ => {}
        }
        if job.missing_slots > 0 {
            self.wait_for(format!(
                "{} slots for the job: raise taskManager.replicas or \
                 taskmanager.numberOfTaskSlots if no more TaskManagers are about to come",
                job.missing_slots
            ));
        }
    }

    pub(super) fn set_job_state(&mut self, state: &str) {
        let status = &mut self.status.job_status;
        if status.state.as_deref() != Some(state) {
            status.state = Some(state.to_owned());
            status.update_time = Some(self.seen.now.to_string());
        }
    }

    /// Returns the state of the job of the present launch, where its JobManager tells it.
    pub(super) fn job_state(&self) -> Option<&str> {
        let RestSeen::Answers { jobs, .. } = &self.seen.rest else { return None };
        let job_id = self.status.job_status.job_id.as_deref()?;
        jobs.iter().find(|job| job.id == job_id).map(|job| job.state.as_str())
    }
}
