//! Functions over a stream and one that every subtask gets all of.

use sciurus_core::{BoxError, Record};

use super::{
    BroadcastContext, FunctionInitializationContext, FunctionSnapshotContext, ReadOnlyContext,
    RuntimeContext,
};
use crate::collector::Collector;

/// Processes the records of a stream in the light of another stream, whose records all reach every
/// subtask; Flink's `BroadcastProcessFunction`.
///
/// What the broadcast records say lies in [`BroadcastState`](sciurus_state::operator::BroadcastState),
/// registered in [`initialize_state`](Self::initialize_state): records of the stream may read it,
/// only broadcast records may change it, so that it stays the same in all subtasks. Nothing is said
/// about the order between the two streams.
///
/// ```
/// use sciurus_core::BoxError;
/// use sciurus_engine::Collector;
/// use sciurus_engine::function::{
///     BroadcastContext, BroadcastProcessFunction, FunctionInitializationContext, ReadOnlyContext,
/// };
/// use sciurus_state::operator::BroadcastState;
///
/// /// Lets the words pass that a second stream allows.
/// #[derive(Clone)]
/// struct Allow {
///     allowed: BroadcastState<String, bool>,
/// }
///
/// impl BroadcastProcessFunction for Allow {
///     type In = String;
///     type Broadcast = (String, bool);
///     type Out = String;
///
///     fn initialize_state(
///         &mut self,
///         ctx: &mut FunctionInitializationContext<'_>,
///     ) -> Result<(), BoxError> {
///         Ok(ctx.register_broadcast(&mut self.allowed)?)
///     }
///
///     fn process_element(
///         &mut self,
///         word: &str,
///         ctx: &mut ReadOnlyContext<'_, '_>,
///         out: &mut Collector<'_, String>,
///     ) -> Result<(), BoxError> {
///         if self.allowed.get(ctx.broadcast_state(), &word.to_owned())? == Some(&true) {
///             out.collect(word);
///         }
///         Ok(())
///     }
///
///     fn process_broadcast_element(
///         &mut self,
///         (word, is_allowed): (&str, bool),
///         ctx: &mut BroadcastContext<'_, '_>,
///         _: &mut Collector<'_, String>,
///     ) -> Result<(), BoxError> {
///         self.allowed.put(ctx.broadcast_state(), word.to_owned(), is_allowed)?;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over a stream and a broadcast one",
    label = "not a `BroadcastProcessFunction`"
)]
pub trait BroadcastProcessFunction: Clone + Send + Sync + 'static {
    /// What the stream holds.
    type In: Record;
    /// What the broadcast stream holds.
    type Broadcast: Record;
    /// What is collected.
    type Out: Record;

    /// Registers broadcast state and other operator state, before the function is opened, and takes
    /// up what was restored of it.
    ///
    /// # Errors
    /// Fails the job.
    fn initialize_state(
        &mut self,
        ctx: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError>;

    /// Gets ready.
    ///
    /// # Errors
    /// Fails the job.
    fn open(&mut self, ctx: &mut RuntimeContext<'_>) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// Processes one record of the stream.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element(
        &mut self,
        value: <Self::In as Record>::View<'_>,
        ctx: &mut ReadOnlyContext<'_, '_>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// Processes one broadcast record, as every subtask does.
    ///
    /// # Errors
    /// Fails the job.
    fn process_broadcast_element(
        &mut self,
        value: <Self::Broadcast as Record>::View<'_>,
        ctx: &mut BroadcastContext<'_, '_>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// A checkpoint is taken: brings operator state up to date that isn't broadcast state.
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
