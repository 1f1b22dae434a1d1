//! The contract between an operator and the task that runs it.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::Batch;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::clock::Clock;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::key::KeyGroupRange;
use sciurus_core::time::Timestamp;
use sciurus_state::{BackendConfig, KeyedBackend, OperatorBackend};

use crate::accumulator::Accumulators;
use crate::checkpoint::{SnapshotContext, StateProvider};
use crate::error::TaskResult;
use crate::metrics::OperatorMetrics;
use crate::notify::Notifier;
use crate::output::Output;

/// Where an operator runs and what it may use.
#[derive(Clone)]
pub struct OperatorContext {
    /// The operator's name.
    pub name: Arc<str>,
    /// Which subtask this is.
    pub subtask: SubtaskInfo,
    /// Processing time.
    pub clock: Arc<dyn Clock>,
    /// What the operator counts.
    pub metrics: Arc<OperatorMetrics>,
    /// Wakes the task: for operators and readers that wait for other threads.
    pub notifier: Notifier,
    /// What the subtask counts for the job's result.
    pub accumulators: Accumulators,
    /// When a batch under construction is full.
    pub limits: BatchLimits,
    /// How often periodic watermarks are made; never where zero.
    pub watermark_interval: Duration,
    /// Whether all inputs of the job end.
    pub bounded: bool,
    /// Whether results are wanted once, at the end of the input.
    pub batch_mode: bool,
    /// Where the operator's state comes from.
    pub state: Arc<dyn StateProvider>,
}

impl OperatorContext {
    /// Makes the keyed state backend of the operator, for the key groups of its subtask: empty, or
    /// with what a checkpoint holds of them. Reading that takes its time: it belongs in
    /// [`Operator::open`], which runs on the task's own thread.
    ///
    /// # Errors
    /// Where the backend can't be made or its state can't be read.
    pub fn keyed_backend(&self) -> TaskResult<KeyedBackend> {
        let config = BackendConfig::new(self.subtask.max_parallelism, self.subtask.key_groups());
        let config = config.clock(self.clock.clone());
        self.state.keyed_backend(config)
    }

    /// Makes the operator state backend of the operator: empty, or with the subtask's share of what
    /// the checkpoint holds.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn operator_backend(&self) -> TaskResult<OperatorBackend> {
        let restored = self.state.operator_state()?;
        Ok(restored.map_or_else(OperatorBackend::new, OperatorBackend::restored))
    }
}

/// Which of an operator's parallel instances this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubtaskInfo {
    /// This one, counted from 0.
    pub index: u32,
    /// How many there are.
    pub parallelism: u32,
    /// How many key groups there are.
    pub max_parallelism: u32,
    /// How often the subtask was started before.
    pub attempt: u32,
}

impl SubtaskInfo {
    /// Returns the key groups that belong to the subtask.
    pub fn key_groups(&self) -> KeyGroupRange {
        KeyGroupRange::of_subtask(self.index, self.parallelism, self.max_parallelism)
    }
}

/// When a batch under construction is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Rows.
    pub max_rows: usize,
    /// Bytes.
    pub max_bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { max_rows: 4096, max_bytes: 256 * 1024 }
    }
}

/// One operator of one subtask.
///
/// All methods are called by the task thread, one at a time, in this order: `open`; then any of
/// the `process` and `on` methods; `end_input` for each input, after its last watermark; `finish`
/// once, after the last of all; `close`. The methods about checkpoints come between any two of
/// these, up to `close`, behind `finish` too. After a failure or a cancellation only `close`
/// follows. A panic is a failure.
///
/// # State
/// An operator makes its backends in `open`, by [`OperatorContext::keyed_backend`] and
/// [`OperatorContext::operator_backend`], which restore what a checkpoint holds, and gives views of
/// them to [`snapshot`](Self::snapshot). What it keeps elsewhere is lost with the task. What
/// `finish` emits it must leave out of later snapshots: a restored operator is finished again.
pub trait Operator: Send {
    /// Gets ready to process.
    ///
    /// # Errors
    /// Whatever keeps the operator from running.
    fn open(&mut self, context: &OperatorContext) -> TaskResult {
        let _ = context;
        Ok(())
    }

    /// Returns whether the operator can take more rows. While it can't, the task reads nothing and
    /// counts as back-pressured; timers, mail and cancellation go on. Whoever makes room wakes the
    /// task by [`OperatorContext::notifier`]. Rows that are on their way already still come.
    fn is_available(&self) -> bool {
        true
    }

    /// Processes rows of input `input` (0, or 1 for the second input of two).
    ///
    /// # Errors
    /// Fails the task.
    fn process_batch(&mut self, input: usize, batch: Batch, out: &mut Output) -> TaskResult;

    /// Processes the combined watermark of all inputs, which grows with each call. Whoever
    /// overrides this passes the watermark on when all that it triggers is emitted.
    ///
    /// # Errors
    /// Fails the task.
    fn process_watermark(&mut self, watermark: Timestamp, out: &mut Output) -> TaskResult {
        out.emit_watermark(watermark)
    }

    /// The inputs have become idle, so that no watermark is to be expected from them, or active
    /// again. Whoever overrides this passes the status on where it holds for the output too.
    ///
    /// # Errors
    /// Fails the task.
    fn process_watermark_status(
        &mut self,
        status: WatermarkStatus,
        out: &mut Output,
    ) -> TaskResult {
        out.emit_control(&StreamElement::WatermarkStatus(status))
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
    fn on_processing_time(&mut self, now: Timestamp, out: &mut Output) -> TaskResult {
        let _ = (now, out);
        Ok(())
    }

    /// Input `input` has ended.
    ///
    /// # Errors
    /// Fails the task.
    fn end_input(&mut self, input: usize, out: &mut Output) -> TaskResult {
        let _ = (input, out);
        Ok(())
    }

    /// All inputs have ended and the last watermark was processed: what is left goes out now.
    ///
    /// # Errors
    /// Fails the task.
    fn finish(&mut self, out: &mut Output) -> TaskResult {
        let _ = out;
        Ok(())
    }

    /// A barrier has arrived by all inputs: puts the operator's state into `snapshot`, as it is
    /// now, and what has to reach those behind the operator before the barrier into `out`. Quickly:
    /// the task stands still meanwhile.
    ///
    /// # Errors
    /// Fails the task.
    fn snapshot(&mut self, snapshot: &mut SnapshotContext<'_>, out: &mut Output) -> TaskResult {
        let _ = (snapshot, out);
        Ok(())
    }

    /// A checkpoint, and with it every earlier one, is complete: what waited for it may take
    /// effect. Not every checkpoint is heard of.
    ///
    /// # Errors
    /// Fails the task.
    fn checkpoint_complete(&mut self, checkpoint: CheckpointId) -> TaskResult {
        let _ = checkpoint;
        Ok(())
    }

    /// A checkpoint was given up. A later one may complete for it: what waited for it waits on.
    ///
    /// # Errors
    /// Fails the task.
    fn checkpoint_aborted(&mut self, checkpoint: CheckpointId) -> TaskResult {
        let _ = checkpoint;
        Ok(())
    }

    /// Lets go of what the operator holds; called in every case, once.
    ///
    /// # Errors
    /// Fails the task where nothing else did.
    fn close(&mut self) -> TaskResult {
        Ok(())
    }
}

/// Makes the operator of each subtask.
pub trait OperatorFactory: Send + Sync {
    /// Makes a fresh operator, not yet opened.
    ///
    /// # Errors
    /// Whatever keeps the operator from being made.
    fn create(&self, context: &OperatorContext) -> TaskResult<Box<dyn Operator>>;
}

impl<F> OperatorFactory for F
where
    F: Fn(&OperatorContext) -> TaskResult<Box<dyn Operator>> + Send + Sync,
{
    fn create(&self, context: &OperatorContext) -> TaskResult<Box<dyn Operator>> {
        self(context)
    }
}
