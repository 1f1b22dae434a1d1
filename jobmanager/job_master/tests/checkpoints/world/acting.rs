//! What the master wants done, and how it hears of what happens.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sciurus_checkpoint::{CheckpointMetadata, CheckpointPointer};
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{AllocationId, ExecutionVertexId, OperatorId, TaskManagerId};
use sciurus_job_master::checkpoint_coordinator::RequestOutcome;
use sciurus_job_master::slots::{SlotGrant, TaskManagerLocation};
use sciurus_job_master::{Action, Event, ExecutionState, JobStatus, State, Timer};

use super::{FromEnumerator, Report, Wish, World, role};
use crate::storage::Operation;
use crate::task::{Mail, Task};

impl World {
    /// Tells the master of an event and does what it wants.
    pub fn tell(&mut self, event: Event) {
        if self.is_traced {
            println!("{} {event:?}", self.now);
        }
        let actions = self.master.handle(event, self.now);
        for action in actions {
            if self.is_traced {
                println!("  {action:?}");
            }
            self.act(action);
        }
        self.check();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::RequestSlots(slots) => self.requested.extend(slots),
            Action::WithdrawSlotRequests(slots) => {
                for slot in slots {
                    assert!(self.requested.remove(&slot), "only a request is withdrawn");
                }
            }
            Action::ReleaseSlots(allocations) => {
                for allocation in allocations {
                    assert!(self.given.remove(&allocation).is_some(), "it was given");
                }
            }
            Action::Deploy { attempt, slot, restore } => {
                assert!(self.given.contains_key(&slot.allocation), "the slot is the job's");
                let runs = |other: &(&_, &Task)| !other.1.is_zombie;
                let same = |other: &(&sciurus_core::ids::ExecutionAttemptId, &Task)| {
                    other.0.execution_vertex() == attempt.execution_vertex()
                };
                assert!(!self.tasks.iter().filter(runs).any(|other| same(&other)), "two at a time");
                let role = role(self.master.graph(), attempt.vertex);
                let mut task = Task::new(role, slot.location.id, restore);
                self.connect(attempt, &mut task);
                self.tasks.insert(attempt, task);
            }
            Action::CancelTask { attempt } => match self.tasks.get_mut(&attempt) {
                Some(task) => task.is_told_to_stop = true,
                None if self.reports.contains_key(&attempt) => {}
                None => self.report(attempt, Report::State(ExecutionState::Canceled, None)),
            },
            Action::StartTimer { timer, delay } => {
                self.timers.push((self.now + delay.as_millis() as i64, timer));
            }
            Action::ReportStatus(status) => {
                assert!(self.status.may_become(status), "{} to {status}", self.status);
                self.status = status;
            }
            Action::JobReachedTerminal { status, .. } => {
                assert_eq!(self.end.replace(status), None, "a job ends once");
            }
            Action::SnapshotSources { checkpoint } => {
                let result = if self.trouble > 0 && self.random.u8(..100) == 0 {
                    Err("no answer".to_owned())
                } else {
                    self.enumerator.latest_snapshot = checkpoint;
                    let left = self.enumerator.left.iter().flat_map(|s| s.to_le_bytes());
                    Ok(BTreeMap::from([(self.source(), left.collect::<Vec<u8>>().into())]))
                };
                self.pipe.push_back(FromEnumerator::Snapshot(checkpoint, result));
            }
            Action::TriggerCheckpoint { attempt, barrier } => {
                self.mail(attempt, Mail::Checkpoint(barrier));
            }
            Action::NotifyComplete { attempts, checkpoint } => {
                for attempt in attempts {
                    self.mail(attempt, Mail::Complete(checkpoint));
                }
            }
            Action::NotifyAborted { attempts, checkpoint } => {
                for attempt in attempts {
                    self.mail(attempt, Mail::Aborted(checkpoint));
                }
            }
            Action::RestoreSources { checkpoint, readers, states } => {
                self.restore_enumerator(checkpoint, &readers, &states);
            }
            Action::RequestDone { request, result } => {
                let wish = self.wishes.remove(&request).expect("it was asked for, and is open");
                if let Err(failure) = &result
                    && let Some((_, rest)) = failure.message.split_once("has been created at: ")
                    && let Some((path, _)) = rest.split_once(',')
                {
                    self.savepoints.insert(path.to_owned());
                }
                if let Ok(RequestOutcome::Snapshot { path, .. }) = result {
                    if path.starts_with("mem:///savepoints") {
                        self.savepoints.insert(path.clone());
                        self.saw("savepoint");
                    }
                    if matches!(wish, Wish::Stop) {
                        assert!(self.master.execution_graph().is_all_finished());
                        self.start_savepoint = Some((path, self.random.bool()));
                    }
                }
            }
            Action::ChangeGraph { overrides } => {
                let runs = self.tasks.values().any(|task| !task.is_zombie);
                assert!(!runs, "a task runs while the graph is changed");
                let mut graph = self.graph.clone();
                graph.override_parallelism(&overrides).expect("it is legal");
                assert_eq!(graph.fingerprint(), self.master.graph().fingerprint());
                self.saw("rescaled");
            }
            action => self.act_on_storage(action),
        }
    }

    fn act_on_storage(&mut self, action: Action) {
        match action {
            Action::WriteCheckpoint(metadata) => {
                self.operations.push_back(Operation::Write(metadata));
            }
            Action::DeleteCheckpoint { checkpoint, pointer, shared } => {
                let folder = pointer.url;
                assert!(!self.savepoints.contains(&*folder), "{folder} is a user's");
                self.operations.push_back(Operation::Delete { checkpoint, folder, shared });
            }
            Action::ForgetCheckpoint { checkpoint } => {
                self.operations.push_back(Operation::Forget(checkpoint));
            }
            Action::DiscardCheckpoint { checkpoint, exclusive } => {
                assert!(!self.savepoints.contains(&exclusive), "{exclusive} is a user's");
                let (folder, shared) = (exclusive.into(), Vec::new());
                self.operations.push_back(Operation::Delete { checkpoint, folder, shared });
            }
            Action::DiscardFiles(files) => {
                self.saw("late files");
                self.operations.push_back(Operation::Discard(files));
            }
            Action::DeleteLeftovers { retained, .. } => {
                self.operations.push_back(Operation::Leftovers(retained));
            }
            action => panic!("{action:?} is nothing for storage"),
        }
    }

    fn source(&self) -> OperatorId {
        self.graph.vertices[0].operators[0].operator_id
    }

    fn mail(&mut self, attempt: sciurus_core::ids::ExecutionAttemptId, mail: Mail) {
        if let Some(task) = self.tasks.get_mut(&attempt)
            && !task.is_zombie
        {
            task.mail.push_back(mail);
        }
    }

    fn restore_enumerator(
        &mut self,
        checkpoint: Option<CheckpointId>,
        readers: &BTreeSet<ExecutionVertexId>,
        states: &BTreeMap<OperatorId, Bytes>,
    ) {
        let parallelism = self.master.graph().vertices[0].parallelism;
        if readers.len() == parallelism as usize {
            let left = match (checkpoint, states.get(&self.source())) {
                (Some(_), Some(state)) => Task::decode(state).into(),
                (Some(_), None) => panic!("the enumerator has no state"),
                (None, _) => (0..self.splits).collect(),
            };
            let latest_snapshot = checkpoint.unwrap_or_default();
            self.enumerator = super::Enumerator { left, given: Vec::new(), latest_snapshot };
            return;
        }
        let is_reader = |subtask: u32| readers.iter().any(|r| r.subtask.0 == subtask);
        let since = checkpoint.unwrap_or_default();
        let (back, given): (Vec<_>, Vec<_>) = std::mem::take(&mut self.enumerator.given)
            .into_iter()
            .partition(|(reader, _, after)| is_reader(*reader) && *after >= since);
        self.enumerator.given = given;
        self.enumerator.left.extend(back.into_iter().map(|(_, split, _)| split));
    }

    pub fn deliver_from_enumerator(&mut self) {
        match self.pipe.pop_front() {
            Some(FromEnumerator::Snapshot(checkpoint, result)) => {
                self.tell(Event::SourcesSnapshotted { checkpoint, result });
            }
            Some(FromEnumerator::Split(attempt, split)) => self.mail(attempt, Mail::Split(split)),
            None => {}
        }
    }

    pub fn deliver_report(&mut self) {
        let waiting: Vec<_> = self.reports.keys().copied().collect();
        let Some(attempt) = self.random.choice(waiting) else { return };
        let Some(queue) = self.reports.get_mut(&attempt) else { return };
        let report = queue.pop_front().expect("empty queues are removed");
        if queue.is_empty() {
            self.reports.remove(&attempt);
        }
        if self.random.u8(..10) == 0 {
            self.old_reports.push((attempt, report.clone()));
        }
        self.tell_report(attempt, report);
    }

    /// Delivers a report again.
    pub fn repeat_old_news(&mut self) {
        if let Some((attempt, report)) = self.random.choice(self.old_reports.clone())
            && !matches!(report, Report::NeedsSplit)
            && (matches!(report, Report::Ack(..))
                || !self.tasks.contains_key(&attempt) && !self.reports.contains_key(&attempt))
        {
            self.tell_report(attempt, report);
        }
    }

    fn tell_report(&mut self, attempt: sciurus_core::ids::ExecutionAttemptId, report: Report) {
        match report {
            Report::State(state, failure) => {
                self.tell(Event::TaskStateChanged { attempt, state, failure });
            }
            Report::Ack(checkpoint, acknowledgement) => {
                let event = Event::CheckpointAcknowledged { attempt, checkpoint, acknowledgement };
                self.tell(event);
            }
            Report::Decline(checkpoint) => {
                let reason = "declined".to_owned();
                self.tell(Event::CheckpointDeclined { attempt, checkpoint, reason });
            }
            Report::EndOfData => self.tell(Event::EndOfData(attempt)),
            Report::NeedsSplit => {
                let executions = self.master.execution_graph();
                let is_current = executions.subtasks().iter().any(|s| s.current().id() == attempt);
                if is_current && self.tasks.get(&attempt).is_some_and(|task| !task.is_zombie) {
                    let split = self.enumerator.left.pop_front();
                    if let Some(split) = split {
                        let after = self.enumerator.latest_snapshot;
                        self.enumerator.given.push((attempt.subtask.0, split, after));
                    }
                    self.pipe.push_back(FromEnumerator::Split(attempt, split));
                }
            }
            Report::Unreadable(checkpoint) => {
                let reason = "a file is damaged".to_owned();
                self.tell(Event::RestoreFailed { checkpoint, reason });
            }
        }
    }

    pub fn free_slots(&self) -> u32 {
        let total: u32 = self.slots.values().sum();
        total.saturating_sub(self.given.len() as u32)
    }

    pub fn tell_free_slots(&mut self) {
        let free = self.free_slots();
        self.tell(Event::SlotsAvailable(free));
    }

    pub fn give_slots(&mut self) {
        let mut grants = Vec::new();
        for slot in self.requested.clone() {
            let used = |id: &TaskManagerId| {
                self.given.values().filter(|grant| grant.location.id == *id).count() as u32
            };
            let free = self.slots.iter().filter(|(id, slots)| used(id) < **slots);
            let free: Vec<TaskManagerId> = free.map(|(id, _)| id.clone()).collect();
            let Some(id) = self.random.choice(free) else { break };
            self.requested.remove(&slot);
            let location = TaskManagerLocation { endpoint: id.to_string(), id };
            let allocation = AllocationId::from_bytes(self.random.u128(..).to_be_bytes());
            let grant = SlotGrant { slot, allocation, location };
            self.given.insert(allocation, grant.clone());
            grants.push(grant);
        }
        if !grants.is_empty() {
            self.tell(Event::SlotsGranted(grants));
        }
        self.tell_free_slots();
    }

    pub fn fire_timer(&mut self) {
        let next = (0..self.timers.len()).min_by_key(|&place| self.timers[place].0);
        let Some(next) = next else { return };
        let (at, timer) = self.timers[next];
        // Time jumps to what nothing else can bring about.
        let may_jump = matches!(timer, Timer::Restart(_) | Timer::Resources(_))
            || matches!(timer, Timer::Checkpoint(_)) && self.random.u8(..4) == 0
            || self.trouble > 0 && self.random.u8(..40) == 0;
        if at > self.now && !may_jump {
            return;
        }
        self.now = self.now.max(at);
        self.timers.remove(next);
        self.tell(Event::TimerFired(timer));
    }

    /// Does the next step of what is to be done in storage.
    pub fn work_on_storage(&mut self) {
        let Some(operation) = self.operations.pop_front() else { return };
        self.stage += 1;
        match operation {
            Operation::Write(metadata) => self.write_metadata(metadata),
            Operation::Delete { checkpoint, folder, shared } => {
                match self.stage {
                    1 => {
                        let is_it = |pointer: &CheckpointPointer| pointer.url == folder;
                        if self.storage.pointers.get(&checkpoint).is_some_and(is_it) {
                            self.storage.pointers.remove(&checkpoint);
                        }
                    }
                    2 => drop(self.storage.metadata.remove(&*folder)),
                    3 => self.storage.delete_folder(&folder),
                    _ => {
                        for file in shared {
                            self.storage.files.remove(&file.url);
                        }
                        self.stage = 0;
                        return;
                    }
                }
                self.operations.push_front(Operation::Delete { checkpoint, folder, shared });
            }
            Operation::Forget(checkpoint) => {
                self.storage.pointers.remove(&checkpoint);
                self.stage = 0;
            }
            Operation::Discard(files) => {
                for url in files {
                    self.storage.files.remove(&url);
                }
                self.stage = 0;
            }
            Operation::Leftovers(retained) => {
                let folder = self.job_folder();
                self.storage.delete_leftovers(&folder, &retained);
                self.stage = 0;
            }
        }
        self.check();
    }

    fn write_metadata(&mut self, metadata: Box<CheckpointMetadata>) {
        let (id, folder) = (metadata.id, metadata.exclusive.clone());
        let fails = self.trouble > 0 && self.random.u8(..40) == 0;
        if !fails && self.stage == 1 {
            self.storage.metadata.insert(folder, (*metadata).clone());
            self.operations.push_front(Operation::Write(metadata));
            return;
        }
        let pointer = CheckpointPointer { url: folder.as_str().into(), metadata_bytes: 1 };
        let result = if fails {
            Err("the disk is full".to_owned())
        } else {
            if !metadata.kind.is_savepoint() || metadata.kind.ending().is_some() {
                self.storage.pointers.insert(id, pointer.clone());
            }
            Ok(pointer)
        };
        self.stage = 0;
        self.tell(Event::CheckpointWritten { checkpoint: id, result });
    }

    pub fn finish_operations(&mut self) {
        while !self.operations.is_empty() {
            self.work_on_storage();
        }
    }

    /// Checks what must hold between any two events.
    fn check(&self) {
        assert_eq!(self.status, self.master.status());
        for pointer in self.storage.pointers.values() {
            self.storage.check(&pointer.url);
        }
        for path in &self.savepoints {
            self.storage.check(path);
        }
        if self.status == JobStatus::Running {
            assert_eq!(self.master.slot_shortage(), None, "a running job lacks nothing");
        }
    }

    pub fn lose_all_tasks(&mut self) {
        self.tasks.clear();
        self.channels.clear();
        self.reports.clear();
        self.old_reports.clear();
    }
}
