//! Options that Flink doesn't have.

use std::time::Duration;

use crate::config::MemorySize;
use crate::config::choice::choice;

choice! {
    /// Chooses how batches are compressed on their way between workers.
    pub enum ExchangeCompression {
        /// Not at all: least processor time.
        None = "none",
        /// LZ4: fast.
        Lz4 = "lz4",
        /// Zstandard: small.
        Zstd = "zstd",
    }
}

super::options! {
    title: "Sciurus";

    /// Most records in one batch: a batch that has so many is sent on.
    BATCH_MAX_ROWS: u32 = "sciurus.batch.max-rows"
        .default(|| 4096)
        .rule("from 1 to 1048576", |rows| (1..=1 << 20).contains(rows))
        .example("4096");

    /// Size of the records of one batch from which it is sent on, full or not.
    BATCH_MAX_BYTES: MemorySize = "sciurus.batch.max-bytes"
        .default(|| MemorySize::from_kib(256))
        .rule("from 1 kb to 64 mb", |size| (1 << 10..=64 << 20).contains(&size.bytes()))
        .example("256 kb");

    /// How batches are compressed on their way between workers. Short words and equal numbers are
    /// packed without it; it pays where a network is slow and values are long.
    EXCHANGE_COMPRESSION: ExchangeCompression = "sciurus.exchange.compression"
        .default(|| ExchangeCompression::None);

    /// How long the connection between two workers may be broken, or silent, until the tasks that
    /// exchange data over it fail. Where the other worker's process has ended they fail at once.
    EXCHANGE_RECONNECT_TIMEOUT: Duration = "sciurus.exchange.reconnect-timeout"
        .default(|| Duration::from_secs(5))
        .rule("at least 100 ms", |timeout| timeout.as_millis() >= 100);

    /// How long tasks wait for the first connection with another worker of their job, and for the
    /// tasks there that they exchange data with.
    EXCHANGE_CONNECT_TIMEOUT: Duration = "sciurus.exchange.connect-timeout"
        .default(|| Duration::from_secs(30))
        .rule("at least 100 ms", |timeout| timeout.as_millis() >= 100);

    /// Longest time from the start of a job's worker until it is ready for tasks: it loads, runs the
    /// job's main and builds the job graph.
    WORKER_START_TIMEOUT: Duration = "sciurus.worker.start-timeout"
        .default(|| Duration::from_secs(60))
        .rule("at least 1 ms", |timeout| timeout.as_millis() >= 1);

    /// Whether what a job's workers print goes to the TaskManager's own output as well as to their
    /// files. In the container image it does unless this says otherwise.
    WORKER_CONSOLE: bool = "sciurus.worker.console"
        .default(|| false);

    /// Time between two reports of what tasks and processes measure.
    METRICS_REPORT_INTERVAL: Duration = "sciurus.metrics.report-interval"
        .default(|| Duration::from_secs(1))
        .rule("at least 10 ms", |interval| interval.as_millis() >= 10);

    /// How long a job's worker may take nearly all of the memory that it may take, with its sources
    /// stopped, until its tasks are failed.
    MEMORY_LIMIT_TIMEOUT: Duration = "sciurus.memory.limit-timeout"
        .default(|| Duration::from_secs(30))
        .rule("at least 1 s", |timeout| timeout.as_secs() >= 1);

    /// Size of the executables that a TaskManager keeps for jobs to come; the least recently used
    /// goes first.
    PACKAGE_CACHE_MAX_SIZE: MemorySize = "sciurus.taskmanager.package-cache.max-size"
        .default(|| MemorySize::from_mib(1024))
        .example("1 gb");

    /// Directories whose executables packages may name in place of bringing their own.
    PACKAGE_INSTALLED_DIRECTORIES: Vec<String> = "sciurus.package.installed-directories"
        .default(|| vec!["/opt/flink".to_owned(), "/opt/sciurus".to_owned()])
        .example("/opt/flink;/opt/sciurus");

    /// TaskManagers that the JobManager asks to register, each as host:port of the TaskManager's
    /// `taskmanager.rpc.port`: for networks in which a TaskManager can't know where it is.
    JOBMANAGER_TASK_MANAGERS: Vec<String> = "sciurus.jobmanager.taskmanagers"
        .example("taskmanager-1:6122;taskmanager-2:6122");

    /// Longest time from asking a TaskManager for a job's worker until the worker is there, the way
    /// of the job's package included; a worker that takes longer is given up.
    JOBMANAGER_WORKER_TIMEOUT: Duration = "sciurus.jobmanager.worker-timeout"
        .default(|| Duration::from_secs(300))
        .rule("at least 1 ms", |timeout| timeout.as_millis() >= 1);
}
