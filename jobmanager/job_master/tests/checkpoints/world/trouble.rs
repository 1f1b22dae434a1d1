//! What goes wrong, and what users want.

use std::collections::BTreeMap;
use std::sync::Arc;

use sciurus_core::checkpoint::{CheckpointId, Ending, SavepointFormat, SnapshotKind};
use sciurus_core::ids::{ExecutionAttemptId, TaskManagerId};
use sciurus_job_master::checkpoint_coordinator::{CompleteCheckpoint, InitialState, RequestId};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_job_master::rescale::ParallelismBounds;
use sciurus_job_master::{Event, ExecutionState, JobStatus};

use super::{Report, Wish, World};

impl World {
    pub fn make_trouble(&mut self) {
        match self.random.u8(..40) {
            0..=7 => self.fail_some_task(),
            8..=10 => self.lose_task_manager(),
            11..=12 => self.lose_worker(),
            13 => self.add_task_manager(),
            14..=17 => self.restart_job_manager(),
            18..=22 => {
                let format = *self
                    .random
                    .choice(&[SavepointFormat::Canonical, SavepointFormat::Native])
                    .unwrap();
                self.wish(SnapshotKind::Savepoint { format, ending: None }, Wish::Snapshot);
            }
            23 => self.wish(SnapshotKind::Checkpoint, Wish::Snapshot),
            24 => self.wish(SnapshotKind::FullCheckpoint, Wish::Snapshot),
            25..=28 => {
                let ending = *self.random.choice(&[Ending::Drain, Ending::Suspend]).unwrap();
                let format = SavepointFormat::Canonical;
                let kind = SnapshotKind::Savepoint { format, ending: Some(ending) };
                self.wish(kind, Wish::Stop);
            }
            29..=33 => self.rescale(),
            34 => self.make_unreadable(),
            35 => self.tell(Event::GlobalFailure(cause("global"))),
            36 if self.random.u8(..8) == 0 => {
                self.was_cancelled = true;
                self.tell(Event::CancelRequested);
            }
            _ => self.let_zombies_end(),
        }
    }

    fn fail_some_task(&mut self) {
        let attempts: Vec<_> = self.tasks.keys().copied().collect();
        let Some(attempt) = self.random.choice(attempts) else { return };
        self.end_task(attempt);
        self.report(attempt, Report::State(ExecutionState::Failed, Some(cause("failed"))));
    }

    /// Ends a task, which may have written something that it doesn't tell of any more.
    fn end_task(&mut self, attempt: ExecutionAttemptId) {
        let Some(task) = self.tasks.remove(&attempt) else { return };
        if let (true, Some(write)) = (self.random.bool(), task.writes.front()) {
            self.write(attempt, write, task.role);
        }
        self.channels.retain(|(_, to), _| *to != attempt);
    }

    fn lose_task_manager(&mut self) {
        let ids: Vec<_> = self.slots.keys().cloned().collect();
        let id = self.random.choice(ids).expect("there are some");
        self.slots.remove(&id);
        self.given.retain(|_, grant| grant.location.id != id);
        self.lose_tasks_of(&id);
        let cause = cause("TaskManagerLost");
        self.tell(Event::TaskManagerLost { task_manager: id, cause });
        self.add_task_manager();
    }

    fn lose_worker(&mut self) {
        let ids: Vec<_> = self.slots.keys().cloned().collect();
        let task_manager = self.random.choice(ids).expect("there are some");
        self.lose_tasks_of(&task_manager);
        self.tell(Event::WorkerLost { task_manager, cause: cause("WorkerLost") });
    }

    fn lose_tasks_of(&mut self, id: &TaskManagerId) {
        let lost = self.tasks.iter().filter(|(_, task)| task.task_manager == *id);
        let lost: Vec<_> = lost.map(|(attempt, _)| *attempt).collect();
        for attempt in lost {
            if self.random.bool() {
                self.end_task(attempt);
            } else if let Some(task) = self.tasks.get_mut(&attempt) {
                task.is_zombie = true;
            }
        }
    }

    fn let_zombies_end(&mut self) {
        let zombies = self.tasks.iter().filter(|(_, task)| task.is_zombie);
        let zombies: Vec<_> = zombies.map(|(attempt, _)| *attempt).collect();
        for attempt in zombies {
            self.end_task(attempt);
        }
    }

    pub fn add_task_manager(&mut self) {
        self.task_managers_so_far += 1;
        let id = TaskManagerId::new(format!("tm-{}", self.task_managers_so_far));
        let slots = self.random.u32(1..=2);
        self.slots.insert(id, slots);
        while self.slots.values().sum::<u32>() < 4 {
            self.add_task_manager();
        }
        self.tell_free_slots();
    }

    /// Kills the JobManager; another one goes on from what it finds.
    fn restart_job_manager(&mut self) {
        for task in self.tasks.values_mut() {
            task.is_zombie = true;
        }
        self.operations.clear();
        self.stage = 0;
        self.is_leaky = true;
        self.start_savepoint = None;
        let pointers = self.storage.pointers.clone();
        let mut checkpoints = Vec::new();
        for (id, pointer) in &pointers {
            let metadata = Arc::new(self.storage.metadata[&*pointer.url].clone());
            assert_eq!(metadata.id, *id);
            checkpoints.push(CompleteCheckpoint { pointer: pointer.clone(), metadata });
        }
        if checkpoints.is_empty() {
            // It starts as it did at first.
            return self.start_anew();
        }
        let last_checkpoint = pointers.keys().copied().max().unwrap_or_default();
        let savepoint = self.first_savepoint.clone();
        let others = Vec::new();
        let initial = InitialState { checkpoints, savepoint, last_checkpoint, others };
        self.saw("JobManager restarted");
        self.restart_master(initial);
    }

    fn start_anew(&mut self) {
        let others = self.first_savepoint.clone();
        let initial = InitialState { savepoint: others, ..InitialState::default() };
        self.restart_master(initial);
    }

    fn wish(&mut self, kind: SnapshotKind, wish: Wish) {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.wishes.insert(request, wish);
        self.tell(Event::SnapshotRequested { request, kind, target: None });
    }

    fn rescale(&mut self) {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.wishes.insert(request, Wish::Rescale);
        let mut parallelism = BTreeMap::new();
        let same = self.random.u32(1..=4);
        for vertex in &self.graph.vertices {
            let upper = if self.is_counted { self.random.u32(1..=4) } else { same };
            let lower = self.random.u32(1..=2).min(upper);
            parallelism.insert(vertex.id, ParallelismBounds { lower, upper });
        }
        self.tell(Event::RescaleRequested { request, parallelism });
    }

    /// Damages the latest checkpoint where there is an older one.
    fn make_unreadable(&mut self) {
        let mut ids: Vec<CheckpointId> = self.storage.pointers.keys().copied().collect();
        ids.retain(|id| !self.unreadable.contains(id));
        if ids.len() < 2 || self.status != JobStatus::Running {
            return;
        }
        self.unreadable.extend(ids.last());
        self.is_lossy = true;
        self.saw("unreadable");
    }
}

pub fn cause(kind: &str) -> FailureCause {
    FailureCause::new(Fault::Environment, kind, "simulated")
}
