//! What JobManager and TaskManagers have in common, and how work is spread.

use std::time::Duration;

use crate::config::choice::choice;

choice! {
    /// Chooses how subtasks are spread over `TaskManager`s.
    pub enum LoadBalanceMode {
        /// A `TaskManager` is filled before the next one is used.
        None = "NONE",
        /// All have about as many slots in use.
        Slots = "SLOTS",
        /// All run about as many tasks.
        Tasks = "TASKS",
    }
}

choice! {
    /// Chooses how accepted jobs outlive a `JobManager`.
    pub enum HighAvailabilityType {
        /// Not at all.
        None = "NONE",
        /// In a directory that the next `JobManager` reads.
        FileSystem = "filesystem",
        /// The same; leaders are elected through Kubernetes.
        Kubernetes = "kubernetes"
            | "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory",
        /// As `filesystem`: there is no `ZooKeeper` here.
        ZooKeeper = "ZOOKEEPER",
    }
}

super::options! {
    title: "Cluster";

    /// Time between two heartbeats of JobManager and TaskManager to each other.
    HEARTBEAT_INTERVAL: Duration = "heartbeat.interval"
        .default(|| Duration::from_secs(10))
        .rule("at least 1 ms", |interval| interval.as_millis() >= 1);

    /// Time without any message after which the other side counts as lost. A connection that breaks
    /// is noticed at once.
    HEARTBEAT_TIMEOUT: Duration = "heartbeat.timeout"
        .default(|| Duration::from_secs(50))
        .rule("at least 1 ms", |timeout| timeout.as_millis() >= 1);

    /// How subtasks are spread over TaskManagers: fill one after the other (`NONE`), or use as many
    /// slots (`SLOTS`) or tasks (`TASKS`) of each.
    LOAD_BALANCE_MODE: LoadBalanceMode = "taskmanager.load-balance.mode"
        .default(|| LoadBalanceMode::None);

    /// Whether to use as many slots of each TaskManager: the former way to say `SLOTS`.
    EVENLY_SPREAD_OUT_SLOTS: bool = "cluster.evenly-spread-out-slots"
        .default(|| false);

    /// How accepted jobs outlive a JobManager: the storage directory keeps them, and the next
    /// JobManager runs them again.
    HIGH_AVAILABILITY_TYPE: HighAvailabilityType = "high-availability.type"
        .default(|| HighAvailabilityType::None)
        .deprecated_keys(&["high-availability", "recovery.mode"]);

    /// Directory in which accepted jobs are kept, as a path or `file://` address.
    HIGH_AVAILABILITY_STORAGE_DIR: String = "high-availability.storageDir"
        .deprecated_keys(&["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"])
        .example("file:///var/lib/sciurus/ha");

    /// Name of the cluster among those that share a storage directory.
    HIGH_AVAILABILITY_CLUSTER_ID: String = "high-availability.cluster-id"
        .default(|| "/default".to_owned());

    /// Directories for temporary files, with `,` or the path separator between them. Without it the
    /// system's is taken.
    TMP_DIRS: String = "io.tmp.dirs"
        .deprecated_keys(&["taskmanager.tmp.dirs"])
        .example("/tmp");

    /// Longest time that a process may take to stop: jobs are ended, connections closed. After it
    /// the process ends all the same.
    SERVICES_SHUTDOWN_TIMEOUT: Duration = "cluster.services.shutdown-timeout"
        .default(|| Duration::from_secs(30));

    /// Time after which a task that is being cancelled and doesn't end has its process killed; 0
    /// waits for ever.
    TASK_CANCELLATION_TIMEOUT: Duration = "task.cancellation.timeout"
        .default(|| Duration::from_secs(180));
}
