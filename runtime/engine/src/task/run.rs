//! The task's loop: mail, timers, input, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sciurus_core::element::StreamElement;
use sciurus_core::time::{MAX_WATERMARK, Timestamp};

use super::control::{LONGEST_WAIT, TaskControl, TaskMail};
use crate::error::{TaskError, TaskResult};
use crate::exchange::InputGate;
use crate::metrics::TaskMetrics;
use crate::output::{OperatorNode, Output};
use crate::source::{SourceDriver, SourceProgress};
use crate::watermark::valve::WatermarkValve;
use sciurus_core::clock::Clock;

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
        Self { input, control, metrics, clock }
    }

    /// Runs the task to its end, on the calling thread.
    ///
    /// # Errors
    /// The first failure, with the operator's name; [`TaskError::Cancelled`] where the task was
    /// cancelled.
    pub fn run(mut self, reporter: &mut dyn TaskReporter) -> TaskResult {
        self.control.notifier().attach();
        let outcome = self.open().and_then(|()| {
            reporter.running();
            self.process(reporter)
        });
        let closed = self.close();
        outcome.and(closed)
    }

    fn process(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult {
        let mut stopwatch = Stopwatch::start();
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
                self.metrics.busy_nanos.add(stopwatch.lap());
                self.control.notifier().wait(sleep_time(LONGEST_WAIT, next_timer, next_flush));
                self.metrics.back_pressured_nanos.add(stopwatch.lap());
                continue;
            }
            match self.poll(reporter)? {
                Progress::Done => self.metrics.busy_nanos.add(stopwatch.lap()),
                Progress::Wait(longest) => {
                    self.metrics.busy_nanos.add(stopwatch.lap());
                    self.control.notifier().wait(sleep_time(longest, next_timer, next_flush));
                    self.metrics.idle_nanos.add(stopwatch.lap());
                }
                Progress::Ended => return Ok(()),
            }
        }
    }

    fn on_mail(&mut self, mail: TaskMail) -> TaskResult {
        match (mail, &mut self.input) {
            (TaskMail::Source(event), Input::Source { name, driver, .. }) => {
                driver.on_event(event).map_err(|error| error.in_operator(name))
            }
            (TaskMail::Source(_), Input::Gates { .. }) => {
                Err(TaskError::Defect("a source's mail reached a task that reads no source"))
            }
        }
    }

    /// Reads once.
    fn poll(&mut self, reporter: &mut dyn TaskReporter) -> TaskResult<Progress> {
        match &mut self.input {
            Input::Source { name, driver, output } => {
                match driver.poll(output).map_err(|error| error.in_operator(name))? {
                    SourceProgress::More => Ok(Progress::Done),
                    SourceProgress::Wait(longest) => Ok(Progress::Wait(longest.min(LONGEST_WAIT))),
                    SourceProgress::RequestSplit => {
                        reporter.request_split();
                        Ok(Progress::Done)
                    }
                    SourceProgress::Ended => {
                        output.emit_watermark(MAX_WATERMARK)?;
                        output.emit_control(&StreamElement::EndOfInput)?;
                        Ok(Progress::Ended)
                    }
                }
            }
            Input::Gates { gates, next, head } => {
                let inputs = gates.len();
                for turn in 0..inputs {
                    let place = (*next + turn) % inputs;
                    let Gate { input, gate, valve } = &mut gates[place];
                    let Some((channel, element)) = gate.poll() else { continue };
                    *next = (place + 1) % inputs;
                    if let StreamElement::Batch(batch) = &element {
                        self.metrics.records_in.add(batch.len() as u64);
                    }
                    for element in combine(gate, valve, channel, element).into_iter().flatten() {
                        head.process(*input, element)?;
                    }
                    return Ok(Progress::Done);
                }
                if gates.iter().all(|gate| gate.gate.is_finished()) {
                    return Ok(Progress::Ended);
                }
                let queued = gates.iter().map(|gate| gate.gate.queued_bytes()).sum::<usize>();
                self.metrics.queued_bytes.set(queued as i64);
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
                    driver
                        .on_processing_time(now, output)
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
            let Some(flush_at) = writer.flush_at() else { return Ok(()) };
            let left = flush_at.saturating_duration_since(*now.get_or_insert_with(Instant::now));
            if left.is_zero() {
                return writer.flush();
            }
            next = Some(next.map_or(left, |next| next.min(left)));
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
        // From the end of the chain to its head: what an operator emits in `open` finds the
        // others ready.
        let mut open = Ok(());
        if let Input::Gates { head, .. } = &mut self.input {
            open = head.open();
        }
        open.and_then(|()| self.output().try_for_each_node(&mut OperatorNode::open))
    }

    fn close(&mut self) -> TaskResult {
        let mut first = Ok(());
        if let Input::Source { driver, .. } = &mut self.input {
            driver.close();
        }
        if let Input::Gates { head, .. } = &mut self.input {
            first = head.close();
        }
        let mut keep_first = |node: &mut OperatorNode| {
            let closed = node.close();
            if first.is_ok() {
                first = closed;
            }
            Ok(())
        };
        self.output().try_for_each_node(&mut keep_first)?;
        first
    }
}

/// Combines what the channels of a gate say into what its input says.
fn combine(
    gate: &InputGate,
    valve: &mut WatermarkValve,
    channel: usize,
    element: StreamElement,
) -> [Option<StreamElement>; 2] {
    let first = match element {
        StreamElement::Batch(_) => Some(element),
        StreamElement::Watermark(watermark) => {
            valve.on_watermark(channel, watermark).map(StreamElement::Watermark)
        }
        StreamElement::WatermarkStatus(status) => {
            let change = valve.on_status(channel, status);
            return [
                change.watermark.map(StreamElement::Watermark),
                change.status.map(StreamElement::WatermarkStatus),
            ];
        }
        StreamElement::EndOfInput if gate.is_finished() => Some(StreamElement::EndOfInput),
        StreamElement::EndOfInput => valve.on_end(channel).map(StreamElement::Watermark),
    };
    [first, None]
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

/// Measures what the task's time goes to.
struct Stopwatch(Instant);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the nanoseconds since the last lap.
    fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let lap = now.duration_since(self.0);
        self.0 = now;
        lap.as_nanos() as u64
    }
}
