//! The sending end of an exchange.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sciurus_core::Batch;
use sciurus_core::element::StreamElement;

use super::credit::Credit;
use super::gate::ChannelSender;
use super::gather::gather;
use super::partitioner::Partitioner;
use crate::error::{TaskError, TaskResult};
use crate::metrics::TaskMetrics;
use crate::task::TaskControl;

/// Rows from which on a batch goes out by itself, sharing its columns; fewer are gathered and
/// copied together, since sending costs about as much as copying this many.
const ROWS_WORTH_SENDING: usize = 256;

/// Rows from which on a batch goes out where nothing will follow soon: time is at hand then.
const ROWS_WORTH_SENDING_IN_A_PAUSE: usize = 64;

/// One row in so many has to count for a batch to go out by itself: what goes out keeps all rows of
/// its columns in memory, but is counted as the rows that do.
const ROWS_KEPT_FOR_ONE: usize = 16;

/// Writes one operator's output into the channels of one edge.
pub struct RecordWriter {
    partitioner: Partitioner,
    channels: Vec<OutputChannel>,
    control: Arc<TaskControl>,
    metrics: Arc<TaskMetrics>,
    buffer_timeout: Option<Duration>,
    flush_at: Option<Instant>,
    target: Arc<str>,
}

struct OutputChannel {
    sender: Box<dyn ChannelSender>,
    pending: Vec<Batch>,
    pending_rows: usize,
}

impl RecordWriter {
    /// Makes a writer into `senders`. Rows wait at most `buffer_timeout` for company, for ever
    /// where there is none.
    pub fn new(
        partitioner: Partitioner,
        senders: Vec<Box<dyn ChannelSender>>,
        control: Arc<TaskControl>,
        metrics: Arc<TaskMetrics>,
        buffer_timeout: Option<Duration>,
    ) -> Self {
        let channels = senders
            .into_iter()
            .map(|sender| OutputChannel { sender, pending: Vec::new(), pending_rows: 0 })
            .collect();
        let target = Arc::from("");
        Self { partitioner, channels, control, metrics, buffer_timeout, flush_at: None, target }
    }

    /// Names the operator that the edge leads to: the one to look at where its key function fails.
    #[must_use]
    pub fn leading_to(mut self, target: impl Into<Arc<str>>) -> Self {
        self.target = target.into();
        self
    }

    /// Writes an element: rows to the channels that the partitioner chooses, a latency marker to any
    /// one, anything else to all, behind the rows that wait for company.
    ///
    /// A barrier waits for no credit: those rows, fewer than [`ROWS_WORTH_SENDING`] a channel, go
    /// beyond it, so that a slow consumer doesn't keep the barrier from the others.
    /// # Errors
    /// Where the partitioner fails, a consumer is gone or the task is cancelled.
    pub fn emit(&mut self, element: StreamElement) -> TaskResult {
        match element {
            StreamElement::Batch(batch) => {
                self.metrics.records_out.add(batch.len() as u64);
                let Self {
                    partitioner,
                    channels,
                    control,
                    metrics,
                    buffer_timeout,
                    flush_at,
                    target,
                } = self;
                let written = partitioner.partition(batch, channels.len(), |channel, batch| {
                    let channel = &mut channels[channel];
                    if *buffer_timeout == Some(Duration::ZERO) {
                        return channel.send(batch, control, metrics);
                    }
                    channel.append(batch, control, metrics)?;
                    if channel.pending_rows > 0 && flush_at.is_none() {
                        // A time too far to be told is never.
                        *flush_at =
                            buffer_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
                    }
                    Ok(())
                });
                written.map_err(|error| match error {
                    TaskError::Partitioning { .. } => error.in_operator(target),
                    error => error,
                })
            }
            barrier @ StreamElement::Barrier(_) => {
                self.flush_at = None;
                let Self { channels, metrics, .. } = self;
                channels.iter_mut().try_for_each(|channel| {
                    channel.flush_at_once(metrics)?;
                    channel.sender.send(barrier.clone(), 0)
                })
            }
            // By one channel, as records go: by all there would be as many as channels at each hop.
            marker @ StreamElement::LatencyMarker(_) => {
                let Self { channels, control, metrics, .. } = self;
                if channels.is_empty() {
                    return Ok(());
                }
                let place = fastrand::usize(..channels.len());
                let channel = &mut channels[place];
                channel.flush(control, metrics)?;
                channel.sender.send(marker, 0)
            }
            control => {
                self.flush()?;
                self.channels
                    .iter_mut()
                    .try_for_each(|channel| channel.sender.send(control.clone(), 0))
            }
        }
    }

    /// Sends rows that have waited long enough, as far as their channels have credit, and returns
    /// how long until the next must go. It never waits: rows for a channel without credit go when
    /// it has some, which wakes the task.
    ///
    /// # Errors
    /// Where a consumer is gone.
    pub fn flush_due(&mut self, now: impl FnOnce() -> Instant) -> TaskResult<Option<Duration>> {
        let Some(flush_at) = self.flush_at else { return Ok(None) };
        let left = flush_at.saturating_duration_since(now());
        if !left.is_zero() {
            return Ok(Some(left));
        }
        let is_any_left = self.flush_with_credit(1)?;
        if !is_any_left {
            self.flush_at = None;
        }
        Ok(None)
    }

    /// Sends rows that wait for company though none will come soon, where they are many enough to
    /// be worth a message even so and their channel has credit. Without a buffer timeout they wait.
    ///
    /// # Errors
    /// Where a consumer is gone.
    pub fn pause(&mut self) -> TaskResult {
        if self.buffer_timeout.is_some() {
            self.flush_with_credit(ROWS_WORTH_SENDING_IN_A_PAUSE)?;
        }
        Ok(())
    }

    /// Sends the rows of each channel on which at least so many wait, where it has credit; returns
    /// whether any are left for want of it.
    fn flush_with_credit(&mut self, least_rows: usize) -> TaskResult<bool> {
        let Self { channels, control, metrics, .. } = self;
        let mut is_any_left = false;
        for channel in channels.iter_mut().filter(|channel| channel.pending_rows >= least_rows) {
            if channel.sender.has_credit() {
                channel.flush(control, metrics)?;
            } else {
                is_any_left = true;
            }
        }
        Ok(is_any_left)
    }

    /// Returns what counts the bytes under way on each channel, as far as anything does.
    pub fn credits(&self) -> impl Iterator<Item = Arc<Credit>> {
        self.channels.iter().filter_map(|channel| channel.sender.credit())
    }

    /// Sends all rows that wait for company.
    ///
    /// # Errors
    /// Where a consumer is gone or the task is cancelled.
    pub fn flush(&mut self) -> TaskResult {
        self.flush_at = None;
        let Self { channels, control, metrics, .. } = self;
        channels.iter_mut().try_for_each(|channel| channel.flush(control, metrics))
    }

    /// Returns whether every channel has credit.
    pub fn is_available(&self) -> bool {
        self.channels.iter().all(|channel| channel.sender.has_credit())
    }
}

impl OutputChannel {
    fn append(&mut self, batch: Batch, control: &TaskControl, metrics: &TaskMetrics) -> TaskResult {
        if batch.len() >= ROWS_WORTH_SENDING {
            self.flush(control, metrics)?;
            let is_sparse = batch.physical_len() > ROWS_KEPT_FOR_ONE * batch.len();
            let batch = if is_sparse { gather(&[batch])? } else { batch };
            return self.send(batch, control, metrics);
        }
        // Strings may lie in either of two layouts: only what is alike can be gathered.
        let alike = |other: &Batch| other.records().schema_ref() == batch.records().schema_ref();
        if !self.pending.first().is_none_or(alike) {
            self.flush(control, metrics)?;
        }
        self.pending_rows += batch.len();
        // Copied at once, so that the few rows don't keep the many in memory while they wait.
        let is_part = batch.physical_len() > batch.len();
        self.pending.push(if is_part { gather(&[batch])? } else { batch });
        if self.pending_rows >= ROWS_WORTH_SENDING { self.flush(control, metrics) } else { Ok(()) }
    }

    fn flush(&mut self, control: &TaskControl, metrics: &TaskMetrics) -> TaskResult {
        match self.take_pending()? {
            Some(batch) => self.send(batch, control, metrics),
            None => Ok(()),
        }
    }

    /// Sends what is pending, whether there is credit or not.
    fn flush_at_once(&mut self, metrics: &TaskMetrics) -> TaskResult {
        match self.take_pending()? {
            Some(batch) => self.send_at_once(batch, metrics),
            None => Ok(()),
        }
    }

    fn take_pending(&mut self) -> TaskResult<Option<Batch>> {
        self.pending_rows = 0;
        match self.pending.len() {
            0 | 1 => Ok(self.pending.pop()),
            _ => {
                let batch = gather(&self.pending)?;
                self.pending.clear();
                Ok(Some(batch))
            }
        }
    }

    fn send(&mut self, batch: Batch, control: &TaskControl, metrics: &TaskMetrics) -> TaskResult {
        control.wait_for_room(metrics, || self.sender.has_credit())?;
        self.send_at_once(batch, metrics)
    }

    fn send_at_once(&mut self, batch: Batch, metrics: &TaskMetrics) -> TaskResult {
        let bytes = batch.bytes().max(1);
        metrics.bytes_out.add(bytes as u64);
        self.sender.send(StreamElement::Batch(batch), bytes)
    }
}
