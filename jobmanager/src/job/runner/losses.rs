//! What ends without having been told to, and what doesn't end though it was told to.

use std::collections::BTreeMap;

use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId, WorkerId};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_job_master::{Event, ExecutionState};

use super::Runner;

impl Runner {
    pub(super) fn lose_task_manager(&mut self, task_manager: &TaskManagerId, cause: FailureCause) {
        self.deployments.lose_worker(task_manager, None);
        self.grants.retain(|_, slot| slot.grant.location.id != *task_manager);
        self.job.metrics.forget_worker(task_manager);
        self.tell(Event::TaskManagerLost { task_manager: task_manager.clone(), cause });
    }

    /// Gives up a worker, or all that the job has on a TaskManager. Its slots stay the job's.
    pub(super) fn lose_worker(
        &mut self,
        task_manager: &TaskManagerId,
        worker: Option<WorkerId>,
        mut cause: FailureCause,
    ) {
        // News of a worker that was given up before changes nothing.
        if !self.deployments.lose_worker(task_manager, worker) {
            return;
        }
        cause.message =
            format!("the job's worker on TaskManager {task_manager} is gone: {}", cause.message);
        self.job.metrics.forget_worker(task_manager);
        self.tell(Event::WorkerLost { task_manager: task_manager.clone(), cause });
    }

    /// Gives up a worker that should have started by now.
    pub(super) fn give_up_start(&mut self, task_manager: &TaskManagerId, id: WorkerId) {
        let worker = self.deployments.worker(task_manager);
        let Some(worker) = worker.filter(|w| w.id == id && w.data_address.is_none()) else {
            return;
        };
        let stop = self.stop_message(std::time::Duration::ZERO);
        self.services.task_managers.send(task_manager, worker.generation, stop);
        let waited = self.services.worker_start_timeout;
        let cause = FailureCause::new(
            Fault::Environment,
            "WorkerStartTimeout",
            format!("it has not started within {waited:?} (sciurus.jobmanager.worker-timeout)"),
        );
        self.lose_worker(task_manager, Some(id), cause);
    }

    /// Ends the workers of tasks that should have been cancelled by now.
    pub(super) fn end_what_does_not_stop(&mut self, attempts: &[ExecutionAttemptId]) {
        let waited = self.services.task_cancellation_timeout;
        self.end_by_force(attempts, ExecutionState::Canceling, |task| {
            FailureCause::new(
                Fault::User,
                "TaskCancellationTimeout",
                format!(
                    "it was ended by force, because the task {task} had not stopped {waited:?} \
                     after it was told to (task.cancellation.timeout)"
                ),
            )
        });
    }

    /// Ends the workers of tasks of which nothing was heard since they were deployed.
    pub(super) fn end_what_does_not_start(&mut self, attempts: &[ExecutionAttemptId]) {
        let waited = self.services.worker_start_timeout;
        self.end_by_force(attempts, ExecutionState::Deploying, |task| {
            FailureCause::new(
                Fault::Environment,
                "DeploymentTimeout",
                format!(
                    "it was ended by force, because it had not taken the task {task} within \
                     {waited:?} (sciurus.jobmanager.worker-timeout)"
                ),
            )
        });
    }

    /// Ends the workers of those attempts that are still in a state.
    fn end_by_force(
        &mut self,
        attempts: &[ExecutionAttemptId],
        state: ExecutionState,
        describe: impl Fn(&str) -> FailureCause,
    ) {
        let mut stuck: BTreeMap<TaskManagerId, String> = BTreeMap::new();
        {
            let master = self.job.master.lock();
            let executions = master.execution_graph();
            for attempt in attempts {
                let is_stuck = executions.execution(*attempt).is_some_and(|e| e.state() == state);
                if let (true, Some(sent)) = (is_stuck, self.deployments.sent(*attempt)) {
                    let name = executions.task_name(*attempt).unwrap_or_default();
                    stuck.entry(sent.task_manager.clone()).or_insert(name);
                }
            }
        }
        for (task_manager, task) in stuck {
            if let Some(worker) = self.deployments.worker(&task_manager) {
                let stop = self.stop_message(std::time::Duration::ZERO);
                self.services.task_managers.send(&task_manager, worker.generation, stop);
            }
            self.lose_worker(&task_manager, None, describe(&task));
        }
    }
}
