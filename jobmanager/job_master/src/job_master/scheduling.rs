//! From tasks that may run to tasks that are deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sciurus_core::ids::{ExecutionVertexId, JobVertexId};
use sciurus_core::time::Timestamp;

use super::{Action, JobMaster, Timer, TimerId};
use crate::checkpoint_coordinator::{RestorePoint, Tasks};
use crate::execution_graph::SubtaskPosition;
use crate::failure::{FailureCause, Fault};
use crate::rescale::{RescaleTrigger, bounds_of_groups};
use crate::slots::{SharedSlot, SlotGrant};
use crate::{ExecutionState, JobStatus};

/// What a job waits for that lacks slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotShortage {
    /// Since when it waits.
    pub since: Timestamp,
    /// How many slots it waits for, by slot sharing group.
    pub missing: BTreeMap<String, u32>,
    /// How many there are for it, which it doesn't take before there are enough.
    pub available: u32,
}

impl SlotShortage {
    /// Returns how many slots are missing in all.
    pub fn total(&self) -> u32 {
        self.missing.values().sum::<u32>().saturating_sub(self.available)
    }
}

/// The wait for slots that is going on.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotWait {
    since: Timestamp,
    timer: TimerId,
    available: u32,
}

impl JobMaster {
    /// Returns what the job waits for, if it lacks slots.
    pub fn slot_shortage(&self) -> Option<SlotShortage> {
        if let Some(since) = self.parallelism.waiting_since() {
            let groups = bounds_of_groups(&self.graph, self.requirements());
            let missing = groups.into_iter().map(|(group, bounds)| (group, bounds.lower)).collect();
            return Some(SlotShortage { since, missing, available: self.total_slots() });
        }
        let SlotWait { since, available, .. } = self.slot_wait?;
        let mut missing = BTreeMap::new();
        for slot in self.slots.requested() {
            *missing.entry(slot.group.clone()).or_insert(0) += 1;
        }
        Some(SlotShortage { since, missing, available })
    }

    /// Takes note of how many slots there are for a job that waits for more: whoever gives slots
    /// away may give all or none.
    pub fn note_available_slots(&mut self, available: u32) {
        if let Some(wait) = &mut self.slot_wait {
            wait.available = available;
        }
    }

    pub(super) fn start(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.status() == JobStatus::Initializing {
            self.set_status(JobStatus::Created, now, actions);
            self.coordinator.start(actions);
            if self.options.scheduler.adaptive().is_some() {
                self.note_rescale(RescaleTrigger::InitialSchedule, now);
                self.redeploy(false, now, actions);
            } else {
                self.schedule_ready_regions(now, actions);
            }
        }
    }

    /// Schedules every region that hasn't begun and whose inputs are there, and deploys what it
    /// can.
    pub(super) fn schedule_ready_regions(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for region in 0..self.regions.len() {
            let is_new = self.regions.members(region).iter().all(|&m| self.is_new(m));
            if is_new && self.regions.inputs_of(region).into_iter().all(|i| self.has_result(i)) {
                for &member in self.regions.members(region) {
                    let scheduled = ExecutionState::Scheduled;
                    let result = self.executions.update(member, |e| e.transition(scheduled, now));
                    debug_assert!(result.is_ok(), "{result:?}");
                    self.scheduled.insert(member);
                }
            }
        }
        self.request_slots(now, actions);
        self.deploy_scheduled(now, actions);
    }

    /// Says whether a subtask's current attempt hasn't begun.
    fn is_new(&self, subtask: SubtaskPosition) -> bool {
        self.executions.subtasks()[subtask].current().state() == ExecutionState::Created
    }

    /// Says whether a subtask's whole result can be read.
    pub(super) fn has_result(&self, subtask: SubtaskPosition) -> bool {
        let execution = self.executions.subtasks()[subtask].current();
        execution.state() == ExecutionState::Finished && !self.lost_results.contains(&subtask)
    }

    fn shared_slot(&self, subtask: SubtaskPosition) -> SharedSlot {
        let vertex = self.executions.job_vertex_at(subtask);
        SharedSlot {
            group: vertex.slot_sharing_group().to_owned(),
            index: (subtask - vertex.positions().start) as u32,
        }
    }

    /// Returns the slots that the job's tasks need in all.
    pub(super) fn all_slots(&self) -> BTreeSet<SharedSlot> {
        (0..self.executions.subtasks().len()).map(|subtask| self.shared_slot(subtask)).collect()
    }

    /// Asks for the slots that tasks wait for, and for no others.
    pub(super) fn request_slots(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let needed: BTreeSet<SharedSlot> =
            self.scheduled.iter().map(|&subtask| self.shared_slot(subtask)).collect();
        let withdrawn = self.slots.withdraw_except(&needed);
        if !withdrawn.is_empty() {
            actions.push(Action::WithdrawSlotRequests(withdrawn));
        }
        let missing = self.slots.request(&needed);
        if !missing.is_empty() {
            actions.push(Action::RequestSlots(missing));
        }
        if !self.slots.is_waiting() {
            self.slot_wait = None;
        } else if self.slot_wait.is_none() {
            let timer = self.next_timer();
            self.slot_wait = Some(SlotWait { since: now, timer, available: 0 });
            actions.push(Action::StartTimer {
                timer: Timer::SlotRequest(timer),
                delay: self.options.slot_request_timeout,
            });
        }
    }

    pub(super) fn take_slots(
        &mut self,
        grants: Vec<SlotGrant>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        self.parallelism.take_slots(grants.len());
        let unwanted: Vec<_> = grants
            .into_iter()
            .filter_map(|grant| self.slots.grant(grant))
            .map(|grant| grant.allocation)
            .collect();
        if !unwanted.is_empty() {
            actions.push(Action::ReleaseSlots(unwanted));
        }
        self.deploy_scheduled(now, actions);
    }

    /// Deploys all tasks that wait, if no slot is missing.
    pub(super) fn deploy_scheduled(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.slots.is_waiting() {
            return;
        }
        self.slot_wait = None;
        let point = match self.restore_sources(now, actions) {
            Ok(point) => point,
            Err(cause) => {
                self.fail_globally(cause, now, actions);
                return;
            }
        };
        if !self.scheduled.is_empty() {
            self.note_deployment(now);
        }
        for subtask in std::mem::take(&mut self.scheduled) {
            let slot = self.slots.get(&self.shared_slot(subtask)).cloned();
            debug_assert!(slot.is_some(), "a task without a slot is waited for");
            let Some(slot) = slot else { continue };
            let attempt = self.executions.subtasks()[subtask].current().id();
            let result = self.executions.update(subtask, |e| e.deploy(slot.clone(), now));
            debug_assert!(result.is_ok(), "{result:?}");
            let restore = point
                .as_ref()
                .map(|point| Arc::new(point.plan.subtask(attempt.vertex, attempt.subtask.0)));
            if restore.as_ref().is_some_and(|restore| restore.is_finished) {
                self.coordinator.deployed_finished(attempt);
            }
            actions.push(Action::Deploy { attempt, slot, restore });
        }
        let is_behind = matches!(self.status(), JobStatus::Created | JobStatus::Restarting);
        if is_behind && self.pending_restarts.is_empty() {
            self.set_status(JobStatus::Running, now, actions);
        }
    }

    /// Decides what the tasks are restored from that are about to be deployed, and brings the
    /// sources there.
    fn restore_sources(
        &mut self,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Result<Option<RestorePoint>, FailureCause> {
        if self.scheduled.is_empty() {
            return Ok(None);
        }
        let tasks = Tasks { graph: &self.graph, executions: &self.executions };
        let point = self.coordinator.restore_point(&tasks, now)?;
        let is_source =
            |vertex: JobVertexId| self.graph.vertex(vertex).is_some_and(|v| v.is_source);
        let readers: BTreeSet<ExecutionVertexId> = self
            .scheduled
            .iter()
            .map(|&subtask| self.executions.subtasks()[subtask].id())
            .filter(|id| is_source(id.vertex))
            .collect();
        if !readers.is_empty() {
            let checkpoint = point.as_ref().map(|point| point.checkpoint);
            let states = point.as_ref().map(|point| point.enumerators.clone()).unwrap_or_default();
            actions.push(Action::RestoreSources { checkpoint, readers, states });
        }
        Ok(point)
    }

    pub(super) fn note_slot_timer(
        &mut self,
        timer: TimerId,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if self.slot_wait.is_none_or(|wait| wait.timer != timer) {
            return;
        }
        let missing = self.slot_shortage().map_or(0, |shortage| shortage.total());
        let waited = self.options.slot_request_timeout;
        let cause = FailureCause::new(
            Fault::Environment,
            "NoResourceAvailable",
            format!(
                "{missing} slots were still missing after {waited:?}: add TaskManagers or slots, \
                 lower the parallelism, or raise slot.request.timeout"
            ),
        );
        let waiting = std::mem::take(&mut self.scheduled);
        self.request_slots(now, actions);
        self.fail_subtasks(waiting, cause, None, now, actions);
    }
}
