//! Runs a sink as the last operator of a chain.

mod commits;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Record};
use sciurus_engine::checkpoint::SnapshotContext;
use sciurus_engine::operator::{Operator, OperatorContext, OperatorFactory};
use sciurus_engine::output::Output;
use sciurus_engine::{TaskError, TaskResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sink::{Sink, SinkWriter};
use commits::Commits;

/// Makes the operators of a sink.
pub struct SinkOperatorFactory<T, S> {
    sink: Arc<S>,
    records: PhantomData<fn(T)>,
}

impl<T: Record, S: Sink<T>> SinkOperatorFactory<T, S> {
    /// Makes a factory of `sink`'s operators.
    pub fn new(sink: S) -> Self {
        Self { sink: Arc::new(sink), records: PhantomData }
    }
}

impl<T: Record, S: Sink<T>> OperatorFactory for SinkOperatorFactory<T, S> {
    fn create(&self, context: &OperatorContext) -> TaskResult<Box<dyn Operator>> {
        let commit = if context.state.is_checkpointed() {
            CommitTime::Checkpoint
        } else if context.bounded {
            CommitTime::End
        } else {
            // Readers of an endless stream's output can't wait for its end.
            CommitTime::AtOnce
        };
        Ok(Box::new(SinkOperator::<T, S> { sink: self.sink.clone(), running: None, commit }))
    }
}

struct SinkOperator<T: Record, S: Sink<T>> {
    sink: Arc<S>,
    running: Option<Running<T, S::Committable>>,
    commit: CommitTime,
}

/// When staged output is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommitTime {
    /// When the checkpoint is complete that it is part of.
    Checkpoint,
    /// At the end of the input.
    End,
    /// As soon as it is staged.
    AtOnce,
}

struct Running<T, C> {
    writer: Box<dyn SinkWriter<T, C>>,
    commits: Commits<C>,
    /// The input has ended and the writer has staged all of its output.
    is_finished: bool,
}

impl<T: Record, C: Clone + Serialize + DeserializeOwned> Running<T, C> {
    fn commit(&mut self) -> TaskResult {
        let committables = self.writer.prepare_commit().map_err(TaskError::connector)?;
        self.commits.commit(&committables)
    }

    fn stage(&mut self) -> TaskResult {
        let committables = self.writer.prepare_commit().map_err(TaskError::connector)?;
        self.commits.stage(committables);
        Ok(())
    }
}

impl<T: Record, S: Sink<T>> SinkOperator<T, S> {
    fn running(&mut self) -> TaskResult<&mut Running<T, S::Committable>> {
        self.running.as_mut().ok_or(TaskError::Defect("a sink that was not opened"))
    }
}

impl<T: Record, S: Sink<T>> Operator for SinkOperator<T, S> {
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let committer = self.sink.committer(context).map_err(TaskError::connector)?;
        // What is restored is committed before anything new is written, and before writers clean up
        // what was left behind.
        let commits = Commits::open(committer, context)?;
        let writer = self.sink.writer(context).map_err(TaskError::connector)?;
        self.running = Some(Running { writer, commits, is_finished: false });
        Ok(())
    }

    fn is_available(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.writer.is_available())
    }

    fn process_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> TaskResult {
        let columns = batch.columns::<T>()?;
        let commit_at_once = self.commit == CommitTime::AtOnce;
        let running = self.running()?;
        running.writer.write_batch(&batch, &columns).map_err(TaskError::connector)?;
        if commit_at_once { running.commit() } else { Ok(()) }
    }

    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        self.running()?.writer.write_watermark(watermark).map_err(TaskError::connector)?;
        out.emit_watermark(watermark)
    }

    fn next_processing_time(&self) -> Option<Timestamp> {
        self.running.as_ref().and_then(|running| running.writer.next_processing_time())
    }

    fn on_processing_time(&mut self, now: Timestamp, _: &mut Output) -> TaskResult {
        let commit_at_once = self.commit == CommitTime::AtOnce;
        let running = self.running()?;
        running.writer.on_processing_time(now).map_err(TaskError::connector)?;
        if commit_at_once { running.commit() } else { Ok(()) }
    }

    fn finish(&mut self, _: &mut Output) -> TaskResult {
        let waits = self.commit == CommitTime::Checkpoint;
        let running = self.running()?;
        running.writer.flush(true).map_err(TaskError::connector)?;
        running.is_finished = true;
        if waits { running.stage() } else { running.commit() }
    }

    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, _: &mut Output) -> TaskResult {
        let running = self.running()?;
        if !running.is_finished {
            running.writer.flush(false).map_err(TaskError::connector)?;
            running.stage()?;
        }
        snapshot.operator = running.commits.snapshot(snapshot.barrier)?;
        Ok(())
    }

    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        self.running()?.commits.checkpoint_complete(checkpoint)
    }

    fn close(&mut self) -> TaskResult {
        match self.running.take() {
            Some(mut running) => running.writer.close().map_err(TaskError::connector),
            None => Ok(()),
        }
    }
}
