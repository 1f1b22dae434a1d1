//! What tasks do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use sciurus_checkpoint::{
    KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState, StateData, SubtaskState,
    TaskAcknowledgement, TaskCheckpointMetrics,
};
use sciurus_core::checkpoint::{CheckpointBarrier, Ending, SnapshotKind};
use sciurus_core::ids::{ExecutionAttemptId, OperatorId};
use sciurus_core::key::KeyGroupRange;
use sciurus_job_master::ExecutionState;

use super::{KEYS, MAX_PARALLELISM, Report, World};
use crate::task::{Element, Input, Mail, Role, Task, Transaction, Write, transactions};

const QUEUE: usize = 8;

/// Returns whether a key belongs to a subtask.
fn owns(range: KeyGroupRange, key: u32) -> bool {
    let group = key * MAX_PARALLELISM / KEYS;
    range.start <= group && group < range.end
}

impl World {
    /// Lets a task do something.
    pub fn run_some_task(&mut self) {
        let attempts: Vec<_> = self.tasks.keys().copied().collect();
        let Some(attempt) = self.random.choice(attempts) else { return };
        let mut task = self.tasks.remove(&attempt).expect("it is there");
        let runs_on = self.run_task(attempt, &mut task);
        if runs_on {
            self.tasks.insert(attempt, task);
        } else {
            self.channels.retain(|(_, to), _| *to != attempt);
        }
    }

    pub fn report(&mut self, attempt: ExecutionAttemptId, report: Report) {
        self.reports.entry(attempt).or_default().push_back(report);
    }

    /// Lets a task do something; says whether it runs on.
    fn run_task(&mut self, attempt: ExecutionAttemptId, task: &mut Task) -> bool {
        if task.is_told_to_stop {
            // What it was writing may have become a file nevertheless.
            if self.random.u8(..4) == 0
                && let Some(write) = task.writes.pop_front()
            {
                self.write(attempt, &write, task.role);
            }
            self.report(attempt, Report::State(ExecutionState::Canceled, None));
            return false;
        }
        match task.state {
            ExecutionState::Deploying => {
                task.state = ExecutionState::Initializing;
                self.report(attempt, Report::State(task.state, None));
            }
            ExecutionState::Initializing => {
                if !self.open(attempt, task) {
                    return false;
                }
                task.state = ExecutionState::Running;
                self.report(attempt, Report::State(task.state, None));
            }
            _ => return self.work(attempt, task),
        }
        true
    }

    /// Restores a task; says whether that worked.
    fn open(&mut self, attempt: ExecutionAttemptId, task: &mut Task) -> bool {
        let Some(restore) = task.restore.clone() else { return true };
        if self.unreadable.contains(&restore.checkpoint) {
            self.report(attempt, Report::Unreadable(restore.checkpoint));
            let cause = super::trouble::cause("unreadable");
            self.report(attempt, Report::State(ExecutionState::Failed, Some(cause)));
            return false;
        }
        task.last_barrier = restore.checkpoint;
        let range = self.range_of(attempt);
        for operator in restore.operators.values() {
            for handle in &operator.keyed {
                let numbers = self.read(match handle {
                    KeyedStateHandle::Snapshot { data, .. } => data,
                    KeyedStateHandle::Incremental { metadata, .. } => metadata,
                });
                for pair in numbers.chunks_exact(2).filter(|pair| owns(range, pair[0])) {
                    let before = task.counts.insert(pair[0], pair[1]);
                    assert_eq!(before, None, "two subtasks have key {}", pair[0]);
                }
                if let KeyedStateHandle::Incremental { shared, .. } = handle {
                    for (name, file) in shared {
                        let is_there = self.storage.files.contains_key(&file.url);
                        assert!(is_there || task.is_zombie, "{} is gone", file.url);
                        task.base.insert(name.clone(), file.clone());
                        task.live_files.insert(name.clone());
                    }
                }
            }
            let parallelism = self.parallelism_of(attempt);
            for (old, handle) in &operator.operator {
                let is_own = *old % parallelism == attempt.subtask.0;
                let numbers = self.read(&handle.data);
                match task.role {
                    Role::Source => {
                        let splits = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                        task.splits.extend(splits.filter(|_| is_own));
                    }
                    Role::Counter => {}
                    // What is in a complete checkpoint is committed, maybe once more.
                    Role::Sink => {
                        for transaction in transactions(&numbers) {
                            self.commit(transaction);
                        }
                    }
                }
            }
        }
        if restore.is_finished {
            self.end_data(attempt, task);
        }
        true
    }

    fn read(&self, data: &StateData) -> Vec<u32> {
        match data {
            StateData::Inline(bytes) => Task::decode(bytes),
            StateData::File(file) => {
                let bytes = self.storage.files.get(&file.url);
                Task::decode(bytes.unwrap_or_else(|| panic!("{} is gone", file.url)))
            }
        }
    }

    fn commit(&mut self, transaction: Transaction) {
        self.committed.insert(transaction.id, transaction.records);
    }

    fn parallelism_of(&self, attempt: ExecutionAttemptId) -> u32 {
        let graph = self.master.graph();
        graph.vertex(attempt.vertex).map_or(1, |vertex| vertex.parallelism)
    }

    fn range_of(&self, attempt: ExecutionAttemptId) -> KeyGroupRange {
        let parallelism = self.parallelism_of(attempt);
        let index = attempt.subtask.0.min(parallelism - 1);
        KeyGroupRange::of_subtask(index, parallelism, MAX_PARALLELISM)
    }

    fn work(&mut self, attempt: ExecutionAttemptId, task: &mut Task) -> bool {
        if self.random.u8(..3) == 0
            && let Some(write) = task.writes.pop_front()
        {
            let id = write.barrier.id;
            if self.trouble > 0 && self.random.u8(..60) == 0 {
                self.report(attempt, Report::Decline(id));
            } else {
                let acknowledgement = self.write(attempt, &write, task.role);
                self.report(attempt, Report::Ack(id, Box::new(acknowledgement)));
            }
            return true;
        }
        if let Some(mail) = task.mail.pop_front() {
            return self.take_mail(attempt, task, mail);
        }
        if task.frozen.is_some() {
            return true;
        }
        match task.role {
            Role::Source => self.read_source(attempt, task),
            Role::Counter | Role::Sink => self.read_input(attempt, task),
        }
        true
    }

    fn take_mail(&mut self, attempt: ExecutionAttemptId, task: &mut Task, mail: Mail) -> bool {
        match mail {
            Mail::Checkpoint(barrier) => {
                if barrier.id > task.last_barrier {
                    task.triggered = Some(barrier);
                    self.begin_triggered(attempt, task);
                }
            }
            Mail::Complete(id) => {
                let (complete, pending): (Vec<_>, Vec<_>) =
                    task.prepared.drain(..).partition(|(checkpoint, _)| *checkpoint <= id);
                task.prepared = pending;
                for (_, transaction) in complete {
                    self.commit(transaction);
                }
                if let Some(mut files) = task.uploaded.remove(&id) {
                    for file in files.values_mut() {
                        file.bytes = 1;
                    }
                    task.base = files;
                }
                task.uploaded.retain(|checkpoint, _| *checkpoint > id);
                let is_stopped = task.frozen.as_ref().is_some_and(|barrier| barrier.id == id);
                if is_stopped || task.after_end.contains(&id) {
                    self.send_to_all(attempt, task, &Element::Close);
                    self.report(attempt, Report::State(ExecutionState::Finished, None));
                    return false;
                }
            }
            Mail::Aborted(id) => {
                if task.aligning.as_ref().is_some_and(|(barrier, _)| barrier.id == id) {
                    task.aligning = None;
                }
                if task.triggered.as_ref().is_some_and(|barrier| barrier.id == id) {
                    task.triggered = None;
                }
                task.last_barrier = task.last_barrier.max(id);
                if let Some(barrier) = task.frozen.take_if(|barrier| barrier.id == id)
                    && barrier.kind.ending() == Some(Ending::Drain)
                {
                    // It has told others that nothing follows.
                    let cause = super::trouble::cause("drained in vain");
                    self.report(attempt, Report::State(ExecutionState::Failed, Some(cause)));
                    return false;
                }
            }
            Mail::Split(Some(split)) => {
                task.has_asked = false;
                task.splits.push((split, 0));
            }
            Mail::Split(None) => task.no_more_splits = true,
        }
        true
    }

    fn has_room(&self, attempt: ExecutionAttemptId, task: &Task) -> bool {
        task.outputs.iter().all(|to| {
            let queue = self.channels.get(&(attempt, *to));
            queue.is_none_or(|queue| queue.len() < QUEUE)
        })
    }

    fn read_source(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        if task.has_ended || !self.has_room(attempt, task) {
            return;
        }
        let records = self.records;
        let Some((split, position)) = task.splits.first_mut() else {
            if task.no_more_splits {
                self.end_data(attempt, task);
            } else if !task.has_asked {
                task.has_asked = true;
                self.report(attempt, Report::NeedsSplit);
            }
            return;
        };
        let record = *split * records + *position;
        *position += 1;
        if *position == records {
            task.splits.remove(0);
        }
        self.send(attempt, task, record, 0);
    }

    fn send(&mut self, attempt: ExecutionAttemptId, task: &Task, record: u32, count: u32) {
        let width = task.outputs.len() as u32;
        let target = task.outputs.iter().copied().find(|to| {
            let vertex = self.master.graph().vertex(to.vertex);
            if !vertex.is_some_and(|vertex| vertex.operators[0].keyed) {
                return to.subtask.0 % width == record % width || width == 1;
            }
            owns(self.range_of(*to), record % KEYS)
        });
        // With pointwise edges the neighbours needn't have each remainder.
        let target = target.or_else(|| task.outputs.first().copied());
        if let Some(to) = target {
            let queue = self.channels.entry((attempt, to)).or_default();
            queue.push_back(Element::Record(record, count));
        }
    }

    fn send_to_all(&mut self, attempt: ExecutionAttemptId, task: &Task, element: &Element) {
        for to in &task.outputs {
            self.channels.entry((attempt, *to)).or_default().push_back(element.clone());
        }
    }

    fn end_data(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        if !task.has_ended {
            task.has_ended = true;
            self.send_to_all(attempt, task, &Element::End);
            self.report(attempt, Report::EndOfData);
        }
    }

    fn read_input(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        if !self.has_room(attempt, task) {
            return;
        }
        let blocked = task.aligning.as_ref().map(|(_, channels)| channels.clone());
        let blocked = blocked.unwrap_or_default();
        let ready: Vec<usize> = (0..task.inputs.len())
            .filter(|place| !blocked.contains(place))
            .filter(|place| {
                let key = (task.inputs[*place].from, attempt);
                self.channels.get(&key).is_some_and(|queue| !queue.is_empty())
            })
            .collect();
        let Some(place) = self.random.choice(ready) else { return };
        let queue =
            self.channels.get_mut(&(task.inputs[place].from, attempt)).expect("it is there");
        match queue.pop_front().expect("it isn't empty") {
            Element::Record(record, _) if task.role == Role::Counter => {
                let mut count = 0;
                if self.is_counted {
                    let counter = task.counts.entry(record % KEYS).or_insert(0);
                    *counter += 1;
                    count = *counter;
                }
                self.send(attempt, task, record, count);
            }
            Element::Record(record, count) => task.staged.push((record, count)),
            Element::Barrier(barrier) => self.take_barrier(attempt, task, place, barrier),
            Element::End => {
                task.inputs[place].has_ended = true;
                if task.inputs.iter().all(|input| input.has_ended) {
                    self.end_data(attempt, task);
                }
            }
            Element::Close => {
                task.inputs[place].is_closed = true;
                self.complete_alignment(attempt, task);
                self.begin_triggered(attempt, task);
            }
        }
    }

    fn take_barrier(
        &mut self,
        attempt: ExecutionAttemptId,
        task: &mut Task,
        place: usize,
        barrier: CheckpointBarrier,
    ) {
        if barrier.id <= task.last_barrier {
            return;
        }
        match &mut task.aligning {
            Some((current, channels)) if current.id == barrier.id => {
                channels.insert(place);
            }
            Some((current, _)) if current.id > barrier.id => return,
            aligning => {
                if let Some((older, _)) = aligning.take() {
                    self.report(attempt, Report::Decline(older.id));
                }
                *aligning = Some((barrier, BTreeSet::from([place])));
            }
        }
        self.complete_alignment(attempt, task);
    }

    fn complete_alignment(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        let Some((_, channels)) = &task.aligning else { return };
        let has_come = |place: &usize| channels.contains(place) || task.inputs[*place].is_closed;
        if (0..task.inputs.len()).all(|place| has_come(&place)) {
            let (barrier, _) = task.aligning.take().expect("it is there");
            self.snapshot(attempt, task, barrier);
        }
    }

    fn begin_triggered(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        if task.inputs.iter().all(|input| input.is_closed)
            && let Some(barrier) = task.triggered.take()
        {
            self.snapshot(attempt, task, barrier);
        }
    }

    fn snapshot(
        &mut self,
        attempt: ExecutionAttemptId,
        task: &mut Task,
        barrier: CheckpointBarrier,
    ) {
        task.last_barrier = barrier.id;
        let ending = barrier.kind.ending();
        if ending == Some(Ending::Drain) && !task.has_ended && task.role == Role::Source {
            self.send_to_all(attempt, task, &Element::End);
        }
        if task.role == Role::Sink {
            self.transactions += 1;
            let records = std::mem::take(&mut task.staged);
            task.prepared.push((barrier.id, Transaction { id: self.transactions, records }));
        }
        let is_restored_as_finished = task.restore.as_ref().is_some_and(|r| r.is_finished);
        let shared = self.live_files(task, &barrier);
        if barrier.kind == SnapshotKind::Checkpoint || barrier.kind == SnapshotKind::FullCheckpoint
        {
            task.uploaded.insert(barrier.id, shared.clone());
        }
        task.writes.push_back(Write {
            bytes: task.encode(),
            shared,
            is_empty: is_restored_as_finished,
            barrier: barrier.clone(),
        });
        self.send_to_all(attempt, task, &Element::Barrier(barrier.clone()));
        if task.has_ended {
            task.after_end.insert(barrier.id);
        }
        if ending.is_some() {
            task.frozen = Some(barrier);
        }
    }

    /// Returns the files that a counter has for a checkpoint: some of those that it had, and a new
    /// one.
    fn live_files(
        &mut self,
        task: &mut Task,
        barrier: &CheckpointBarrier,
    ) -> BTreeMap<String, sciurus_checkpoint::StateFile> {
        let mut files = BTreeMap::new();
        if task.role != Role::Counter || !self.is_counted {
            return files;
        }
        let Some(shared) = &barrier.shared else { return files };
        task.live_files.retain(|_| self.random.u8(..3) > 0);
        self.files += 1;
        task.live_files.insert(format!("sst-{}", self.files));
        for name in task.live_files.clone() {
            let known = task.base.get(&name).filter(|_| barrier.kind == SnapshotKind::Checkpoint);
            let file = known.cloned().unwrap_or_else(|| {
                self.files += 1;
                let url = format!("{shared}/{}", self.files).into();
                sciurus_checkpoint::StateFile { url, bytes: 0, checksum: 1 }
            });
            files.insert(name, file);
        }
        files
    }

    /// Writes a snapshot.
    pub fn write(
        &mut self,
        attempt: ExecutionAttemptId,
        write: &Write,
        role: Role,
    ) -> TaskAcknowledgement {
        let mut state = SubtaskState::default();
        if !write.is_empty && self.end.is_none() {
            let is_inline = self.random.bool();
            let data = if is_inline {
                StateData::Inline(Bytes::from(write.bytes.clone()))
            } else {
                self.files += 1;
                let url = format!("{}/{}", write.barrier.exclusive, self.files).into();
                StateData::File(self.storage.put(&url, write.bytes.clone()))
            };
            let mut shared = write.shared.clone();
            for file in shared.values_mut().filter(|file| file.checksum == 1) {
                // It is new, or was when this task wrote it the last time.
                if file.bytes == 0 {
                    *file = self.storage.put(&file.url, vec![0]);
                    file.checksum = 1;
                }
            }
            let mut operator = OperatorSubtaskState::default();
            match role {
                Role::Counter if self.is_counted => {
                    let range = self.range_of(attempt);
                    operator.keyed = Some(if write.barrier.shared.is_none() {
                        KeyedStateHandle::Snapshot { range, data }
                    } else {
                        let private = BTreeMap::new();
                        KeyedStateHandle::Incremental { range, metadata: data, shared, private }
                    });
                }
                _ => operator.operator = Some(OperatorStateHandle { data, has_union: false }),
            }
            state.operators.insert(OperatorId::from_bytes(attempt.vertex.to_bytes()), operator);
        }
        TaskAcknowledgement { state, metrics: TaskCheckpointMetrics::default() }
    }

    /// Connects tasks that are deployed together.
    pub fn connect(&mut self, attempt: ExecutionAttemptId, task: &mut Task) {
        let graph = self.master.graph();
        let executions = self.master.execution_graph();
        let current = |vertex, subtask| {
            let id = sciurus_core::ids::ExecutionVertexId { vertex, subtask };
            executions.subtasks()[executions.position_of(id).expect("it is there")].current().id()
        };
        for edge in graph.inputs_of(attempt.vertex) {
            let producers = graph.wiring(edge).expect("it is right").producers_of(attempt.subtask);
            for producer in producers.iter() {
                let from = current(edge.source_vertex, producer);
                task.inputs.push(Input { from, has_ended: false, is_closed: false });
            }
        }
        for edge in graph.outputs_of(attempt.vertex) {
            let targets = graph.wiring(edge).expect("it is right").targets_of(attempt.subtask);
            for target in targets.iter() {
                let to = current(edge.target_vertex, target);
                task.outputs.push(to);
                self.channels.insert((attempt, to), VecDeque::new());
            }
        }
    }
}
