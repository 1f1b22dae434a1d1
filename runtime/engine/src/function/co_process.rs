//! Functions over the records of two streams, with a life cycle and side outputs.

use sciurus_core::{BoxError, Record};

use super::{Context, FunctionInitializationContext, FunctionSnapshotContext, RuntimeContext};
use crate::collector::Collector;

/// Processes the records of two connected streams one by one; Flink's `CoProcessFunction`.
///
/// Both inputs share the function's fields: what one learns the other knows. Nothing is said about
/// the order between them. Each subtask works with its own clone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over two streams without keys",
    label = "not a `CoProcessFunction`",
    note = "`key_by` gives both streams the keys that a `KeyedCoProcessFunction` needs"
)]
pub trait CoProcessFunction: Clone + Send + Sync + 'static {
    /// What the first stream holds.
    type In1: Record;
    /// What the second stream holds.
    type In2: Record;
    /// What is collected.
    type Out: Record;

    /// Gets ready.
    ///
    /// # Errors
    /// Fails the job.
    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
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
        ctx: &mut Context<'_>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// Processes one record of the second stream.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element2(
        &mut self,
        value: <Self::In2 as Record>::View<'_>,
        ctx: &mut Context<'_>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

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
