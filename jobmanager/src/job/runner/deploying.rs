//! From tasks that have slots to tasks that run: workers are started first, then told.

use std::time::Duration;

use bytes::Bytes;
use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId};
use sciurus_rpc::convert::{bytes_of, configuration_texts};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message;

use super::Runner;
use crate::job::deployments::{Placed, Worker};
use crate::job::messages::deploy_messages;
use crate::job::timers::Due;
use crate::resource_manager::GrantedSlot;

/// How long a worker may take to end that has no task left and is replaced.
const REPLACED_WORKER_GRACE: Duration = Duration::from_millis(500);

impl Runner {
    /// Sends tasks to their workers, or has the workers started first.
    pub(super) fn deploy(&mut self, tasks: Vec<Placed>) {
        if tasks.is_empty() {
            return;
        }
        for (task_manager, worker) in self.deployments.add(tasks) {
            let message = Message::StartWorker(self.start_worker(&task_manager, &worker));
            // Where the TaskManager is lost an event says so.
            self.services.task_managers.send(&task_manager, worker.generation, message);
            let due = Due::WorkerStarted(task_manager, worker.id);
            self.timers.add(self.services.worker_start_timeout, due);
        }
        self.deploy_what_is_ready();
    }

    pub(super) fn deploy_what_is_ready(&mut self) {
        for tasks in self.deployments.take_ready() {
            let messages = deploy_messages(&self.job.master.lock(), &self.deployments, &tasks);
            for (task_manager, (worker, generation, tasks)) in messages {
                let message = Message::Deploy(proto::Deploy {
                    job_id: self.id_bytes(),
                    worker: bytes_of(worker.to_bytes()),
                    tasks: Some(tasks),
                });
                self.services.task_managers.send(&task_manager, generation, message);
            }
            self.start_readers(&tasks);
            let attempts = tasks.into_iter().map(|task| task.attempt).collect();
            self.timers.add(self.services.worker_start_timeout, Due::Taken(attempts));
        }
    }

    fn start_worker(&self, task_manager: &TaskManagerId, worker: &Worker) -> proto::StartWorker {
        let package = &self.package;
        let is_there = |slot: &&GrantedSlot| slot.grant.location.id == *task_manager;
        proto::StartWorker {
            job_id: self.id_bytes(),
            job_name: self.job.name().to_owned(),
            worker: bytes_of(worker.id.to_bytes()),
            package: Some(proto::Package {
                sha256: Bytes::copy_from_slice(&package.sha256),
                size_bytes: package.size_bytes,
                name: package.name.clone(),
                entry: package.entry.clone(),
            }),
            arguments: package.arguments.clone(),
            configuration: configuration_texts(&self.executable.configuration),
            fingerprint: bytes_of(self.fingerprint.to_bytes()),
            slots: self.grants.values().filter(is_there).count() as u32,
        }
    }

    pub(super) fn cancel_message(&self, attempt: ExecutionAttemptId) -> Message {
        let job_id = self.id_bytes();
        Message::CancelTask(proto::CancelTask { job_id, attempt: Some(attempt.into()) })
    }

    pub(super) fn stop_message(&self, grace: Duration) -> Message {
        let grace_ms = grace.as_millis() as u32;
        Message::StopWorker(proto::StopWorker { job_id: self.id_bytes(), grace_ms })
    }

    /// Ends all workers, as they run another graph than the job has from now on.
    pub(super) fn end_workers(&mut self) {
        let workers: Vec<_> = self
            .deployments
            .workers()
            .map(|(task_manager, worker)| (task_manager.clone(), worker.generation))
            .collect();
        for (task_manager, generation) in workers {
            let message = self.stop_message(REPLACED_WORKER_GRACE);
            self.services.task_managers.send(&task_manager, generation, message);
            self.deployments.lose_worker(&task_manager, None);
            self.job.metrics.forget_worker(&task_manager);
        }
    }
}
