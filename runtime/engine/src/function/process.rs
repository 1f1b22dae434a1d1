//! Functions over single records, with a life cycle and side outputs.

use sciurus_core::time::Timestamp;
use sciurus_core::{BoxError, Record};

use super::{FunctionInitializationContext, FunctionSnapshotContext, RuntimeContext, TimeService};
use crate::collector::Collector;
use crate::error::TaskResult;
use crate::side_output::{OutputTag, SideOutputs};

/// Processes the records of a stream one by one; Flink's `ProcessFunction`.
///
/// Each subtask works with its own clone, opened before the first record and closed after the last
/// one, also after a failure.
///
/// ```
/// use sciurus_core::BoxError;
/// use sciurus_engine::function::{Context, ProcessFunction};
/// use sciurus_engine::{Collector, OutputTag};
///
/// #[derive(Clone)]
/// struct Divide {
///     odd: OutputTag<i64>,
/// }
///
/// impl ProcessFunction for Divide {
///     type In = i64;
///     type Out = i64;
///
///     fn process_element(
///         &mut self,
///         value: i64,
///         ctx: &mut Context<'_>,
///         out: &mut Collector<'_, i64>,
///     ) -> Result<(), BoxError> {
///         if value % 2 == 0 { out.collect(value / 2) } else { ctx.output(&self.odd, value) }
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function over records without keys",
    label = "not a `ProcessFunction`",
    note = "`key_by` gives the stream the keys that a `KeyedProcessFunction` needs"
)]
pub trait ProcessFunction: Clone + Send + Sync + 'static {
    /// What is processed.
    type In: Record;
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

    /// Processes one record.
    ///
    /// # Errors
    /// Fails the job.
    fn process_element(
        &mut self,
        value: <Self::In as Record>::View<'_>,
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

/// What a function may ask about the record at hand, and its side outputs.
pub struct Context<'a> {
    timestamp: Option<Timestamp>,
    time: TimeService<'a>,
    sides: &'a mut SideOutputs,
}

impl<'a> Context<'a> {
    /// Makes the context of the records of one batch.
    pub(crate) fn new(time: TimeService<'a>, sides: &'a mut SideOutputs) -> Self {
        Self { timestamp: None, time, sides }
    }

    /// Goes on to the next record.
    #[inline]
    pub(crate) fn set_timestamp(&mut self, timestamp: Option<Timestamp>) {
        self.timestamp = timestamp;
    }

    /// Ends a call of the function: sends side outputs that are full.
    #[inline]
    pub(crate) fn end_call<O: Record>(&mut self, collector: &mut Collector<'_, O>) -> TaskResult {
        self.sides.emit_full(collector.output())?;
        collector.check()
    }

    /// Returns the record's event timestamp, milliseconds since the Unix epoch, where it has one.
    #[inline]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Returns what tells the time. Timers need a key: they belong to keyed streams.
    #[inline]
    pub fn timer_service(&self) -> TimeService<'a> {
        self.time
    }

    /// Emits a record into the side output `tag`.
    #[inline]
    pub fn output<T: Record>(&mut self, tag: &OutputTag<T>, record: T::View<'_>) {
        self.sides.append(tag, record, self.timestamp);
    }
}
