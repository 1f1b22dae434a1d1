//! What is told of the TaskManager and its tasks, and when.
//!
//! Gauges have Flink's names, because tools read those. Where Flink tells of a JVM the closest thing
//! that a native process has stands in: the heap is memory of its own (heap and stacks), outside the
//! heap is what comes from files, the metaspace is code. All are sums over the TaskManager and its
//! workers. What has no counterpart (garbage collection, classes) is 0, since tools miss it else.

mod exposition;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sciurus_core::graph::JobGraph;
use sciurus_core::ids::{ExecutionAttemptId, JobId};
use sciurus_metrics::task::TaskSamples;
use sciurus_rpc::proto;
use tokio::time::Instant;

use crate::machine;
use crate::memory::MemoryBudget;
use crate::procfs::{self, ProcessSample};

/// How often gauges are told while no job runs.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// Of how many tasks of a job metrics are kept: no worker has as many.
const MAX_TASKS: usize = 1 << 16;

/// Gauges of workers that are summed up under the TaskManager's own names.
const SUMMED: &str = "Status.Flink.Memory.Managed.Used";

/// What no native process has: tools that read the REST API want it all the same.
const NOTHING: [&str; 11] = [
    "JVM.GarbageCollector.All.Count",
    "JVM.GarbageCollector.All.Time",
    "JVM.GarbageCollector.All.TimeMsPerSecond",
    "JVM.ClassLoader.ClassesLoaded",
    "JVM.ClassLoader.ClassesUnloaded",
    "JVM.Memory.Direct.Count",
    "JVM.Memory.Direct.MemoryUsed",
    "JVM.Memory.Direct.TotalCapacity",
    "JVM.Memory.Mapped.Count",
    "JVM.Memory.Mapped.MemoryUsed",
    "JVM.Memory.Mapped.TotalCapacity",
];

/// Collects what workers report, and measures processes. Clones are the same.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Mutex<Inner>>);

struct Inner {
    memory: MemoryBudget,
    segment_bytes: u64,
    /// Under which host the JobManager knows the TaskManager.
    host: String,
    jobs: HashMap<JobId, JobMetrics>,
    cpu: CpuLoad,
    /// What was told last.
    gauges: HashMap<String, f64>,
    next_gauges_at: Option<Instant>,
}

#[derive(Default)]
struct JobMetrics {
    /// What names come from, once the worker has told.
    graph: Option<JobGraph>,
    tasks: HashMap<ExecutionAttemptId, TaskSamples>,
    gauges: HashMap<String, f64>,
    /// What was measured of its process.
    process: HashMap<String, f64>,
    /// Whether anything came since the last report.
    news: bool,
}

impl Metrics {
    pub(crate) fn new(memory: MemoryBudget, segment_bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            memory,
            segment_bytes,
            host: String::new(),
            jobs: HashMap::new(),
            cpu: CpuLoad::default(),
            gauges: HashMap::new(),
            next_gauges_at: None,
        })))
    }

    /// Takes note of the host under which the JobManager knows the TaskManager.
    pub(crate) fn set_host(&self, host: &str) {
        host.clone_into(&mut self.0.lock().host);
    }

    /// Takes a job's graph, JSON, of the worker that has started.
    pub(crate) fn name_job(&self, job: JobId, graph: &[u8]) {
        match serde_json::from_slice(graph) {
            Ok(graph) => self.0.lock().jobs.entry(job).or_default().graph = Some(graph),
            Err(error) => {
                tracing::warn!(%job, %error, "its tasks' metrics have no names, and aren't exposed");
            }
        }
    }

    /// Takes a worker's report. What is no task's is left out.
    pub(crate) fn take(&self, job: JobId, report: proto::WorkerMetrics) {
        let now = std::time::Instant::now();
        let mut inner = self.0.lock();
        let metrics = inner.jobs.entry(job).or_default();
        for task in report.tasks {
            let attempt = task.attempt.clone().and_then(|attempt| attempt.try_into().ok());
            if let Some(attempt) = attempt
                && (metrics.tasks.len() < MAX_TASKS || metrics.tasks.contains_key(&attempt))
            {
                metrics.tasks.entry(attempt).or_default().add(task, now);
            }
        }
        metrics.gauges = report.gauges;
        metrics.news = true;
    }

    /// Takes what a task counted in the end, so that it goes with its last report.
    pub(crate) fn remove_task(
        &self,
        job: JobId,
        attempt: ExecutionAttemptId,
    ) -> Option<proto::TaskMetrics> {
        self.0.lock().jobs.get_mut(&job)?.tasks.remove(&attempt)?.into_latest()
    }

    /// Forgets a job whose worker has ended.
    pub(crate) fn remove_job(&self, job: JobId) {
        self.0.lock().jobs.remove(&job);
    }

    /// Forgets all jobs, and that anything was told.
    pub(crate) fn reset(&self) {
        let mut inner = self.0.lock();
        inner.jobs.clear();
        inner.next_gauges_at = None;
    }

    /// Makes a report if there is something to tell. `workers` are the processes that run.
    pub(crate) fn report(
        &self,
        workers: &[(JobId, u32)],
        now: Instant,
    ) -> Option<proto::MetricsReport> {
        self.0.lock().report(workers, now)
    }
}

impl JobMetrics {
    fn all_gauges(&self) -> impl Iterator<Item = (&String, f64)> {
        self.gauges.iter().chain(&self.process).map(|(name, value)| (name, *value))
    }
}

impl Inner {
    fn report(&mut self, workers: &[(JobId, u32)], now: Instant) -> Option<proto::MetricsReport> {
        let due = self.next_gauges_at.is_none_or(|at| at <= now);
        if !due && workers.is_empty() && !self.jobs.values().any(|metrics| metrics.news) {
            return None;
        }
        let mut samples: Vec<_> = Vec::with_capacity(workers.len() + 1);
        let own = std::process::id();
        samples.extend(ProcessSample::of(own).map(|sample| (own, sample)));
        for (job, pid) in workers {
            let Some(sample) = ProcessSample::of(*pid) else { continue };
            samples.push((*pid, sample));
            if let Some(metrics) = self.jobs.get_mut(job) {
                let resident = sample.anonymous_bytes + sample.shared_bytes;
                let own = [
                    ("Status.Sciurus.Process.Resident", resident as f64),
                    ("Status.Sciurus.Process.CpuTime", sample.cpu_ns as f64),
                    ("Status.Sciurus.Process.Threads", sample.threads as f64),
                ];
                metrics.process = own.map(|(name, value)| (name.to_owned(), value)).into();
            }
        }
        let jobs = self
            .jobs
            .iter_mut()
            .filter_map(|(job, metrics)| {
                std::mem::take(&mut metrics.news).then(|| proto::JobMetricsReport {
                    job_id: bytes::Bytes::copy_from_slice(&job.to_bytes()),
                    tasks: metrics
                        .tasks
                        .values()
                        .filter_map(TaskSamples::latest)
                        .cloned()
                        .collect(),
                    gauges: metrics
                        .all_gauges()
                        .map(|(name, value)| (name.clone(), value))
                        .collect(),
                })
            })
            .collect();
        self.next_gauges_at = Some(now + IDLE_INTERVAL);
        let load = self.cpu.measure(&samples, now, machine::cpu_cores());
        self.gauges = self.gauges(&samples, load);
        Some(proto::MetricsReport { jobs, gauges: self.gauges.clone() })
    }

    fn gauges(&self, samples: &[(u32, ProcessSample)], cpu_load: f64) -> HashMap<String, f64> {
        let sum = |field: fn(&ProcessSample) -> u64| {
            samples.iter().map(|(_, sample)| field(sample)).sum::<u64>() as f64
        };
        let tasks = || {
            let tasks = self.jobs.values().flat_map(|metrics| metrics.tasks.values());
            tasks.filter_map(TaskSamples::latest)
        };
        // A channel within a worker has its data counted at both ends.
        let queued: u64 = tasks().map(|task| task.input_queued_bytes).sum();
        let managed_used: f64 =
            self.jobs.values().filter_map(|metrics| metrics.gauges.get(SUMMED)).sum();
        let network = self.memory.network;
        let used = queued.min(network);
        let segments = |bytes: u64| (bytes / self.segment_bytes) as f64;
        let heap = sum(|sample| sample.anonymous_bytes);
        let outside = sum(|sample| sample.shared_bytes);
        let code = sum(|sample| sample.text_bytes);
        let max_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;

        let mut gauges = HashMap::with_capacity(48);
        let mut put = |name: &str, value: f64| gauges.insert(format!("Status.{name}"), value);
        put("JVM.CPU.Load", cpu_load);
        put("JVM.CPU.Time", self.cpu.total_ns as f64);
        put("JVM.Memory.Heap.Used", heap);
        put("JVM.Memory.Heap.Committed", heap);
        put("JVM.Memory.Heap.Max", self.memory.total_process as f64);
        put("JVM.Memory.NonHeap.Used", outside);
        put("JVM.Memory.NonHeap.Committed", outside);
        put("JVM.Memory.NonHeap.Max", -1.0);
        put("JVM.Memory.Metaspace.Used", code);
        put("JVM.Memory.Metaspace.Committed", code);
        put("JVM.Memory.Metaspace.Max", -1.0);
        put("JVM.Threads.Count", sum(|sample| sample.threads));
        put("JVM.FileDescriptor.Open", procfs::open_files() as f64);
        put("JVM.FileDescriptor.Max", max_files.map_or(-1.0, |files| files as f64));
        for name in NOTHING {
            put(name, 0.0);
        }
        put("Flink.Memory.Managed.Used", managed_used);
        put("Flink.Memory.Managed.Total", self.memory.managed as f64);
        put("Shuffle.Netty.TotalMemory", network as f64);
        put("Shuffle.Netty.UsedMemory", used as f64);
        put("Shuffle.Netty.AvailableMemory", (network - used) as f64);
        put("Shuffle.Netty.TotalMemorySegments", segments(network));
        put("Shuffle.Netty.UsedMemorySegments", segments(used));
        put("Shuffle.Netty.AvailableMemorySegments", segments(network - used));
        put(
            "Shuffle.Netty.RequestedMemoryUsage",
            (used * 100).checked_div(network).unwrap_or(0) as f64,
        );
        gauges
    }
}

/// CPU time over all processes there have been, and the load since it was last asked for.
#[derive(Default)]
struct CpuLoad {
    /// By process, at the last look.
    seen_ns: HashMap<u32, u64>,
    total_ns: u64,
    looked_at: Option<Instant>,
}

impl CpuLoad {
    /// Returns which part of all cores the processes have used since the last call.
    fn measure(&mut self, samples: &[(u32, ProcessSample)], now: Instant, cores: u32) -> f64 {
        let mut seen_ns = HashMap::with_capacity(samples.len());
        let mut used_ns = 0_u64;
        for (pid, sample) in samples {
            // Less than before: another process has the id now.
            let before = self.seen_ns.get(pid).copied().filter(|ns| *ns <= sample.cpu_ns);
            used_ns += sample.cpu_ns - before.unwrap_or(0);
            seen_ns.insert(*pid, sample.cpu_ns);
        }
        self.seen_ns = seen_ns;
        self.total_ns += used_ns;
        let before = self.looked_at.replace(now);
        let passed_ns = before.map_or(0, |before| (now - before).as_nanos());
        if passed_ns == 0 {
            return 0.0;
        }
        (used_ns as f64 / passed_ns as f64 / f64::from(cores.max(1))).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::config::Configuration;
    use sciurus_core::ids::{AttemptNumber, ExecutionGraphId, JobVertexId, SubtaskIndex};

    use super::*;

    const JOB: JobId = JobId::from_bytes([1; 16]);

    fn metrics() -> Metrics {
        let memory = MemoryBudget::divide(&Configuration::new(), 1 << 30).unwrap();
        Metrics::new(memory, 32 << 10)
    }

    fn attempt() -> ExecutionAttemptId {
        ExecutionAttemptId {
            graph: ExecutionGraphId::from_bytes([2; 16]),
            vertex: JobVertexId::from_bytes([3; 16]),
            subtask: SubtaskIndex(0),
            attempt: AttemptNumber(0),
        }
    }

    fn worker_metrics(records_in: u64) -> proto::WorkerMetrics {
        let attempt = Some(attempt().into());
        let task = proto::TaskMetrics {
            attempt,
            records_in,
            input_queued_bytes: 64 << 10,
            ..Default::default()
        };
        let gauges = [(SUMMED.to_owned(), 7.0)].into();
        proto::WorkerMetrics { tasks: vec![task, proto::TaskMetrics::default()], gauges }
    }

    #[test]
    fn the_names_are_those_that_tools_read() {
        let metrics = metrics();
        metrics.take(JOB, worker_metrics(5));
        let report = metrics.report(&[], Instant::now()).unwrap();
        assert_eq!((report.jobs.len(), report.jobs[0].tasks.len()), (1, 1));
        let get = |name: &str| report.gauges[name];
        assert!(get("Status.JVM.Memory.Heap.Used") > 0.0);
        assert!(get("Status.JVM.Memory.Metaspace.Used") > 0.0);
        assert!((get("Status.Flink.Memory.Managed.Used") - 7.0).abs() < f64::EPSILON);
        assert!((get("Status.Shuffle.Netty.UsedMemorySegments") - 2.0).abs() < f64::EPSILON);
        assert!(
            (get("Status.JVM.GarbageCollector.All.TimeMsPerSecond") - 0.0).abs() < f64::EPSILON
        );
    }

    #[test]
    fn nothing_is_told_twice_and_an_idle_task_manager_tells_little() {
        let metrics = metrics();
        let start = Instant::now();
        assert!(metrics.report(&[], start).is_some());
        assert_eq!(metrics.report(&[], start + Duration::from_secs(1)), None);
        metrics.take(JOB, worker_metrics(5));
        let report = metrics.report(&[], start + Duration::from_secs(2)).unwrap();
        assert_eq!(report.jobs.len(), 1);
        assert_eq!(metrics.report(&[], start + Duration::from_secs(3)), None);
        let report = metrics.report(&[], start + Duration::from_secs(12)).unwrap();
        assert_eq!(report.jobs.len(), 0);
        metrics.reset();
        assert!(metrics.report(&[], start + Duration::from_secs(13)).is_some());
    }

    #[test]
    fn what_a_task_counted_in_the_end_is_handed_out_once() {
        let metrics = metrics();
        metrics.take(JOB, worker_metrics(5));
        metrics.take(JOB, worker_metrics(6));
        let last = metrics.remove_task(JOB, attempt()).unwrap();
        assert_eq!(last.records_in, 6);
        assert_eq!(metrics.remove_task(JOB, attempt()), None);
        metrics.remove_job(JOB);
        assert_eq!(metrics.report(&[], Instant::now()).unwrap().jobs, []);
    }

    #[test]
    fn cpu_time_never_shrinks_when_processes_end() {
        let mut cpu = CpuLoad::default();
        let sample = |ms: u64| ProcessSample { cpu_ns: ms * 1_000_000, ..Default::default() };
        let start = Instant::now();
        assert!(cpu.measure(&[(1, sample(100)), (2, sample(50))], start, 2).abs() < 1e-9);
        let later = start + Duration::from_secs(1);
        let load = cpu.measure(&[(1, sample(600)), (2, sample(550))], later, 2);
        assert!((load - 0.5).abs() < 1e-9, "{load}");
        // Process 2 has ended, and its id is used anew.
        cpu.measure(&[(2, sample(10))], later + Duration::from_secs(1), 2);
        assert_eq!(cpu.total_ns, 1_160_000_000);
    }
}
