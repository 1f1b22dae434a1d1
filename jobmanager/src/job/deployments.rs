//! From tasks that have slots to tasks that are sent to their workers: which workers have to be
//! started first, and what waits for them. Plain data, no I/O.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sciurus_checkpoint::SubtaskRestore;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId, TaskManagerId, WorkerId};

use crate::resource_manager::GrantedSlot;

/// The job's worker on a TaskManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    /// Which registration of the TaskManager it belongs to.
    pub(super) generation: u64,
    /// Where it listens for data; `None` while it starts.
    pub(super) data_address: Option<String>,
}

/// A task and the slot that it runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) slot: GrantedSlot,
    /// What it starts with; without it, it starts anew.
    pub(super) restore: Option<Arc<SubtaskRestore>>,
}

impl Placed {
    fn task_manager(&self) -> &TaskManagerId {
        &self.slot.grant.location.id
    }
}

/// The workers of a job, the tasks that wait for them and those that were sent to them.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    workers: BTreeMap<TaskManagerId, Worker>,
    /// Each waits for all of its workers.
    waiting: Vec<Vec<Placed>>,
    sent: HashMap<ExecutionVertexId, Sent>,
}

/// A task that was sent to its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) attempt: ExecutionAttemptId,
    pub(super) task_manager: TaskManagerId,
    pub(super) generation: u64,
    /// The checkpoint that it is restored from.
    pub(super) restored: Option<CheckpointId>,
}

/// What has become of an attempt that is to be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// It was never sent.
    NeverSent,
    /// Its worker has it.
    At(Sent),
}

impl Deployments {
    /// Adds tasks that are to be deployed together; returns the workers that have to be started.
    pub(super) fn add(&mut self, tasks: Vec<Placed>) -> Vec<(TaskManagerId, Worker)> {
        let mut to_start = Vec::new();
        for task in &tasks {
            let generation = task.slot.generation;
            let known = self.workers.get(task.task_manager());
            if known.is_none_or(|worker| worker.generation != generation) {
                let worker = Worker { id: WorkerId::random(), generation, data_address: None };
                to_start.push((task.task_manager().clone(), worker.clone()));
                self.workers.insert(task.task_manager().clone(), worker);
            }
        }
        if !tasks.is_empty() {
            self.waiting.push(tasks);
        }
        to_start
    }

    /// Notes that a worker can take tasks; says whether it is one that was waited for.
    pub(super) fn worker_started(
        &mut self,
        task_manager: &TaskManagerId,
        id: WorkerId,
        data_address: String,
    ) -> bool {
        match self.workers.get_mut(task_manager) {
            Some(worker) if worker.id == id && worker.data_address.is_none() => {
                worker.data_address = Some(data_address);
                true
            }
            _ => false,
        }
    }

    /// Takes the tasks whose workers are all there, and notes that they are sent.
    pub(super) fn take_ready(&mut self) -> Vec<Vec<Placed>> {
        let workers = &self.workers;
        let is_ready = |task: &Placed| {
            let worker = workers.get(task.task_manager());
            worker.is_some_and(|worker| worker.data_address.is_some())
        };
        let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|tasks| tasks.iter().all(is_ready));
        self.waiting = waiting;
        for task in ready.iter().flatten() {
            let sent = Sent {
                attempt: task.attempt,
                task_manager: task.task_manager().clone(),
                generation: task.slot.generation,
                restored: task.restore.as_ref().map(|restore| restore.checkpoint),
            };
            self.sent.insert(task.attempt.execution_vertex(), sent);
        }
        ready
    }

    /// Gives up an attempt that hasn't been sent, or tells where it is; `None` where it is unknown.
    pub(super) fn cancel(&mut self, attempt: ExecutionAttemptId) -> Option<Cancelled> {
        for tasks in &mut self.waiting {
            let before = tasks.len();
            tasks.retain(|task| task.attempt != attempt);
            if tasks.len() < before {
                self.waiting.retain(|tasks| !tasks.is_empty());
                return Some(Cancelled::NeverSent);
            }
        }
        self.sent(attempt).cloned().map(Cancelled::At)
    }

    /// Returns where an attempt is, if it is the one that counts and was sent.
    pub(super) fn sent(&self, attempt: ExecutionAttemptId) -> Option<&Sent> {
        let sent = self.sent.get(&attempt.execution_vertex())?;
        (sent.attempt == attempt).then_some(sent)
    }

    /// Returns where the current attempt of a subtask is, if it was sent.
    pub(super) fn current(&self, subtask: ExecutionVertexId) -> Option<&Sent> {
        self.sent.get(&subtask)
    }

    /// Notes that an attempt has ended.
    pub(super) fn ended(&mut self, attempt: ExecutionAttemptId) {
        if self.sent(attempt).is_some() {
            self.sent.remove(&attempt.execution_vertex());
        }
    }

    /// Returns the job's worker on a TaskManager.
    pub(super) fn worker(&self, task_manager: &TaskManagerId) -> Option<&Worker> {
        self.workers.get(task_manager)
    }

    /// Returns all workers, those that are still starting included.
    pub(super) fn workers(&self) -> impl Iterator<Item = (&TaskManagerId, &Worker)> {
        self.workers.iter()
    }

    /// Forgets a worker and all tasks that were sent to it or wait for it; says whether there was
    /// one. With an id, only that worker.
    pub(super) fn lose_worker(
        &mut self,
        task_manager: &TaskManagerId,
        id: Option<WorkerId>,
    ) -> bool {
        let worker = self.workers.get(task_manager);
        if worker.is_none_or(|worker| id.is_some_and(|id| worker.id != id)) {
            return false;
        }
        self.workers.remove(task_manager);
        for tasks in &mut self.waiting {
            tasks.retain(|task| task.task_manager() != task_manager);
        }
        self.waiting.retain(|tasks| !tasks.is_empty());
        self.sent.retain(|_, sent| sent.task_manager != *task_manager);
        true
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::{
        AllocationId, AttemptNumber, ExecutionGraphId, JobVertexId, SubtaskIndex,
    };
    use sciurus_job_master::slots::{SharedSlot, SlotGrant, TaskManagerLocation};

    use super::*;

    fn placed(subtask: u32, attempt: u32, task_manager: &str, generation: u64) -> Placed {
        let id = TaskManagerId::new(task_manager);
        Placed {
            attempt: ExecutionAttemptId {
                graph: ExecutionGraphId::from_bytes([1; 16]),
                vertex: JobVertexId::from_bytes([2; 16]),
                subtask: SubtaskIndex(subtask),
                attempt: AttemptNumber(attempt),
            },
            slot: GrantedSlot {
                generation,
                slot: 0,
                grant: SlotGrant {
                    slot: SharedSlot { group: "default".to_owned(), index: subtask },
                    allocation: AllocationId::random(),
                    location: TaskManagerLocation { id, endpoint: task_manager.to_owned() },
                },
            },
            restore: None,
        }
    }

    fn start(deployments: &mut Deployments, workers: &[(TaskManagerId, Worker)]) {
        for (task_manager, worker) in workers {
            let address = format!("{task_manager}:1");
            assert!(deployments.worker_started(task_manager, worker.id, address));
        }
    }

    #[test]
    fn tasks_wait_for_all_of_their_workers_and_workers_start_once() {
        let mut deployments = Deployments::default();
        let tasks = vec![placed(0, 0, "a", 1), placed(1, 0, "a", 1), placed(2, 0, "b", 2)];
        let workers = deployments.add(tasks.clone());
        assert_eq!(workers.len(), 2);
        start(&mut deployments, &workers[..1]);
        assert!(deployments.take_ready().is_empty());
        start(&mut deployments, &workers[1..]);
        assert_eq!(deployments.take_ready(), [tasks]);
        assert!(deployments.take_ready().is_empty());
        assert!(deployments.add(vec![placed(3, 0, "b", 2)]).is_empty(), "it is there");
        assert_eq!(deployments.take_ready().len(), 1);
    }

    #[test]
    fn a_task_manager_that_registered_anew_needs_a_new_worker() {
        let mut deployments = Deployments::default();
        let first = deployments.add(vec![placed(0, 0, "a", 1)]);
        let second = deployments.add(vec![placed(1, 0, "a", 2)]);
        assert_ne!(first[0].1.id, second[0].1.id);
        let id = TaskManagerId::new("a");
        assert!(!deployments.worker_started(&id, first[0].1.id, "a:1".to_owned()), "it is stale");
    }

    #[test]
    fn what_was_never_sent_need_not_be_stopped_anywhere() {
        let mut deployments = Deployments::default();
        let (first, second) = (placed(0, 0, "a", 1), placed(1, 0, "b", 1));
        let workers = deployments.add(vec![first.clone(), second.clone()]);
        assert_eq!(deployments.cancel(second.attempt), Some(Cancelled::NeverSent));
        start(&mut deployments, &workers[..1]);
        assert_eq!(deployments.take_ready(), [vec![first.clone()]]);
        assert!(matches!(deployments.cancel(first.attempt), Some(Cancelled::At(_))));
        deployments.ended(first.attempt);
        assert_eq!(deployments.cancel(first.attempt), None);
    }

    #[test]
    fn a_lost_worker_takes_its_tasks_along() {
        let mut deployments = Deployments::default();
        let workers = deployments.add(vec![placed(0, 0, "a", 1)]);
        start(&mut deployments, &workers);
        deployments.take_ready();
        deployments.add(vec![placed(1, 0, "a", 1), placed(2, 0, "b", 1)]);
        let a = TaskManagerId::new("a");
        assert!(!deployments.lose_worker(&a, Some(WorkerId::random())), "another was meant");
        assert!(deployments.lose_worker(&a, Some(workers[0].1.id)));
        assert!(!deployments.lose_worker(&a, None));
        assert!(deployments.sent(placed(0, 0, "a", 1).attempt).is_none());
        assert_eq!(deployments.waiting.iter().flatten().count(), 1);
    }

    #[test]
    fn old_attempts_do_not_end_new_ones() {
        let mut deployments = Deployments::default();
        let workers = deployments.add(vec![placed(0, 1, "a", 1)]);
        start(&mut deployments, &workers);
        deployments.take_ready();
        deployments.ended(placed(0, 0, "a", 1).attempt);
        assert!(deployments.sent(placed(0, 1, "a", 1).attempt).is_some());
    }
}
