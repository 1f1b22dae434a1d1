//! The job's coordinator: what it is told, what it decides, and another one in place of one that
//! has ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::{ExecutionAttemptId, ExecutionVertexId, JobVertexId};
use sciurus_job_master::Event;
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::{EnumeratorStates, SourcesSnapshot, enumerator_states};
use sciurus_rpc::proto;
use sciurus_rpc::proto::job_manager_message::Message;

use super::{Due, Placed, Runner};
use crate::coordinator::{Coordinator, Part, launch};

/// How often a coordinator that is asked for splits is asked for a sign of life within the time that
/// it has for one.
const PROBES_IN_TIMEOUT: u32 = 10;

/// What a coordinator is told that is being started.
pub(super) enum HeldBack {
    /// Readers start.
    Start(proto::StartReaders),
    /// A snapshot of all enumerators is wanted.
    Snapshot(CheckpointId),
}

impl Runner {
    /// Tells the coordinator which readers of sources start, if any do.
    pub(super) fn start_readers(&mut self, tasks: &[Placed]) {
        let sources: BTreeSet<JobVertexId> = {
            let master = self.job.master.lock();
            let sources = master.graph().vertices.iter().filter(|vertex| vertex.is_source);
            sources.map(|vertex| vertex.id).collect()
        };
        let started = tasks.iter().map(|task| task.attempt.execution_vertex());
        let readers: Vec<ExecutionVertexId> =
            started.filter(|reader| sources.contains(&reader.vertex)).collect();
        if readers.is_empty() {
            return;
        }
        self.round += 1;
        let round = self.round;
        self.reader_rounds.extend(readers.iter().map(|reader| (*reader, round)));
        // All are restored from the same checkpoint.
        let restores: Vec<_> =
            readers.iter().filter_map(|reader| self.restores.remove(reader)).collect();
        let restore = restores.first().map(|restore| proto::SourcesRestore::clone(restore));
        let readers = readers.into_iter().map(Into::into).collect();
        let start = proto::StartReaders { readers, round, restore };
        if let Some(coordinator) = &self.coordinator {
            let (number, told) = (coordinator.number(), coordinator.start_readers(start));
            self.expect_answer(number);
            self.note(told);
        } else {
            self.held_back.push(HeldBack::Start(start));
            self.start_coordinator();
        }
    }

    /// Remembers what readers are restored from that are about to start.
    pub(super) fn restore_readers(
        &mut self,
        checkpoint: Option<CheckpointId>,
        readers: BTreeSet<ExecutionVertexId>,
        states: &EnumeratorStates,
    ) {
        let Some(CheckpointId(checkpoint)) = checkpoint else {
            for reader in &readers {
                self.restores.remove(reader);
            }
            return;
        };
        let states = enumerator_states(states);
        let restore = Arc::new(proto::SourcesRestore { checkpoint, states });
        self.restores.extend(readers.into_iter().map(|reader| (reader, restore.clone())));
    }

    /// Asks for a snapshot of all enumerators; returns why there will be none.
    pub(super) fn snapshot_sources(&mut self, checkpoint: CheckpointId) -> Option<String> {
        if let Some(coordinator) = &self.coordinator {
            let (number, told) = (coordinator.number(), coordinator.snapshot_sources(checkpoint));
            self.probe_later(number);
            self.note(told);
            None
        } else if self.starting.is_some() {
            self.held_back.push(HeldBack::Snapshot(checkpoint));
            None
        } else {
            Some("the job's coordinator is gone".to_owned())
        }
    }

    /// Tells the coordinator that a checkpoint is complete. One that is about to start has nothing
    /// of it.
    pub(super) fn notify_sources(&mut self, checkpoint: CheckpointId) {
        if let Some(coordinator) = &self.coordinator {
            let told = coordinator.checkpoint_complete(checkpoint);
            self.note(told);
        }
    }

    /// Hears of a snapshot of all enumerators.
    pub(super) fn on_sources_snapshotted(
        &mut self,
        coordinator: u64,
        checkpoint: CheckpointId,
        result: SourcesSnapshot,
    ) {
        if self.coordinator.as_ref().is_some_and(|current| current.number() == coordinator) {
            self.tell(Event::SourcesSnapshotted { checkpoint, result });
        }
    }

    /// Ends the coordinator, as its enumerators are of no use any more.
    pub(super) fn end_coordinator(&mut self) {
        self.coordinator = None;
        self.starting = None;
        self.held_back.clear();
        self.held_back_requests.clear();
        self.restores.clear();
        self.reader_rounds.clear();
    }

    /// Sees to it that a coordinator that was asked for something is asked for a sign of life.
    fn probe_later(&mut self, number: u64) {
        if self.to_probe.replace(number) != Some(number) {
            let pause = self.services.worker_start_timeout / PROBES_IN_TIMEOUT;
            self.timers.add(pause, Due::CoordinatorProbed(number));
        }
    }

    /// Asks for a split for a reader, if it is one that counts.
    pub(super) fn request_split(&mut self, reader: ExecutionAttemptId) {
        if self.deployments.sent(reader).is_none() {
            return;
        }
        if let Some(coordinator) = &self.coordinator {
            let number = coordinator.number();
            let told = coordinator.request_split(reader.execution_vertex().into());
            // An enumerator may answer a request much later, so a coordinator that hangs is found
            // otherwise.
            self.probe_later(number);
            self.note(told);
        } else if self.starting.is_some() {
            self.held_back_requests.insert(reader);
        }
        // Else all readers are about to be started anew.
    }

    /// Passes on what the coordinator has decided, but for readers that have been started again
    /// since then: it takes that back itself when it hears of them.
    pub(super) fn on_decisions(
        &mut self,
        coordinator: u64,
        round: u64,
        decisions: Vec<(ExecutionVertexId, proto::SourceEvent)>,
        total_bytes: Option<u64>,
    ) {
        if self.coordinator.as_ref().is_none_or(|current| current.number() != coordinator) {
            return;
        }
        self.answered_round = round;
        *self.job.input_bytes.lock() = total_bytes;
        for (reader, event) in decisions {
            let is_of_now =
                self.reader_rounds.get(&reader).is_some_and(|started| *started <= round);
            let Some(sent) = self.deployments.current(reader).filter(|_| is_of_now) else {
                continue;
            };
            let message = Message::SourceEvent(proto::ReaderEvent {
                job_id: self.id_bytes(),
                reader: Some(sent.attempt.into()),
                event: Some(event),
            });
            self.services.task_managers.send(&sent.task_manager, sent.generation, message);
        }
    }

    pub(super) fn on_coordinator_failed(
        &mut self,
        coordinator: u64,
        cause: FailureCause,
        has_ended: bool,
    ) {
        if self.coordinator.as_ref().is_none_or(|current| current.number() != coordinator) {
            return;
        }
        if has_ended {
            self.coordinator = None;
        }
        self.tell(Event::GlobalFailure(cause));
    }

    pub(super) fn on_coordinator_started(&mut self, started: Result<Coordinator, FailureCause>) {
        match started {
            Ok(coordinator) => {
                let mut held_back = std::mem::take(&mut self.held_back).into_iter();
                let told = held_back.try_for_each(|held_back| match held_back {
                    HeldBack::Start(start) => coordinator.start_readers(start),
                    HeldBack::Snapshot(checkpoint) => coordinator.snapshot_sources(checkpoint),
                });
                let requests = std::mem::take(&mut self.held_back_requests);
                let told = told.and_then(|()| {
                    let requests = requests.into_iter();
                    // The attempts that are still there.
                    let mut requests =
                        requests.filter(|reader| self.deployments.sent(*reader).is_some());
                    requests.try_for_each(|reader| {
                        coordinator.request_split(reader.execution_vertex().into())
                    })
                });
                self.expect_answer(coordinator.number());
                self.coordinator = Some(coordinator);
                self.note(told);
            }
            Err(cause) => {
                self.held_back.clear();
                self.held_back_requests.clear();
                self.tell(Event::GlobalFailure(cause));
            }
        }
    }

    /// Asks the coordinator for a sign of life: a start of no reader at all is answered, too.
    pub(super) fn probe_coordinator(&mut self, number: u64) {
        self.to_probe.take_if(|probed| *probed == number);
        let Some(coordinator) = self.coordinator.as_ref().filter(|c| c.number() == number) else {
            return;
        };
        self.round += 1;
        let round = self.round;
        let told = coordinator
            .start_readers(proto::StartReaders { round, ..proto::StartReaders::default() });
        self.expect_answer(number);
        self.note(told);
    }

    fn expect_answer(&mut self, coordinator: u64) {
        let due = Due::ReadersStarted(coordinator, self.round);
        self.timers.add(self.services.worker_start_timeout, due);
    }

    /// Gives up a coordinator that should have heard by now that readers start.
    pub(super) fn give_up_coordinator(&mut self, coordinator: u64, round: u64) {
        if self.answered_round < round {
            let waited = self.services.worker_start_timeout;
            let cause = FailureCause::new(
                Fault::User,
                "CoordinatorStuck",
                format!(
                    "the job's coordinator has not answered within {waited:?}: an enumerator hangs, or \
                     takes too long to start or to give a split (sciurus.jobmanager.worker-timeout)"
                ),
            );
            self.on_coordinator_failed(coordinator, cause, true);
        }
    }

    fn start_coordinator(&mut self) {
        if self.starting.is_some() {
            return;
        }
        self.coordinators += 1;
        let number = self.coordinators;
        let (executable, inbox) = (self.executable.clone(), self.job.inbox.clone());
        let (tasks, expected) = (self.services.tasks.clone(), self.fingerprint);
        self.starting = Some(Box::pin(async move {
            let launched = launch(&executable, Part::Coordinator, number, inbox, &tasks).await;
            let (plan, coordinator) = launched.map_err(|error| error.to_cause())?;
            if plan.graph.fingerprint() != expected {
                return Err(FailureCause::new(
                    Fault::User,
                    "GraphChanged",
                    "the job's main builds another graph than before: it has to build the same one \
                     each time it is run with the same arguments",
                ));
            }
            coordinator.ok_or_else(|| {
                FailureCause::new(Fault::Bug, "Defect", "a coordinator was started as a planner")
            })
        }));
    }

    /// A coordinator that can't be told anything any more is of no use.
    fn note(&mut self, told: Result<(), FailureCause>) {
        if let Err(cause) = told {
            self.coordinator = None;
            self.tell(Event::GlobalFailure(cause));
        }
    }
}
