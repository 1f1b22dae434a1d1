//! What the tasks of one job count, by attempt.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use parking_lot::Mutex;
use sciurus_core::ids::{
    AttemptNumber, ExecutionAttemptId, ExecutionGraphId, JobVertexId, TaskManagerId,
};
use sciurus_metrics::task::{TaskMetricsView, TaskSamples};
use sciurus_rpc::convert::MessageError;
use sciurus_rpc::proto;

/// How many attempts of each subtask are remembered.
const MAX_ATTEMPTS: usize = 4;

/// The latest counts of each attempt, and earlier ones for rates.
#[derive(Debug)]
pub struct MetricsBook {
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    graph: ExecutionGraphId,
    parallelism: HashMap<JobVertexId, u32>,
    subtasks: HashMap<(JobVertexId, u32), VecDeque<Page>>,
    workers: BTreeMap<TaskManagerId, BTreeMap<String, f64>>,
}

/// One attempt.
#[derive(Debug)]
struct Page {
    attempt: AttemptNumber,
    samples: TaskSamples,
}

impl MetricsBook {
    /// Makes a book for the subtasks of a job.
    pub fn new(graph: ExecutionGraphId, parallelism: HashMap<JobVertexId, u32>) -> Self {
        let (subtasks, workers) = (HashMap::new(), BTreeMap::new());
        Self { pages: Mutex::new(Pages { graph, parallelism, subtasks, workers }) }
    }

    /// Takes note that the job has other subtasks from now on; counts of those that are left go.
    pub fn rescale(&self, graph: ExecutionGraphId, parallelism: HashMap<JobVertexId, u32>) {
        let mut pages = self.pages.lock();
        let is_there = |vertex: &JobVertexId, subtask: u32| {
            parallelism.get(vertex).is_some_and(|subtasks| subtask < *subtasks)
        };
        pages.subtasks.retain(|(vertex, subtask), _| is_there(vertex, *subtask));
        pages.graph = graph;
        pages.parallelism = parallelism;
    }

    /// Takes note of what a task has counted so far; what belongs to no task of the job is left
    /// out. After a last report rates are nothing.
    ///
    /// # Errors
    /// [`MessageError`] where the report names no attempt.
    pub fn record(
        &self,
        report: proto::TaskMetrics,
        is_last: bool,
        now: Instant,
    ) -> Result<(), MessageError> {
        let attempt = report.attempt.clone().ok_or(MessageError::Missing("attempt"))?;
        let attempt = ExecutionAttemptId::try_from(attempt)?;
        let mut pages = self.pages.lock();
        let subtasks = pages.parallelism.get(&attempt.vertex).copied().unwrap_or(0);
        if attempt.graph != pages.graph || attempt.subtask.0 >= subtasks {
            return Ok(());
        }
        let book = pages.subtasks.entry((attempt.vertex, attempt.subtask.0)).or_default();
        let latest = book.back().map(|page| page.attempt);
        if latest.is_none_or(|latest| latest < attempt.attempt) {
            if let Some(earlier) = book.back_mut() {
                earlier.samples.end();
            }
            book.push_back(Page::new(attempt.attempt));
            if book.len() > MAX_ATTEMPTS {
                book.pop_front();
            }
        }
        if let Some(page) = book.iter_mut().find(|page| page.attempt == attempt.attempt) {
            page.samples.add(report, now);
            if is_last {
                page.samples.end();
            }
        }
        Ok(())
    }

    /// Takes note of the gauges of the job's worker on a TaskManager.
    pub fn record_worker(&self, task_manager: TaskManagerId, gauges: BTreeMap<String, f64>) {
        self.pages.lock().workers.insert(task_manager, gauges);
    }

    /// Forgets the worker on a TaskManager.
    pub fn forget_worker(&self, task_manager: &TaskManagerId) {
        self.pages.lock().workers.remove(task_manager);
    }

    /// Returns the gauges of the job's workers.
    pub fn workers(&self) -> BTreeMap<TaskManagerId, BTreeMap<String, f64>> {
        self.pages.lock().workers.clone()
    }

    /// Says that nothing runs any more: counts stay, rates are nothing.
    pub fn end(&self) {
        let mut pages = self.pages.lock();
        pages.workers.clear();
        pages.subtasks.values_mut().flatten().for_each(|page| page.samples.end());
        pages.subtasks.shrink_to_fit();
    }

    /// Returns what an attempt counts.
    pub fn view(&self, attempt: ExecutionAttemptId) -> Option<TaskMetricsView> {
        let pages = self.pages.lock();
        if attempt.graph != pages.graph {
            return None;
        }
        let book = pages.subtasks.get(&(attempt.vertex, attempt.subtask.0))?;
        book.iter().find(|page| page.attempt == attempt.attempt)?.samples.view(attempt)
    }

    /// Returns the accumulators of one attempt.
    pub fn accumulators_of(&self, attempt: ExecutionAttemptId) -> BTreeMap<String, i64> {
        let pages = self.pages.lock();
        let book = pages.subtasks.get(&(attempt.vertex, attempt.subtask.0));
        let page = book.and_then(|book| book.iter().find(|page| page.attempt == attempt.attempt));
        let latest = page.and_then(|page| page.samples.latest());
        latest
            .map(|counts| counts.accumulators.iter().map(|(k, v)| (k.clone(), *v)).collect())
            .unwrap_or_default()
    }

    /// Returns the accumulators of the last attempts, summed: as in Flink what failed attempts
    /// counted doesn't count.
    pub fn accumulators(&self) -> BTreeMap<String, i64> {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let pages = self.pages.lock();
        for page in pages.subtasks.values().filter_map(VecDeque::back) {
            let Some(counts) = page.samples.latest() else { continue };
            for (name, value) in &counts.accumulators {
                let sum = sums.entry(name.clone()).or_default();
                *sum = sum.wrapping_add(*value);
            }
        }
        sums
    }
}

impl Page {
    fn new(attempt: AttemptNumber) -> Self {
        Self { attempt, samples: TaskSamples::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sciurus_core::ids::SubtaskIndex;

    use super::*;

    fn attempt(number: u32) -> ExecutionAttemptId {
        ExecutionAttemptId {
            graph: ExecutionGraphId::from_bytes([1; 16]),
            vertex: JobVertexId::from_bytes([2; 16]),
            subtask: SubtaskIndex(0),
            attempt: AttemptNumber(number),
        }
    }

    fn book() -> MetricsBook {
        MetricsBook::new(attempt(0).graph, HashMap::from([(attempt(0).vertex, 1)]))
    }

    fn report(number: u32, records_in: u64, idle: u64, total: u64) -> proto::TaskMetrics {
        proto::TaskMetrics {
            attempt: Some(attempt(number).into()),
            records_in,
            idle_us: idle * 1_000_000,
            total_us: total * 1_000_000,
            accumulators: [("lines".to_owned(), records_in as i64)].into(),
            ..Default::default()
        }
    }

    #[test]
    fn rates_look_back_over_the_window() {
        let (book, start) = (book(), Instant::now());
        for second in 0..20u64 {
            let records = if second < 10 { 0 } else { (second - 9) * 100 };
            let now = start + Duration::from_secs(second);
            book.record(report(0, records, second / 2, second), false, now).unwrap();
        }
        let view = book.view(attempt(0)).unwrap();
        assert!((view.records_in_per_second - 100.0).abs() < 1e-9, "{view:?}");
        assert!((view.idle_ms_per_second - 500.0).abs() < 150.0, "{view:?}");
        assert!((view.busy_ms_per_second + view.idle_ms_per_second - 1000.0).abs() < 1e-6);
        assert!(book.pages.lock().subtasks.values().next().unwrap()[0].samples.len() < 10);
    }

    #[test]
    fn reports_in_quick_succession_are_not_hoarded() {
        let (book, start) = (book(), Instant::now());
        for milli in 0..4000u64 {
            let now = start + Duration::from_millis(milli);
            book.record(report(0, milli, 0, 1), false, now).unwrap();
        }
        assert_eq!(book.view(attempt(0)).unwrap().records_in, 3999);
        assert!(book.pages.lock().subtasks.values().next().unwrap()[0].samples.len() < 15);
    }

    #[test]
    fn the_last_attempt_counts_and_earlier_ones_stay_for_a_while() {
        let (book, now) = (book(), Instant::now());
        for number in 0..10 {
            book.record(report(number, u64::from(number), 0, 1), false, now).unwrap();
        }
        assert_eq!(book.accumulators()["lines"], 9);
        assert_eq!(book.view(attempt(7)).unwrap().records_in, 7);
        assert!(book.view(attempt(0)).is_none());
        book.record(report(3, 1, 0, 1), false, now).unwrap();
        assert_eq!(book.accumulators()["lines"], 9, "old news changes nothing");
    }

    #[test]
    fn after_the_last_report_nothing_happens_any_more() {
        let (book, start) = (book(), Instant::now());
        book.record(report(0, 10, 0, 1), false, start).unwrap();
        let queued = proto::TaskMetrics {
            input_queued_bytes: 5,
            output_queued_bytes: 6,
            ..report(0, 20, 0, 2)
        };
        book.record(queued, true, start + Duration::from_secs(1)).unwrap();
        book.record(report(0, 99, 0, 3), false, start + Duration::from_secs(2)).unwrap();
        let view = book.view(attempt(0)).unwrap();
        assert_eq!((view.records_in, view.records_in_per_second), (20, 0.0));
        assert_eq!((view.input_queued_bytes, view.output_queued_bytes), (0, 0));
    }

    #[test]
    fn what_is_of_no_task_of_the_job_is_left_out() {
        let (book, now) = (book(), Instant::now());
        let mut foreign = attempt(0);
        foreign.subtask = SubtaskIndex(1);
        let message = proto::TaskMetrics { attempt: Some(foreign.into()), ..report(0, 1, 0, 1) };
        book.record(message, false, now).unwrap();
        assert!(book.view(foreign).is_none());
        let nameless = proto::TaskMetrics { attempt: None, ..report(0, 1, 0, 1) };
        assert!(book.record(nameless, false, now).is_err());
    }
}
