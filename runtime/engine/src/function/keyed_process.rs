//! Functions over the records of one key at a time, with state, timers and side outputs.

use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Record};

use super::{
    FunctionInitializationContext, FunctionSnapshotContext, KeyedContext, KeyedRuntimeContext,
    OnTimerContext,
};
use crate::collector::Collector;

/// Processes the records of a keyed stream one by one; Flink's `KeyedProcessFunction`.
///
/// State handles are fields of the function, registered in `open`; they read and write the state
/// of the current key through the context. Each subtask works with its own clone of the function.
/// What is collected for a record has the record's timestamp, what is collected by an event-time
/// timer the timer's.
///
/// ```
/// use sciurus_core::BoxError;
/// use sciurus_engine::Collector;
/// use sciurus_engine::function::{KeyedContext, KeyedProcessFunction, KeyedRuntimeContext};
/// use sciurus_state::{StateAccess, ValueState};
///
/// /// Numbers the words of each kind.
/// #[derive(Clone)]
/// struct Number {
///     count: ValueState<i64>,
/// }
///
/// impl KeyedProcessFunction for Number {
///     type Key = String;
///     type In = String;
///     type Out = (String, i64);
///
///     fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
///         Ok(ctx.register(&mut self.count)?)
///     }
///
///     fn process_element(
///         &mut self,
///         word: &str,
///         ctx: &mut KeyedContext<'_, String>,
///         out: &mut Collector<'_, (String, i64)>,
///     ) -> Result<(), BoxError> {
///         let count = self.count.value(ctx)?.unwrap_or(0) + 1;
///         self.count.update(ctx, count)?;
///         out.collect((word, count));
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over keyed records",
    label = "not a `KeyedProcessFunction`",
    note = "a `ProcessFunction` has no keys: give it the stream that `key_by` was called on"
)]
pub trait KeyedProcessFunction: Clone + Send + Sync + 'static {
    /// What the stream is keyed by.
    type Key: Record;
    /// What is processed.
    type In: Record;
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

    /// Processes one record.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element(
        &mut self,
        value: <Self::In as Record>::View<'_>,
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
