//! Functions over a keyed stream and one that every subtask gets all of.

use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Record};

use super::{
    BroadcastContext, FunctionInitializationContext, FunctionSnapshotContext, KeyedReadOnlyContext,
    KeyedRuntimeContext, ReadOnlyOnTimerContext,
};
use crate::collector::Collector;

/// Processes the records of a keyed stream in the light of another stream, whose records all reach
/// every subtask; Flink's `KeyedBroadcastProcessFunction`.
///
/// As in a [`BroadcastProcessFunction`](super::BroadcastProcessFunction), only broadcast records may
/// change the broadcast state. Records of the keyed stream have state and timers of their key, as in
/// a [`KeyedProcessFunction`](super::KeyedProcessFunction).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over a keyed stream and a broadcast one",
    label = "not a `KeyedBroadcastProcessFunction`"
)]
pub trait KeyedBroadcastProcessFunction: Clone + Send + Sync + 'static {
    /// What the stream is keyed by.
    type Key: Record;
    /// What the keyed stream holds.
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

    /// Gets ready: registers keyed state. There is no current key yet.
    ///
    /// # Errors
    /// Fails the job.
    fn open(&mut self, ctx: &mut KeyedRuntimeContext<'_>) -> Result<(), BoxError> {
        let _ = ctx;
        Ok(())
    }

    /// Processes one record of the keyed stream.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element(
        &mut self,
        value: <Self::In as Record>::View<'_>,
        ctx: &mut KeyedReadOnlyContext<'_, '_, Self::Key>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// Processes one broadcast record, as every subtask does. There is no current key.
    ///
    /// # Errors
    /// Fails the job.
    fn process_broadcast_element(
        &mut self,
        value: <Self::Broadcast as Record>::View<'_>,
        ctx: &mut BroadcastContext<'_, '_>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError>;

    /// A timer of the current key is due, at or after `timestamp`.
    ///
    /// # Errors
    /// Fails the job.
    fn on_timer(
        &mut self,
        timestamp: Timestamp,
        ctx: &mut ReadOnlyOnTimerContext<'_, '_, Self::Key>,
        out: &mut Collector<'_, Self::Out>,
    ) -> Result<(), BoxError> {
        let _ = (timestamp, ctx, out);
        Ok(())
    }

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
