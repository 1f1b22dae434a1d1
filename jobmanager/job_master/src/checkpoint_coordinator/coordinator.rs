//! Decides when checkpoints are taken, when they count, and when they go.

mod acknowledging;
mod ending;
mod requests;
mod restoring;
mod triggering;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use sciurus_checkpoint::CheckpointMetadata;
use sciurus_checkpoint::restore::RestorePlan;
use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::{ExecutionAttemptId, ExecutionGraphId, JobId};
use sciurus_core::time::Timestamp;

use super::completed::{CompletedCheckpoints, Owner};
use super::pending::{PendingCheckpoint, Phase};
use super::plan::Tasks;
use super::request::Requester;
use super::shared_state::{SharedStateRegistry, shared_files_in};
use super::{CheckpointStatistics, CheckpointingOptions, InitialState};
use crate::failure::FailureCause;
use crate::{Action, TimerId};

pub(crate) use restoring::RestorePoint;

/// How many checkpoints that came to their end are remembered, so that late news of them is told
/// from news of what never was.
const REMEMBERED: usize = 1000;

/// Decides when checkpoints of a job are taken, when they count, and when they go.
///
/// It has checkpoints that are *pending*, until all tasks have acknowledged and the metadata is
/// durable; those that are *retained*, which the job can be restored from; and some in *limbo*,
/// given up while their metadata was being written, of which it isn't known whether they are there.
#[derive(Debug)]
pub(crate) struct CheckpointCoordinator {
    job: JobId,
    life: ExecutionGraphId,
    options: CheckpointingOptions,
    random: fastrand::Rng,
    last_id: CheckpointId,
    /// The first that this life of the job can have triggered.
    first_id: CheckpointId,
    pending: BTreeMap<CheckpointId, PendingCheckpoint>,
    limbo: BTreeMap<CheckpointId, PendingCheckpoint>,
    retained: CompletedCheckpoints,
    registry: SharedStateRegistry,
    statistics: CheckpointStatistics,
    /// The next must refer to no file of an earlier one.
    next_is_full: bool,
    /// Snapshots that users want and that haven't begun.
    queue: VecDeque<QueuedRequest>,
    /// What came of the checkpoint that was taken for other parallelism.
    for_rescale: Option<Result<(), String>>,
    stop: Option<Stop>,
    /// Checkpoints are taken: all tasks have run at the same time, and nothing has happened since.
    is_active: bool,
    timers: u64,
    timer: Option<TimerId>,
    last_trigger: Timestamp,
    last_end: Timestamp,
    /// How many have failed, one after the other.
    failures: u32,
    /// Tasks that have processed all of their input.
    ended: BTreeSet<ExecutionAttemptId>,
    /// Tasks that were restored as ones that had finished: they have no state, and need none.
    restored_finished: BTreeSet<ExecutionAttemptId>,
    /// Tasks that a complete checkpoint lets end, which they haven't yet.
    closing: BTreeSet<ExecutionAttemptId>,
    /// The latest checkpoints that are or were complete.
    completed_ids: BTreeSet<CheckpointId>,
    /// Checkpoints in limbo that the job's end waits for.
    awaited: BTreeSet<CheckpointId>,
    /// How the job is restored from a checkpoint, as long as its graph stays the same.
    plan: Option<(CheckpointId, Arc<RestorePlan>)>,
    /// There was an earlier life of the job.
    is_recovered: bool,
    /// Complete checkpoints that may lie in the job's folder and aren't the job's.
    others: Vec<Arc<CheckpointMetadata>>,
    /// Folders of savepoints that came to nothing, in which a task may have written since.
    failed_savepoints: BTreeMap<CheckpointId, String>,
}

/// A snapshot that a user wants and that hasn't begun.
#[derive(Clone, Debug)]
struct QueuedRequest {
    request: Requester,
    kind: SnapshotKind,
    target: Option<String>,
}

/// The end of the job with a savepoint.
#[derive(Clone, Debug)]
struct Stop {
    request: QueuedRequest,
    /// The savepoint, once it is complete.
    savepoint: Option<(CheckpointId, String)>,
}

impl CheckpointCoordinator {
    pub(crate) fn new(
        job: JobId,
        life: ExecutionGraphId,
        options: CheckpointingOptions,
        initial: InitialState,
    ) -> Self {
        let mut last_id = initial.last_checkpoint;
        let mut retained = CompletedCheckpoints::default();
        let mut registry = SharedStateRegistry::default();
        let mut completed_ids = BTreeSet::new();
        let mut next_is_full = false;
        let mut others = initial.others;
        let has_checkpoints = !initial.checkpoints.is_empty();
        for checkpoint in initial.checkpoints {
            let id = checkpoint.metadata.id;
            last_id = last_id.max(id);
            completed_ids.insert(id);
            registry.register(id, shared_files_in(&checkpoint.metadata));
            registry.establish(id);
            // A savepoint that the job was to end with, and didn't.
            let is_savepoint = checkpoint.metadata.kind.is_savepoint();
            retained.add(checkpoint, if is_savepoint { Owner::User } else { Owner::Job });
        }
        if let Some(savepoint) = &initial.savepoint
            && !savepoint.is_claimed
        {
            // Whatever of it lies among the job's own files stays.
            let metadata = &savepoint.checkpoint.metadata;
            registry.protect(metadata.id, &shared_files_in(metadata));
            others.push(metadata.clone());
        }
        if let Some(savepoint) = initial.savepoint.filter(|_| !has_checkpoints) {
            let id = savepoint.checkpoint.metadata.id;
            last_id = last_id.max(id);
            completed_ids.insert(id);
            let files = shared_files_in(&savepoint.checkpoint.metadata);
            let owner = if savepoint.is_claimed { Owner::Job } else { Owner::User };
            registry.register(id, files);
            registry.establish(id);
            // A full checkpoint refers to nothing of what isn't the job's.
            next_is_full = owner == Owner::User;
            retained.add_initial(savepoint.checkpoint, owner, savepoint.allow_non_restored);
        }
        let seed = life.to_bytes();
        let seed = seed.chunks_exact(8).fold(0, |seed, bytes| {
            bytes.iter().fold(seed, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte))
        });
        Self {
            job,
            life,
            statistics: CheckpointStatistics::new(options.history_size),
            options,
            random: fastrand::Rng::with_seed(seed),
            first_id: last_id.next(),
            last_id,
            pending: BTreeMap::new(),
            limbo: BTreeMap::new(),
            retained,
            registry,
            next_is_full,
            queue: VecDeque::new(),
            for_rescale: None,
            stop: None,
            is_active: false,
            timers: 0,
            timer: None,
            last_trigger: Timestamp::MIN,
            last_end: Timestamp::MIN,
            failures: 0,
            ended: BTreeSet::new(),
            restored_finished: BTreeSet::new(),
            closing: BTreeSet::new(),
            completed_ids,
            awaited: BTreeSet::new(),
            plan: None,
            is_recovered: has_checkpoints || initial.last_checkpoint > CheckpointId(0),
            others,
            failed_savepoints: BTreeMap::new(),
        }
    }

    pub(crate) fn statistics(&self) -> &CheckpointStatistics {
        &self.statistics
    }

    /// Says whether the job is ending with a savepoint.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// Deletes what an earlier life of the job has left.
    pub(crate) fn start(&self, actions: &mut Vec<Action>) {
        if self.is_recovered {
            self.delete_leftovers(false, actions);
        }
    }

    /// Takes note that tasks have changed: goes on with what waited for that.
    #[must_use]
    pub(crate) fn tasks_changed(
        &mut self,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if !self.is_active && tasks.are_up() && self.stop.is_none() {
            self.is_active = true;
            self.last_trigger = self.last_trigger.max(now);
        }
        self.go_on(tasks, now, actions)
    }

    /// Takes note that a task has finished.
    #[must_use]
    pub(crate) fn task_finished(
        &mut self,
        attempt: ExecutionAttemptId,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        self.ended.remove(&attempt);
        self.closing.remove(&attempt);
        let waiting: Vec<CheckpointId> = self
            .pending
            .values()
            .filter(|pending| pending.missing.contains(&attempt))
            .map(|pending| pending.id)
            .collect();
        let mut failure = None;
        for id in waiting {
            let closing = super::CheckpointFailure::TaskClosing;
            failure = failure.or(self.fail(id, &closing, tasks, now, actions));
        }
        failure.or(self.go_on(tasks, now, actions))
    }

    /// Takes note that a task has processed all of its input.
    #[must_use]
    pub(crate) fn end_of_data(
        &mut self,
        attempt: ExecutionAttemptId,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        self.ended.insert(attempt);
        self.go_on(tasks, now, actions)
    }

    fn next_timer(&mut self) -> TimerId {
        self.timers += 1;
        TimerId(self.timers)
    }

    /// Says whether one is being written, or was when it was given up.
    fn is_being_written(&self, id: CheckpointId) -> bool {
        let writes = |pending: &PendingCheckpoint| pending.phase == Phase::Writing;
        self.limbo.contains_key(&id) || self.pending.get(&id).is_some_and(writes)
    }
}
