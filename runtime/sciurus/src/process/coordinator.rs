//! The coordinator of a job: the enumerators of its sources.

use std::collections::HashSet;
use std::process;
use std::sync::mpsc;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::ids::ExecutionVertexId;
use sciurus_engine::source::SourceEvent;
use sciurus_engine::{TaskError, TaskResult};
use sciurus_job_master::failure::{FailureCause, Fault};
use sciurus_rpc::convert::{MessageError, read_enumerator_states};
use sciurus_rpc::framing;
use sciurus_rpc::proto::{self, from_job, source_event, to_job};

use super::manager::{INBOX_MESSAGES, Incoming, Manager};
use super::{DescribedJob, refuse, send};
use crate::tasks::{Decisions, Sources, SourcesRestore, cause_of};

/// Serves the JobManager until it is told to end.
pub(super) fn run(manager: &Manager, job: DescribedJob) -> ! {
    let (inbox, messages) = mpsc::sync_channel(INBOX_MESSAGES);
    if let Err(error) = manager.listen(inbox, |incoming| incoming) {
        let text = format!("cannot start a thread: {error}");
        refuse(manager, FailureCause::new(Fault::Environment, "System", text));
    }
    let mut coordinator = Coordinator { manager, job, sources: Sources::default(), round: 0 };
    while let Ok(Incoming::Message(message)) = messages.recv() {
        if let Err(error) = coordinator.handle(*message) {
            let text = format!("a message of the JobManager cannot be used: {error}");
            refuse(manager, FailureCause::new(Fault::Bug, "MalformedMessage", text));
        }
    }
    process::exit(0)
}

struct Coordinator<'a> {
    manager: &'a Manager,
    job: DescribedJob,
    sources: Sources,
    /// Of the last message that started readers.
    round: u64,
}

impl Coordinator<'_> {
    fn handle(&mut self, message: to_job::Message) -> Result<(), MessageError> {
        match message {
            to_job::Message::StartReaders(start) => {
                let readers: HashSet<ExecutionVertexId> =
                    start.readers.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                let restore = start.restore.map(read_restore).transpose()?;
                self.round = start.round;
                let DescribedJob { graph, program, .. } = &self.job;
                let started = self.sources.start(graph, program, &readers, restore.as_ref());
                self.answer(started, true);
            }
            to_job::Message::SplitRequest(reader) => {
                let served = self.sources.serve(reader.try_into()?);
                self.answer(served, false);
            }
            to_job::Message::SnapshotSources(proto::SnapshotSources { checkpoint }) => {
                self.snapshot(CheckpointId(checkpoint));
            }
            to_job::Message::SourcesComplete(checkpoint) => {
                if let Err(error) = self.sources.complete(CheckpointId(checkpoint)) {
                    self.fail(&error);
                }
            }
            _ => tracing::warn!("the JobManager sent a message that is not for coordinators"),
        }
        Ok(())
    }

    /// Tells what enumerators decided; where they decided nothing only if that is wanted.
    fn answer(&self, decided: TaskResult<Decisions>, always: bool) {
        match decided {
            Ok(decisions) if decisions.is_empty() && !always => {}
            Ok(decisions) => {
                let decisions =
                    decisions.into_iter().map(|(reader, event)| proto::SourceDecision {
                        reader: Some(reader.into()),
                        event: Some(message_of(event)),
                    });
                send(
                    self.manager,
                    from_job::Message::Decisions(proto::SourceDecisions {
                        decisions: decisions.collect(),
                        total_bytes: self.sources.total_bytes(),
                        round: self.round,
                    }),
                );
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Answers with a snapshot of all enumerators, or why there is none.
    fn snapshot(&mut self, checkpoint: CheckpointId) {
        let result =
            self.sources.snapshot(checkpoint).map_err(|error| cause_of(&error).to_string());
        let mut answer = proto::SourcesSnapshotted::new(checkpoint, result);
        let bytes: usize = answer.states.iter().map(|state| state.state.len()).sum();
        if bytes > framing::MAX_MESSAGE_BYTES / 2 {
            let reason = format!(
                "the enumerators' states take {bytes} bytes, more than can be sent: {}",
                framing::MAX_MESSAGE_BYTES / 2
            );
            answer = proto::SourcesSnapshotted::new(checkpoint, Err(reason));
        }
        send(self.manager, from_job::Message::SourcesSnapshotted(answer));
    }

    fn fail(&self, error: &TaskError) {
        let cause = cause_of(error);
        tracing::error!("a source failed: {cause}");
        send(self.manager, from_job::Message::SourcesFailed(cause.into()));
    }
}

fn read_restore(message: proto::SourcesRestore) -> Result<SourcesRestore, MessageError> {
    Ok(SourcesRestore {
        checkpoint: CheckpointId(message.checkpoint),
        states: read_enumerator_states(message.states)?,
    })
}

fn message_of(event: SourceEvent) -> proto::SourceEvent {
    let event = match event {
        SourceEvent::AddSplit(split) => source_event::Event::AddSplit(split.into()),
        SourceEvent::NoMoreSplits => source_event::Event::NoMoreSplits(true),
    };
    proto::SourceEvent { event: Some(event) }
}
