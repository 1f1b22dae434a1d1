//! The task's loop: mail, timers, input, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sciurus_core::clock::Clock;
use sciurus_core::element::{StreamElement, WatermarkStatus};
use sciurus_core::time::{MAX_WATERMARK, Timestamp};

use super::control::{LONGEST_WAIT, TaskControl, TaskMail};
use super::panics;
use super::throttle::{Pauses, SourceThrottle};
use crate::error::{TaskError, TaskResult};
use crate::exchange::{InputGate, Received};
use crate::metrics::{TaskMetrics, Wait};
use crate::output::{OperatorNode, Output};
use crate::source::{SourceDriver, SourceProgress};
use crate::watermark::valve::WatermarkValve;

/// Where a task's elements come from.
pub enum TaskInput {
    /// A source, read by the task itself.
    Source {
        /// The operator's name.
        name: Arc<str>,
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
    input: Input,
    control: Arc<TaskControl>,
    metrics: Arc<TaskMetrics>,
    clock: Arc<dyn Clock>,
    throttle: Arc<SourceThrottle>,
    pauses: Pauses,
}

enum Input {
    Source { name: Arc<str>, driver: Box<dyn SourceDriver>, output: Output },
    Gates { gates: Vec<Gate>, next: usize, head: Box<OperatorNode> },
}

struct Gate {
    input: usize,
    gate: InputGate,
    valve: WatermarkValve,
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
            TaskInput::Source { name, driver, output } => Input::Source { name, driver, output },
            TaskInput::Gates { gates, head } => {
                let gates = gates.into_iter().map(|(input, gate)| {
                    let valve = WatermarkValve::new(gate.channels());
                    Gate { input, gate, valve }
                });
                Input::Gates { gates: gates.collect(), next: 0, head }
            }
        };
        let (throttle, pauses) = Default::default();
        Self { input, control, metrics, clock, throttle, pauses }
    }

    /// Lets a source read as `throttle` says.
    #[must_use]
    pub fn throttled_by(mut self, throttle: Arc<SourceThrottle>) -> Self {
        self.throttle = throttle;
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
            let next_timer = self.fire_timers()?;
            let next_flush = self.flush_due()?;
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
            match self.poll(reporter)? {
                Progress::Done => {}
                Progress::Wait(longest) => {
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
        match (mail, &mut self.input) {
            (TaskMail::Source(event), Input::Source { name, driver, .. }) => {
                panics::catch(|| driver.on_event(event)).map_err(|error| error.in_operator(name))
            }
            (
                TaskMail::Checkpoint(_)
                | TaskMail::CheckpointComplete(_)
                | TaskMail::CheckpointAborted(_),
                _,
            ) => Ok(()),
            (TaskMail::Source(_), Input::Gates { .. }) => {
                Err(TaskError::Defect("a source's mail reached a task that reads no source"))
            }
        }
    }

    /// Reads once.
    fn poll(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult<Progress> {
        match &mut self.input {
            Input::Source { name, driver, output } => {
                let progress = panics::catch(|| driver.poll(output));
                match progress.map_err(|error| error.in_operator(name))? {
                    SourceProgress::More => Ok(Progress::Done),
                    SourceProgress::Wait(longest) => Ok(Progress::Wait(longest.min(LONGEST_WAIT))),
                    SourceProgress::RequestSplit => {
                        reporter.request_split();
                        Ok(Progress::Done)
                    }
                    SourceProgress::Ended => {
                        output.emit_watermark(MAX_WATERMARK)?;
                        output.emit_control(&StreamElement::EndOfInput)?;
                        output.emit_control(&StreamElement::EndOfPartition)?;
                        Ok(Progress::Ended)
                    }
                }
            }
            Input::Gates { gates, next, head } => {
                let inputs = gates.len();
                for turn in 0..inputs {
                    let place = (*next + turn) % inputs;
                    let Gate { input, gate, valve } = &mut gates[place];
                    let Some(Received { channel, bytes, element }) = gate.poll()? else { continue };
                    *next = (place + 1) % inputs;
                    if let StreamElement::Batch(batch) = &element {
                        self.metrics.records_in.add(batch.len() as u64);
                        self.metrics.bytes_in.add(bytes as u64);
                    }
                    for element in combine(gate, valve, channel, element).into_iter().flatten() {
                        head.process(*input, element)?;
                    }
                    return Ok(Progress::Done);
                }
                if gates.iter().all(|gate| gate.gate.is_finished()) {
                    head.output.emit_control(&StreamElement::EndOfPartition)?;
                    return Ok(Progress::Ended);
                }
                Ok(Progress::Wait(LONGEST_WAIT))
            }
        }
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
            Input::Source { name, driver, output } => {
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
            Input::Source { output, .. } => output.open(),
            Input::Gates { head, .. } => head.open_chain(),
        }
    }

    fn close(&mut self) -> TaskResult {
        match &mut self.input {
            Input::Source { name, driver, output } => {
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

/// Combines what the channels of a gate say into what its input says, in order.
fn combine(
    gate: &InputGate,
    valve: &mut WatermarkValve,
    channel: usize,
    element: StreamElement,
) -> [Option<StreamElement>; 3] {
    let (change, last) = match element {
        StreamElement::Batch(_) => return [Some(element), None, None],
        StreamElement::Watermark(watermark) => (valve.on_watermark(channel, watermark), None),
        StreamElement::WatermarkStatus(status) => (valve.on_status(channel, status), None),
        StreamElement::Barrier(_) | StreamElement::EndOfPartition => return [None, None, None],
        StreamElement::EndOfInput => {
            let is_end = gate.has_ended().then_some(StreamElement::EndOfInput);
            (valve.on_end(channel), is_end)
        }
    };
    let watermark = change.watermark.map(StreamElement::Watermark);
    let status = change.status.map(StreamElement::WatermarkStatus);
    if change.status == Some(WatermarkStatus::Active) {
        [status, watermark, last]
    } else {
        [watermark, status, last]
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn sleep_time(longest: Duration, timer: Option<Duration>, flush: Option<Duration>) -> Duration {
    [timer, flush].into_iter().flatten().fold(longest, Duration::min)
}
