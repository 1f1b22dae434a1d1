//! When checkpoints begin.

use std::collections::BTreeSet;
use std::time::Duration;

use sciurus_core::checkpoint::{CheckpointId, SnapshotKind};
use sciurus_core::ids::ExecutionAttemptId;
use sciurus_core::time::Timestamp;

use super::{CheckpointCoordinator, QueuedRequest};
use crate::checkpoint_coordinator::CheckpointFailure;
use crate::checkpoint_coordinator::pending::{PendingCheckpoint, Phase};
use crate::checkpoint_coordinator::plan::{CheckpointPlan, Tasks};
use crate::checkpoint_coordinator::statistics::{
    CheckpointStats, CheckpointStatus, TaskCheckpointStats,
};
use crate::failure::FailureCause;
use crate::{Action, Timer, TimerId};

/// How long a last checkpoint waits after one that has failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

impl CheckpointCoordinator {
    /// Begins what is due: a user's snapshot, a last checkpoint of tasks that have nothing left to
    /// do, or a periodic one.
    #[must_use]
    pub(super) fn go_on(
        &mut self,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if !tasks.are_up() || self.is_anything_closing(tasks) {
            return None;
        }
        if let Some(stop) = &self.stop {
            if stop.savepoint.is_none() && self.pending.is_empty() {
                let request = stop.request.clone();
                return self.trigger(request.kind, Some(&request), tasks, now, actions);
            }
            return None;
        }
        while self.pending.len() < self.options.max_concurrent as usize
            && let Some(request) = self.queue.pop_front()
        {
            let failure = self.trigger(request.kind, Some(&request), tasks, now, actions);
            if failure.is_some() {
                return failure;
            }
        }
        if !self.is_active || self.options.interval.is_none() {
            return None;
        }
        let due = self.due(tasks)?;
        if due > now {
            self.start_timer(due, now, actions);
            return None;
        }
        let kind = SnapshotKind::Checkpoint;
        self.timer = None;
        self.trigger(kind, None, tasks, now, actions)
    }

    pub(crate) fn on_timer(
        &mut self,
        timer: TimerId,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        if self.timer != Some(timer) {
            return None;
        }
        self.timer = None;
        self.go_on(tasks, now, actions)
    }

    pub(crate) fn on_timeout(
        &mut self,
        checkpoint: CheckpointId,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        let failure = self.fail(checkpoint, &CheckpointFailure::Expired, tasks, now, actions);
        failure.or_else(|| self.go_on(tasks, now, actions))
    }

    /// Returns when the next checkpoint is due that nobody asks for; `None` while it waits for
    /// others to end.
    fn due(&self, tasks: &Tasks<'_>) -> Option<Timestamp> {
        if self.pending.len() >= self.options.max_concurrent as usize {
            return None;
        }
        let interval = self.options.interval?;
        let is_last = !self.ended.is_empty() && self.have_all_ended(tasks);
        if is_last {
            if !self.pending.is_empty() {
                return None;
            }
            let pause = if self.failures > 0 { interval.min(RETRY_PAUSE) } else { Duration::ZERO };
            return Some(after(self.last_end, pause));
        }
        let by_pause = after(self.last_end, self.options.min_pause);
        Some(after(self.last_trigger, interval).max(by_pause))
    }

    fn have_all_ended(&self, tasks: &Tasks<'_>) -> bool {
        tasks.all_running().iter().all(|attempt| self.ended.contains(attempt))
    }

    /// Says whether a task runs that is about to end: it would take no part in a checkpoint.
    fn is_anything_closing(&mut self, tasks: &Tasks<'_>) -> bool {
        if !self.closing.is_empty() {
            let running: BTreeSet<ExecutionAttemptId> =
                tasks.running(self.closing.iter().copied()).into_iter().collect();
            self.closing = running;
        }
        !self.closing.is_empty()
    }

    fn start_timer(&mut self, due: Timestamp, now: Timestamp, actions: &mut Vec<Action>) {
        let timer = self.next_timer();
        self.timer = Some(timer);
        let delay = u64::try_from(due.saturating_sub(now)).unwrap_or(0);
        let delay = Duration::from_millis(delay);
        actions.push(Action::StartTimer { timer: Timer::Checkpoint(timer), delay });
    }

    fn trigger(
        &mut self,
        kind: SnapshotKind,
        request: Option<&QueuedRequest>,
        tasks: &Tasks<'_>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Option<FailureCause> {
        let plan = match CheckpointPlan::new(tasks, self.options.after_tasks_finish) {
            Ok(plan) => plan,
            Err(failure) => {
                if let Some(request) = request {
                    self.refuse(request.request, &failure, actions);
                }
                return None;
            }
        };
        let kind = match kind {
            SnapshotKind::Checkpoint if self.next_is_full => SnapshotKind::FullCheckpoint,
            kind => kind,
        };
        self.last_id = self.last_id.next();
        let id = self.last_id;
        let (exclusive, shared) =
            self.folders(id, kind, request.and_then(|request| request.target.as_deref()));
        if !kind.is_savepoint() {
            self.last_trigger = now;
        }
        self.statistics.begin(CheckpointStats {
            id,
            kind,
            trigger_timestamp: now,
            status: CheckpointStatus::InProgress,
            metadata_bytes: 0,
            tasks: tasks
                .executions
                .job_vertices()
                .iter()
                .map(|vertex| TaskCheckpointStats {
                    vertex: vertex.id(),
                    subtasks: vec![None; vertex.parallelism() as usize],
                })
                .collect(),
        });
        let finished = self.restored_finished.iter().filter(|a| plan.running.contains(a));
        let finished = finished.map(ExecutionAttemptId::execution_vertex);
        let finished = plan.finished.iter().copied().chain(finished).collect();
        let ending = plan.running.intersection(&self.ended).copied().collect();
        self.pending.insert(
            id,
            PendingCheckpoint {
                id,
                kind,
                timestamp: now,
                alignment: self.options.alignment,
                exclusive,
                shared,
                phase: Phase::Sources,
                missing: plan.running.clone(),
                plan,
                ending,
                finished,
                states: std::collections::BTreeMap::new(),
                enumerators: std::collections::BTreeMap::new(),
                request: request.map(|request| request.request),
            },
        );
        actions.push(Action::SnapshotSources { checkpoint: id });
        let timer = Timer::CheckpointTimeout(id);
        actions.push(Action::StartTimer { timer, delay: self.options.timeout });
        None
    }

    /// Returns the URLs of a snapshot's own folder and of the one of files that it may share.
    fn folders(
        &mut self,
        id: CheckpointId,
        kind: SnapshotKind,
        target: Option<&str>,
    ) -> (String, Option<String>) {
        let slashless = |url: &str| url.trim_end_matches('/').to_owned();
        if kind.is_savepoint() {
            let target = target.or(self.options.savepoint_directory.as_deref());
            let target = slashless(target.unwrap_or_default());
            let job = self.job.to_string();
            let random = self.random.u64(..) & 0xffff_ffff_ffff;
            let start = job.get(..6).unwrap_or(&job);
            (format!("{target}/savepoint-{start}-{random:012x}"), None)
        } else {
            let folder = slashless(self.options.directory.as_deref().unwrap_or_default());
            let folder = format!("{folder}/{}", self.job);
            (format!("{folder}/chk-{id}"), Some(format!("{folder}/shared")))
        }
    }
}

/// Returns the time a while after another.
fn after(time: Timestamp, pause: Duration) -> Timestamp {
    time.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}
