//! The reports of one attempt that rates are computed from.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sciurus_core::ids::ExecutionAttemptId;
use sciurus_rpc::proto;

use super::TaskMetricsView;

/// How far back rates look.
const WINDOW: Duration = Duration::from_secs(5);

/// How far apart the reports are that are remembered for rates.
const BETWEEN_SAMPLES: Duration = Duration::from_millis(450);

/// The latest report of an attempt, and earlier ones for rates.
#[derive(Debug, Default)]
pub struct TaskSamples {
    /// The oldest first; the last one is what counts.
    samples: VecDeque<(Instant, proto::TaskMetrics)>,
    has_ended: bool,
}

impl TaskSamples {
    /// Takes note of what the task has counted so far. Once it has ended nothing counts any more.
    pub fn add(&mut self, report: proto::TaskMetrics, now: Instant) {
        if self.has_ended {
            return;
        }
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        // The last two may lie close to each other: the newest is always kept, and takes the place
        // of the one before that came too soon after the one before that.
        if let [.., (before, _), (last, _)] = self.samples.make_contiguous()
            && last.duration_since(*before) < BETWEEN_SAMPLES
        {
            self.samples.pop_back();
        }
        self.samples.push_back((now, report));
    }

    /// Says that the task has ended: counts stay, rates are nothing.
    pub fn end(&mut self) {
        self.has_ended = true;
        if let Some((at, mut last)) = self.samples.pop_back() {
            // A task that is no more waits for nothing, and nothing waits for it.
            last.input_queued_bytes = 0;
            last.output_queued_bytes = 0;
            self.samples = VecDeque::from([(at, last)]);
        }
    }

    /// Returns the latest report.
    pub fn latest(&self) -> Option<&proto::TaskMetrics> {
        self.samples.back().map(|(_, counts)| counts)
    }

    /// Returns the latest report out of this.
    pub fn into_latest(mut self) -> Option<proto::TaskMetrics> {
        self.samples.pop_back().map(|(_, counts)| counts)
    }

    /// Returns how many reports are remembered.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Returns the counts and the rates of the attempt that this is of.
    pub fn view(&self, attempt: ExecutionAttemptId) -> Option<TaskMetricsView> {
        let (now, counts) = self.samples.back()?;
        let (before, earlier) = self.samples.front()?;
        Some(TaskMetricsView::new(attempt, counts, earlier, now.duration_since(*before)))
    }
}
