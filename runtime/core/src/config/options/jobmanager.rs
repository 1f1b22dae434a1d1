//! The `JobManager`: where it is found, and how long it keeps what.

use std::time::Duration;

use crate::config::choice::choice;
use crate::config::{MemorySize, Ports};

choice! {
    /// Chooses which tasks start again after one has failed.
    pub enum FailoverStrategy {
        /// All of the job.
        Full = "full",
        /// Those that exchange data with the failed one.
        Region = "region",
    }
}

choice! {
    /// Chooses how jobs deal with slots that come and go.
    pub enum SchedulerType {
        /// A job waits for the slots that it needs.
        Default = "Default",
        /// A job runs with the slots that there are, and grows and shrinks with them.
        Adaptive = "Adaptive",
    }
}

super::options! {
    title: "JobManager";

    /// Host under which TaskManagers find the JobManager.
    RPC_ADDRESS: String = "jobmanager.rpc.address"
        .example("localhost");

    /// Port under which TaskManagers find the JobManager.
    RPC_PORT: u16 = "jobmanager.rpc.port"
        .default(|| 6123)
        .example("6123");

    /// Port on which the JobManager listens for TaskManagers, where that is another.
    RPC_BIND_PORT: u16 = "jobmanager.rpc.bind-port"
        .example("6123");

    /// Address on which the JobManager listens for TaskManagers; without it, on all.
    BIND_HOST: String = "jobmanager.bind-host"
        .example("0.0.0.0");

    /// Name of the JobManager's process in lists and logs.
    RESOURCE_ID: String = "jobmanager.resource-id"
        .example("jobmanager-1");

    /// Memory of the JobManager's process, coordinators of jobs included.
    MEMORY_PROCESS_SIZE: MemorySize = "jobmanager.memory.process.size"
        .example("256 mb");

    /// Which tasks start again after one has failed: all of the job, or only those that exchange
    /// data with it.
    EXECUTION_FAILOVER_STRATEGY: FailoverStrategy = "jobmanager.execution.failover-strategy"
        .default(|| FailoverStrategy::Region);

    /// How jobs deal with slots that come and go: they wait for those that they need, or run with
    /// those that there are, and grow and shrink with them.
    SCHEDULER: SchedulerType = "jobmanager.scheduler"
        .default(|| SchedulerType::Default);

    /// Longest time that an adaptive job waits for as many slots as it needs at least.
    ADAPTIVE_SUBMISSION_RESOURCE_WAIT_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.submission.resource-wait-timeout"
        .default(|| Duration::from_secs(300))
        .deprecated_keys(&["jobmanager.adaptive-scheduler.resource-wait-timeout"]);

    /// Time that an adaptive job waits for more slots before it runs with fewer than it could use.
    ADAPTIVE_SUBMISSION_RESOURCE_STABILIZATION_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout"
        .default(|| Duration::from_secs(10))
        .deprecated_keys(&["jobmanager.adaptive-scheduler.resource-stabilization-timeout"]);

    /// Time that an adaptive job that runs waits for more slots before it grows to fewer subtasks
    /// than it could have.
    ADAPTIVE_EXECUTING_RESOURCE_STABILIZATION_TIMEOUT: Duration =
        "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout"
        .default(|| Duration::from_secs(60))
        .deprecated_keys(&["jobmanager.adaptive-scheduler.scaling-interval.max"]);

    /// Shortest time that an adaptive job runs before it grows.
    ADAPTIVE_EXECUTING_COOLDOWN_AFTER_RESCALING: Duration =
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling"
        .default(|| Duration::from_secs(30))
        .deprecated_keys(&["jobmanager.adaptive-scheduler.scaling-interval.min"]);

    /// Number of former attempts of a subtask that are shown.
    EXECUTION_ATTEMPTS_HISTORY_SIZE: usize = "jobmanager.execution.attempts-history-size"
        .default(|| 16)
        .deprecated_keys(&["job-manager.max-attempts-history-size"]);

    /// Seconds for which a job that has ended can still be looked at.
    JOB_STORE_EXPIRATION_TIME: u64 = "jobstore.expiration-time"
        .default(|| 3600)
        .example("3600");

    /// Number of jobs that have ended which can still be looked at; the oldest goes first.
    JOB_STORE_MAX_CAPACITY: usize = "jobstore.max-capacity"
        .default(|| i32::MAX as usize)
        .rule("at least 1", |jobs| *jobs >= 1)
        .example("100");

    /// Accepted and without effect: packages go over the port of the JobManager itself.
    BLOB_SERVER_PORT: Ports = "blob.server.port"
        .default(|| Ports::one(0))
        .example("6124");

    /// Directory for packages of jobs. Without it the first directory for temporary files is taken.
    BLOB_STORAGE_DIRECTORY: String = "blob.storage.directory"
        .example("/var/lib/sciurus/blobs");

    /// Seconds between two searches for packages that nothing needs any longer.
    BLOB_SERVICE_CLEANUP_INTERVAL: u64 = "blob.service.cleanup.interval"
        .default(|| 3600)
        .rule("at least 1", |seconds| *seconds >= 1)
        .example("3600");

    /// Longest time that a job waits for slots before it fails for the lack of them.
    SLOT_REQUEST_TIMEOUT: Duration = "slot.request.timeout"
        .default(|| Duration::from_secs(300));
}
