//! Functions over the records of two streams, one key at a time.

use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Record};

use super::{
    FunctionInitializationContext, FunctionSnapshotContext, KeyedContext, KeyedRuntimeContext,
    OnTimerContext,
};
use crate::collector::Collector;

/// Processes the records of two connected keyed streams one by one; Flink's
/// `KeyedCoProcessFunction`.
///
/// Both inputs see the same state of a key and share its timers. State is declared and used as in a
/// [`KeyedProcessFunction`](super::KeyedProcessFunction). Nothing is said about the order between
/// the inputs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over two keyed streams",
    label = "not a `KeyedCoProcessFunction`"
)]
pub trait KeyedCoProcessFunction: Clone + Send + Sync + 'static {
    /// What both streams are keyed by.
    type Key: Record;
    /// What the first stream holds.
    type In1: Record;
    /// What the second stream holds.
    type In2: Record;
    /// What is collected.
    type Out: Record;

    /// Gets ready: registers state. There is no current key yet.
    ///
    /// # Errors
    /// Fails the job.
    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// Processes one record of the first stream.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element1(
        &mut self,
        value: <Self::In1 as Record>::View<'_>,
        ctx: &mut KeyedContext<'_, Self::Key>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// Processes one record of the second stream.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element2(
        &mut self,
        value: <Self::In2 as Record>::View<'_>,
        ctx: &mut KeyedContext<'_, Self::Key>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// A timer of the current key is due, at or after `timestamp`.
    ///
    /// # Errors
    /// Fails the job.
    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut OnTimerContext<'_, Self::Key>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        let _ = (timestamp, ctx, out);
        Ok(())
    }

    /// Registers operator state, before the function is opened, and takes up what was restored of
    /// it: what a subtask keeps that belongs to no key, in fields of the function, lies in
    /// checkpoints only where [`snapshot_state`](Self::snapshot_state) puts it there. Flink's
    /// `CheckpointedFunction`.
    ///
    /// # Errors
    /// Fails the job.
    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// A checkpoint is taken: brings the operator state up to date. Quickly: the task stands still
    /// meanwhile.
    ///
    /// # Errors
    /// Fails the job.
    fn snapshot_state(&mut self, ctx: &mut FunctionSnapshotContext<'_>) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// Lets go of what the function holds.
    ///
    /// # Errors
    /// Fails the job.
    fn close(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}
