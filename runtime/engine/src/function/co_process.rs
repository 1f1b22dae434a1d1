//! Functions over the records of two streams, with a life cycle and side outputs.

use sciurus_core::{BoxError, Record};

use super::{Context, RuntimeContext};
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

    /// Lets go of what the function holds.
    ///
    /// # Errors
    /// Fails the job.
    fn close(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}
