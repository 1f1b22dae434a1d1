//! The task's loop: mail, timers, input, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sciurus_core::clock::Clock;
use sciurus_core::element::StreamElement;
use sciurus_core::ids::OperatorId;
use sciurus_core::time::{MAX_WATERMARK, Timestamp};

use super::checkpointing::{Checkpointing, Phase};
use super::control::{LONGEST_WAIT, TaskControl, TaskMail};
use super::gates::{Arrived, Gates};
use super::markers::Markers;
use super::panics;
use super::throttle::{Pauses, SourceThrottle};
use crate::checkpoint::{SnapshotWrites, StateProvider};
use crate::error::{TaskError, TaskResult};
use crate::exchange::{InputGate, RecordWriter};
use crate::metrics::{TaskMetrics, Wait};
use crate::output::{OperatorNode, Output};
use crate::source::{SourceDriver, SourceEvent, SourceProgress, splits_of};

/// Where a task's elements come from.
pub enum TaskInput {
    /// A source, read by the task itself.
    Source {
        /// Under which id the source's state is kept.
        id: OperatorId,
        /// The operator's name.
        name: Arc<str>,
        /// What the reader is restored from.
        state: Arc<dyn StateProvider>,
        /// Reads.
        driver: Box<dyn SourceDriver>,
        /// What is read goes here.
        output: Output,
    },
    /// Exchanges.
    Gates {
        /// One gate for each input of the first operator, with its input's number.
        gates: Vec<(usize, InputGate)>,
        /// The first operator.
        head: Box<OperatorNode>,
    },
}

/// What a task says of itself while it runs.
pub trait TaskReporter: Send {
    /// All operators are open: the task runs.
    fn running(&mut self);
    /// The source's reader needs a split.
    fn request_split(&mut self);
}

/// A subtask, ready to run on a thread of its own.
pub struct Task {
    pub(super) input: Input,
    control: Arc<TaskControl>,
    pub(super) metrics: Arc<TaskMetrics>,
    pub(super) clock: Arc<dyn Clock>,
    throttle: Arc<SourceThrottle>,
    pauses: Pauses,
    pub(super) phase: Phase,
    /// `None` where no checkpoints are taken.
    pub(super) checkpointing: Option<Checkpointing>,
    /// `None` where the task emits no latency markers.
    markers: Option<Markers>,
}

pub(super) enum Input {
    Source {
        id: OperatorId,
        name: Arc<str>,
        state: Arc<dyn StateProvider>,
        driver: Box<dyn SourceDriver>,
        output: Output,
    },
    Gates {
        gates: Gates,
        head: Box<OperatorNode>,
    },
}

enum Progress {
    Done,
    Wait(Duration),
    Ended,
}

impl Task {
    /// Puts a task together.
    pub fn new(
        input: TaskInput,
        control: Arc<TaskControl>,
        metrics: Arc<TaskMetrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let input = match input {
            TaskInput::Source { id, name, state, driver, output } => {
                Input::Source { id, name, state, driver, output }
            }
            TaskInput::Gates { gates, head } => Input::Gates { gates: Gates::new(gates), head },
        };
        let (throttle, pauses) = Default::default();
        let (phase, checkpointing) = (Phase::Running, None);
        let markers = None;
        Self { input, control, metrics, clock, throttle, pauses, phase, checkpointing, markers }
    }

    /// Lets the task take part in checkpoints; what it puts into them goes by `writes`. One that
    /// `ends_at_once` doesn't stay for a checkpoint at its end: it had finished before it was
    /// restored, or nothing that it did waits for one.
    #[must_use]
    pub fn checkpointed_by(mut self, writes: SnapshotWrites, ends_at_once: bool) -> Self {
        let channels = match &self.input {
            Input::Source { .. } => 0,
            Input::Gates { gates, .. } => gates.channels(),
        };
        let mut checkpointing = Checkpointing::new(channels, writes);
        if ends_at_once {
            checkpointing.end_at_once();
        }
        self.checkpointing = Some(checkpointing);
        self
    }

    /// Lets a source read as `throttle` says.
    #[must_use]
    pub fn throttled_by(mut self, throttle: Arc<SourceThrottle>) -> Self {
        self.throttle = throttle;
        self
    }

    /// Lets a source emit a latency marker each `interval`; none where it is zero.
    #[must_use]
    pub fn marking_latency(mut self, interval: Duration, subtask: u32) -> Self {
        if let Input::Source { id, .. } = &self.input {
            self.markers = Markers::new(interval, *id, subtask, self.clock.now());
        }
        self
    }

    /// Runs the task to its end, on the calling thread. What it holds is dropped with it, after the
    /// end was reported: a producer that finds its consumer gone mustn't be heard before the
    /// consumer is.
    ///
    /// # Errors
    /// The first failure, with the operator's name; [`TaskError::Cancelled`] where the task was
    /// cancelled.
    pub fn run(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult {
        self.control.notifier().attach();
        let outcome = panics::catch(|| {
            self.open()?;
            reporter.running();
            self.metrics.times.start();
            self.process(reporter)
        });
        self.metrics.times.end();
        let closed = panics::catch(|| self.close());
        outcome.and(closed)
    }

    fn process(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult {
        loop {
            if self.control.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            while let Some(mail) = self.control.take_mail() {
                self.on_mail(mail)?;
            }
            let next_flush = self.flush_due()?;
            let mut next_timer = None;
            // Operators that have finished, or that a savepoint holds as they are, do nothing more.
            if self.phase == Phase::Running {
                next_timer = self.fire_timers()?;
                if !self.is_available() {
                    let longest = sleep_time(LONGEST_WAIT, next_timer, next_flush);
                    self.wait(Wait::SoftBackPressured, longest);
                    continue;
                }
                if let Some(left) = self.pause_left() {
                    let longest = sleep_time(left, next_timer, next_flush);
                    self.wait(Wait::SoftBackPressured, longest);
                    continue;
                }
                next_timer = shorter(next_timer, self.mark_latency()?);
            }
            match self.poll(reporter)? {
                Progress::Done => {}
                Progress::Wait(longest) => {
                    // What the poll has put out before it found nothing more may be due earlier.
                    let next_flush = self.flush_due()?;
                    self.wait(Wait::Idle, sleep_time(longest, next_timer, next_flush));
                }
                Progress::Ended => return Ok(()),
            }
        }
    }

    fn wait(&self, reason: Wait, longest: Duration) {
        self.metrics.times.during(reason, || self.control.notifier().wait(longest));
    }

    /// Returns how long a source has to pause before its next poll.
    fn pause_left(&mut self) -> Option<Duration> {
        match self.input {
            Input::Source { .. } => self.pauses.left(self.throttle.pace()),
            Input::Gates { .. } => None,
        }
    }

    fn on_mail(&mut self, mail: TaskMail) -> TaskResult {
        match mail {
            TaskMail::Source(event) => match &mut self.input {
                Input::Source { name, driver, .. } => panics::catch(|| driver.on_event(event))
                    .map_err(|error| error.in_operator(name)),
                Input::Gates { .. } => {
                    Err(TaskError::Defect("a source's mail reached a task that reads no source"))
                }
            },
            TaskMail::Checkpoint(barrier) => self.on_trigger(&barrier),
            TaskMail::CheckpointComplete(checkpoint) => self.on_complete(checkpoint),
            TaskMail::CheckpointAborted(checkpoint) => self.on_aborted(checkpoint),
        }
    }

    /// Reads once.
    fn poll(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult<Progress> {
        match (&mut self.input, self.phase) {
            (_, Phase::Stopping { .. }) | (Input::Source { .. }, Phase::DataEnded { .. }) => {
                Ok(Progress::Wait(LONGEST_WAIT))
            }
            (Input::Source { output, .. }, Phase::Closing) => {
                output.emit_control(&StreamElement::EndOfPartition)?;
                Ok(Progress::Ended)
            }
            (Input::Source { name, driver, output, .. }, Phase::Running) => {
                let progress = panics::catch(|| driver.poll(output));
                match progress.map_err(|error| error.in_operator(name))? {
                    SourceProgress::More => Ok(Progress::Done),
                    SourceProgress::Wait(longest) => {
                        output.try_for_each_writer(&mut RecordWriter::pause)?;
                        Ok(Progress::Wait(longest.min(LONGEST_WAIT)))
                    }
                    SourceProgress::RequestSplit => {
                        reporter.request_split();
                        Ok(Progress::Done)
                    }
                    SourceProgress::Ended => {
                        output.emit_watermark(MAX_WATERMARK)?;
                        output.emit_control(&StreamElement::EndOfInput)?;
                        self.on_data_ended();
                        if self.phase == Phase::Running {
                            self.phase = Phase::Closing;
                        }
                        Ok(Progress::Done)
                    }
                }
            }
            (Input::Gates { gates, head }, phase) => {
                if let Some(arrived) = gates.poll()? {
                    self.on_arrived(arrived)?;
                    return Ok(Progress::Done);
                }
                if !gates.are_finished() {
                    return Ok(Progress::Wait(LONGEST_WAIT));
                }
                match phase {
                    Phase::Running if !gates.have_ended() => Err(TaskError::Defect(
                        "all channels are closed before their data has ended",
                    )),
                    Phase::Running | Phase::Closing => {
                        head.output.emit_control(&StreamElement::EndOfPartition)?;
                        Ok(Progress::Ended)
                    }
                    Phase::DataEnded { .. } | Phase::Stopping { .. } => {
                        Ok(Progress::Wait(LONGEST_WAIT))
                    }
                }
            }
        }
    }

    fn on_arrived(&mut self, arrived: Arrived) -> TaskResult {
        let Input::Gates { gates, head } = &mut self.input else { return Ok(()) };
        match &arrived.element {
            StreamElement::Batch(batch) => {
                self.metrics.records_in.add(batch.len() as u64);
                self.metrics.bytes_in.add(arrived.bytes as u64);
            }
            StreamElement::Barrier(barrier) => return self.on_barrier(arrived.channel, barrier),
            StreamElement::EndOfPartition => return self.on_closed(arrived.channel),
            StreamElement::Watermark(_)
            | StreamElement::WatermarkStatus(_)
            | StreamElement::LatencyMarker(_)
            | StreamElement::EndOfInput => {}
        }
        if self.phase == Phase::Closing {
            return Ok(());
        }
        let input = arrived.input;
        let may_be_end = matches!(arrived.element, StreamElement::EndOfInput);
        for element in gates.combine(arrived).into_iter().flatten() {
            head.process(input, element)?;
        }
        if may_be_end && gates.have_ended() {
            self.on_data_ended();
        }
        Ok(())
    }

    /// Emits a latency marker where one is due and returns how long until the next. There is room for
    /// it: the time that it has waited for that counts as latency.
    fn mark_latency(&mut self) -> TaskResult<Option<Duration>> {
        let (Some(markers), Input::Source { output, .. }) = (&mut self.markers, &mut self.input)
        else {
            return Ok(None);
        };
        let now = self.clock.now();
        if let Some(marker) = markers.due(now) {
            output.emit_control(&StreamElement::LatencyMarker(marker))?;
        }
        Ok(Some(markers.left(now)))
    }

    /// Fires the timers that are due and returns how long until the next.
    fn fire_timers(&mut self) -> TaskResult<Option<Duration>> {
        let mut next: Option<Timestamp> = None;
        let clock = &self.clock;
        let now = clock.now();
        let mut visit = |node: &mut OperatorNode| {
            node.on_processing_time(now)?;
            next = earlier(next, node.next_processing_time());
            Ok(())
        };
        match &mut self.input {
            Input::Source { name, driver, output, .. } => {
                if driver.next_processing_time().is_some_and(|due| due <= now) {
                    panics::catch(|| driver.on_processing_time(now, output))
                        .map_err(|error| error.in_operator(name))?;
                }
                output.try_for_each_node(&mut visit)?;
                next = earlier(next, driver.next_processing_time());
            }
            Input::Gates { head, .. } => {
                visit(head)?;
                head.output.try_for_each_node(&mut visit)?;
            }
        }
        Ok(next.map(|next| Duration::from_millis(next.saturating_sub(now).max(0) as u64)))
    }

    /// Sends rows that have waited long enough and returns how long until the next must go.
    fn flush_due(&mut self) -> TaskResult<Option<Duration>> {
        let mut now = None;
        let mut next: Option<Duration> = None;
        self.output().try_for_each_writer(&mut |writer| {
            if let Some(left) = writer.flush_due(|| *now.get_or_insert_with(Instant::now))? {
                next = Some(next.map_or(left, |next| next.min(left)));
            }
            Ok(())
        })?;
        Ok(next)
    }

    fn output(&mut self) -> &mut Output {
        match &mut self.input {
            Input::Source { output, .. } => output,
            Input::Gates { head, .. } => &mut head.output,
        }
    }

    fn is_available(&self) -> bool {
        match &self.input {
            Input::Source { output, .. } => output.is_available(),
            Input::Gates { head, .. } => head.is_available(),
        }
    }

    fn open(&mut self) -> TaskResult {
        match &mut self.input {
            Input::Source { name, state, driver, output, .. } => {
                output.open()?;
                let restored = panics::catch(|| {
                    let Some(state) = state.operator_state()? else { return Ok(()) };
                    let mut splits = splits_of(state).into_iter();
                    splits.try_for_each(|split| driver.on_event(SourceEvent::AddSplit(split)))
                });
                restored.map_err(|error| error.in_operator(name))
            }
            Input::Gates { head, .. } => head.open_chain(),
        }
    }

    fn close(&mut self) -> TaskResult {
        match &mut self.input {
            Input::Source { name, driver, output, .. } => {
                let behind = output.close();
                let closed = panics::catch(|| {
                    driver.close();
                    Ok(())
                });
                behind.and(closed.map_err(|error| error.in_operator(name)))
            }
            Input::Gates { head, .. } => head.close_chain(),
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn sleep_time(longest: Duration, timer: Option<Duration>, flush: Option<Duration>) -> Duration {
    [timer, flush].into_iter().flatten().fold(longest, Duration::min)
}
