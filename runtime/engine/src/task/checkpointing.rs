//! A task's part in checkpoints: when it takes its snapshot, and what it does at its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sciurus_checkpoint::TaskCheckpointMetrics;
use sciurus_core::checkpoint::{CheckpointBarrier, CheckpointId, Ending};
use sciurus_core::element::StreamElement;
use sciurus_core::time::{MAX_WATERMARK, Timestamp};

use super::align::{Aligner, Outcome};
use super::run::{Input, Task};
use crate::checkpoint::{OperatorPart, SnapshotWrites, TaskSnapshot};
use crate::error::{TaskError, TaskResult};
use crate::operator_node::OperatorNode;
use crate::source::reader_state;
use crate::task::panics;

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It processes its input.
    Running,
    /// All input was processed and the operators have finished; barriers still pass. The task ends
    /// when a checkpoint is complete that was taken behind that.
    DataEnded {
        /// The first such checkpoint.
        behind: Option<CheckpointId>,
    },
    /// It has taken its snapshot for the savepoint that the job ends with, and does nothing until it
    /// hears what became of that.
    Stopping { savepoint: CheckpointId, resume: Resume },
    /// It waits for its producers to close their channels, and closes its own then.
    Closing,
}

/// How a task goes on where the savepoint fails that the job was to end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// As before.
    Running,
    /// Waiting for its end, as before.
    DataEnded { behind: Option<CheckpointId> },
    /// Not at all: event time has ended.
    Not,
}

/// What a task knows of checkpoints.
pub(super) struct Checkpointing {
    aligner: Aligner,
    /// When the first barrier of each pending checkpoint has come.
    begun: BTreeMap<CheckpointId, Begun>,
    writes: SnapshotWrites,
    /// Whether the task stays after its last row until a checkpoint holds what it did.
    waits_at_end: bool,
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    at: Instant,
    start_delay_ms: u64,
    bytes_in: u64,
}

impl Checkpointing {
    pub(super) fn new(channels: usize, writes: SnapshotWrites) -> Self {
        let waits_at_end = writes.services().waits_at_end();
        Self { aligner: Aligner::new(channels), begun: BTreeMap::new(), writes, waits_at_end }
    }

    /// Lets the task end without waiting for a checkpoint.
    pub(super) fn end_at_once(&mut self) {
        self.waits_at_end = false;
    }

    fn note_begun(&mut self, outcome: &Outcome, now: Timestamp, timestamp: Timestamp, bytes: u64) {
        let Some(checkpoint) = outcome.begun else { return };
        let start_delay_ms = now.saturating_sub(timestamp).max(0) as u64;
        self.begun
            .insert(checkpoint, Begun { at: Instant::now(), start_delay_ms, bytes_in: bytes });
    }

    /// Says how the alignment went that is over now.
    fn take_metrics(&mut self, checkpoint: CheckpointId, bytes: u64) -> TaskCheckpointMetrics {
        let Some(begun) = self.begun.remove(&checkpoint) else {
            return TaskCheckpointMetrics::default();
        };
        TaskCheckpointMetrics {
            alignment_ms: millis(begun.at.elapsed()),
            start_delay_ms: begun.start_delay_ms,
            processed_bytes: bytes.saturating_sub(begun.bytes_in),
            ..TaskCheckpointMetrics::default()
        }
    }
}

impl Task {
    /// A checkpoint begins at this task.
    pub(super) fn on_trigger(&mut self, barrier: &CheckpointBarrier) -> TaskResult {
        self.align(barrier, |aligner| aligner.on_trigger(barrier))
    }

    /// A barrier has come by a channel.
    pub(super) fn on_barrier(&mut self, channel: usize, barrier: &CheckpointBarrier) -> TaskResult {
        self.align(barrier, |aligner| aligner.on_barrier(channel, barrier))
    }

    fn align(
        &mut self,
        barrier: &CheckpointBarrier,
        advance: impl FnOnce(&mut Aligner) -> Outcome,
    ) -> TaskResult {
        let Some(checkpointing) = &mut self.checkpointing else {
            return Err(TaskError::Defect("a barrier reaches a task that takes no checkpoints"));
        };
        match self.phase {
            // Its end is reported in a moment.
            Phase::Closing => return Ok(()),
            Phase::Stopping { savepoint, .. } => {
                let reason = format!("the task waits for savepoint {savepoint} to end with");
                checkpointing.writes.decline(barrier.id, reason);
                return Ok(());
            }
            Phase::Running | Phase::DataEnded { .. } => {}
        }
        let outcome = advance(&mut checkpointing.aligner);
        let bytes = self.metrics.bytes_in.get();
        checkpointing.note_begun(&outcome, self.clock.now(), barrier.timestamp, bytes);
        self.apply(outcome)
    }

    /// A channel is closed.
    pub(super) fn on_closed(&mut self, channel: usize) -> TaskResult {
        let Some(checkpointing) = &mut self.checkpointing else { return Ok(()) };
        let outcome = checkpointing.aligner.on_closed(channel);
        if self.phase == Phase::Closing { Ok(()) } else { self.apply(outcome) }
    }

    fn apply(&mut self, outcome: Outcome) -> TaskResult {
        let Outcome { begun, overtaken, aligned } = outcome;
        let Some(checkpointing) = &mut self.checkpointing else { return Ok(()) };
        for id in &overtaken {
            checkpointing.begun.remove(id);
            let newer = begun.or(aligned.last().map(|barrier| barrier.id)).unwrap_or(*id);
            let reason = format!(
                "checkpoint {newer} has begun before the barriers of {id} had come by all inputs"
            );
            checkpointing.writes.decline(*id, reason);
        }
        if let Input::Gates { gates, .. } = &mut self.input {
            let is_over = !(overtaken.is_empty() && aligned.is_empty());
            gates.hold_back(&checkpointing.aligner, is_over);
        }
        aligned.into_iter().try_for_each(|barrier| self.take_snapshot(barrier))
    }

    /// Takes the snapshot of all operators, the barrier going on from each to the next; it is
    /// written behind the task's back.
    fn take_snapshot(&mut self, barrier: CheckpointBarrier) -> TaskResult {
        let Some(checkpointing) = &mut self.checkpointing else { return Ok(()) };
        let bytes = self.metrics.bytes_in.get();
        let metrics = checkpointing.take_metrics(barrier.id, bytes);
        if let Some(reason) = checkpointing.writes.refusal() {
            checkpointing.writes.decline(barrier.id, reason);
            return Ok(());
        }
        let start = Instant::now();
        let mut parts = Vec::new();
        let mut drains = false;
        match &mut self.input {
            Input::Source { id, name, driver, output, .. } => {
                drains =
                    barrier.kind.ending() == Some(Ending::Drain) && self.phase == Phase::Running;
                if drains {
                    output.emit_watermark(MAX_WATERMARK)?;
                    output.emit_control(&StreamElement::EndOfInput)?;
                }
                let splits = panics::catch(|| driver.snapshot());
                let splits = splits.map_err(|error| error.in_operator(name))?;
                if !splits.is_empty() {
                    let operator = Some(reader_state(splits));
                    parts.push(OperatorPart { id: *id, keyed: None, operator });
                }
                output.checkpoint(&barrier, &mut parts)?;
            }
            Input::Gates { head, .. } => head.checkpoint(&barrier, &mut parts)?,
        }
        let metrics = TaskCheckpointMetrics { sync_ms: millis(start.elapsed()), ..metrics };
        self.note_taken(&barrier, drains);
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.writes.begin(TaskSnapshot { barrier, parts, metrics });
        }
        Ok(())
    }

    /// Notes what a snapshot means for the task's end.
    fn note_taken(&mut self, barrier: &CheckpointBarrier, drains: bool) {
        self.phase = match (self.phase, barrier.kind.ending()) {
            (Phase::Running, Some(_)) => {
                let resume = if drains { Resume::Not } else { Resume::Running };
                Phase::Stopping { savepoint: barrier.id, resume }
            }
            (Phase::DataEnded { behind }, Some(_)) => {
                Phase::Stopping { savepoint: barrier.id, resume: Resume::DataEnded { behind } }
            }
            // A savepoint is the user's: nothing that waits for checkpoints takes effect by it.
            (Phase::DataEnded { behind: None }, None) if !barrier.kind.is_savepoint() => {
                Phase::DataEnded { behind: Some(barrier.id) }
            }
            (phase, _) => phase,
        };
    }

    /// A checkpoint is complete, and with it every earlier one.
    pub(super) fn on_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        if let Some(checkpointing) = &self.checkpointing {
            checkpointing.writes.complete(checkpoint);
        }
        self.for_each_node(|node| node.checkpoint_complete(checkpoint))?;
        let is_last = match self.phase {
            Phase::DataEnded { behind } => behind.is_some_and(|behind| checkpoint >= behind),
            Phase::Stopping { savepoint, .. } => checkpoint == savepoint,
            Phase::Running | Phase::Closing => false,
        };
        if is_last {
            self.close_soon();
        }
        Ok(())
    }

    /// Goes on to close all channels; what was to be aligned isn't any more.
    fn close_soon(&mut self) {
        self.phase = Phase::Closing;
        if let (Input::Gates { gates, .. }, Some(checkpointing)) =
            (&mut self.input, &mut self.checkpointing)
        {
            let pending: Vec<CheckpointId> = checkpointing.aligner.pending().collect();
            for checkpoint in pending {
                checkpointing.aligner.on_aborted(checkpoint);
            }
            gates.hold_back(&checkpointing.aligner, true);
        }
    }

    /// A checkpoint was given up.
    pub(super) fn on_aborted(&mut self, checkpoint: CheckpointId) -> TaskResult {
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.begun.remove(&checkpoint);
            checkpointing.writes.abort(checkpoint);
            if checkpointing.aligner.on_aborted(checkpoint)
                && let Input::Gates { gates, .. } = &mut self.input
            {
                gates.hold_back(&checkpointing.aligner, true);
            }
        }
        self.for_each_node(|node| node.checkpoint_aborted(checkpoint))?;
        match self.phase {
            Phase::Stopping { savepoint, resume } if savepoint == checkpoint => {
                self.phase = match resume {
                    Resume::Running => Phase::Running,
                    Resume::DataEnded { behind } => Phase::DataEnded { behind },
                    Resume::Not => return Err(TaskError::StopFailed { savepoint }),
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// All data was processed and the operators have finished: the task stays for a last checkpoint,
    /// where it has to.
    pub(super) fn on_data_ended(&mut self) {
        let Some(checkpointing) = &self.checkpointing else { return };
        if self.phase == Phase::Running && checkpointing.waits_at_end {
            self.phase = Phase::DataEnded { behind: None };
            checkpointing.writes.end_of_data();
        }
    }

    /// Calls `visit` with every operator, the head first.
    fn for_each_node(
        &mut self,
        mut visit: impl FnMut(&mut OperatorNode) -> TaskResult,
    ) -> TaskResult {
        match &mut self.input {
            Input::Source { output, .. } => output.try_for_each_node(&mut visit),
            Input::Gates { head, .. } => {
                visit(head)?;
                head.output.try_for_each_node(&mut visit)
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
