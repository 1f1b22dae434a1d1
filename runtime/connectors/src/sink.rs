//! The contract of a sink, shaped after Flink's `Sink`: writers stage output, committers publish
//! it.
//!
//! A sink without external effect to undo (print, discard) writes at once and has nothing to
//! commit. A sink with transactions or files stages what it writes; what is staged is described by
//! *committables*, which are data: they lie in a checkpoint and may be committed by another process
//! than the one that wrote them. The engine asks for them ([`SinkWriter::prepare_commit`]) at every
//! checkpoint, and commits them once the checkpoint is complete. Without checkpoints it asks at the
//! end of a bounded input, or as soon as there is something where the input has no end.

use serde::Serialize;
use serde::de::DeserializeOwned;

use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, BoxError, Record};
use sciurus_engine::operator::OperatorContext;

/// Where the records of a stream end.
pub trait Sink<T: Record>: Send + Sync + 'static {
    /// Describes staged output; `()` where nothing is staged.
    type Committable: Clone + Send + Serialize + DeserializeOwned + 'static;

    /// Makes the writer of a subtask.
    ///
    /// # Errors
    /// Whatever keeps the subtask from writing.
    fn writer(
        &self,
        context: &OperatorContext,
    ) -> Result<Box<dyn SinkWriter<T, Self::Committable>>, BoxError>;

    /// Makes the committer of a subtask; needed by sinks that stage output.
    ///
    /// # Errors
    /// Whatever keeps the subtask from committing.
    fn committer(
        &self,
        context: &OperatorContext,
    ) -> Result<Box<dyn Committer<Self::Committable>>, BoxError> {
        let _ = context;
        Ok(Box::new(NothingToCommit))
    }
}

/// Writes the records of one subtask, on its task thread.
///
/// The calls are: `write_batch` and `write_watermark` in the order of the stream; `flush` and then
/// `prepare_commit` at each checkpoint and at the end of the input; `close` in every case, last.
/// What was not committed by then is to vanish, or to stay invisible.
pub trait SinkWriter<T: Record, C>: Send {
    /// Returns whether the writer can take more rows; see
    /// [`Operator::is_available`](sciurus_engine::operator::Operator::is_available).
    fn is_available(&self) -> bool {
        true
    }

    /// Writes the rows of `batch` that count; `columns` are the batch's.
    ///
    /// # Errors
    /// Fails the task.
    fn write_batch(&mut self, batch: &Batch, columns: &T::Columns) -> Result<(), BoxError>;

    /// No record with a timestamp at or below `watermark` follows, but for late ones.
    ///
    /// # Errors
    /// Fails the task.
    fn write_watermark(&mut self, watermark: Timestamp) -> Result<(), BoxError> {
        let _ = watermark;
        Ok(())
    }

    /// Makes all that was written durable, or ready for `prepare_commit`.
    ///
    /// # Errors
    /// Fails the task.
    fn flush(&mut self, end_of_input: bool) -> Result<(), BoxError> {
        let _ = end_of_input;
        Ok(())
    }

    /// Takes what is ready to be committed. The writer lets go of it: nothing it does later may
    /// harm it.
    ///
    /// # Errors
    /// Fails the task.
    fn prepare_commit(&mut self) -> Result<Vec<C>, BoxError> {
        Ok(Vec::new())
    }

    /// Returns when [`on_processing_time`](Self::on_processing_time) is to be called next,
    /// milliseconds since the Unix epoch.
    fn next_processing_time(&self) -> Option<Timestamp> {
        None
    }

    /// Processing time has reached `now`, at or after the time asked for.
    ///
    /// # Errors
    /// Fails the task.
    fn on_processing_time(&mut self, now: Timestamp) -> Result<(), BoxError> {
        let _ = now;
        Ok(())
    }

    /// Lets go of everything, and removes what was staged but not given out by `prepare_commit`.
    ///
    /// # Errors
    /// Fails the task where nothing else did.
    fn close(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Publishes staged output.
pub trait Committer<C>: Send {
    /// Publishes what `committables` describe. It must be idempotent: after a failure the same
    /// committables may come again.
    ///
    /// # Errors
    /// Fails the task.
    fn commit(&mut self, committables: Vec<C>) -> Result<(), BoxError>;

    /// Discards staged output that no checkpoint refers to.
    ///
    /// # Errors
    /// Fails the task where nothing else did.
    fn abort(&mut self, committables: Vec<C>) -> Result<(), BoxError> {
        let _ = committables;
        Ok(())
    }
}

/// The committer of a sink that stages nothing.
struct NothingToCommit;

impl<C> Committer<C> for NothingToCommit {
    fn commit(&mut self, committables: Vec<C>) -> Result<(), BoxError> {
        if committables.is_empty() {
            Ok(())
        } else {
            Err("the sink stages output but has no committer".into())
        }
    }
}
