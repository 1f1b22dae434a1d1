//! What a `TaskManager` offers and how its tasks exchange data.

use std::time::Duration;

use crate::config::{MemorySize, Ports};

super::options! {
    title: "TaskManager";

    /// Number of slots that a TaskManager offers; each runs one parallel slice of a job.
    NUM_TASK_SLOTS: u32 = "taskmanager.numberOfTaskSlots"
        .default(|| 1)
        .rule("at least 1", |slots| *slots >= 1);

    /// Host under which JobManager and other TaskManagers find the TaskManager. Without it: the
    /// address from which the JobManager is reached.
    HOST: String = "taskmanager.host"
        .example("taskmanager-1");

    /// Address on which the TaskManager and its workers listen; without it, on all.
    BIND_HOST: String = "taskmanager.bind-host"
        .example("0.0.0.0");

    /// Port on which a JobManager can ask the TaskManager to register; with 0 any.
    RPC_PORT: Ports = "taskmanager.rpc.port"
        .default(|| Ports::one(0))
        .example("6122");

    /// Port on which the TaskManager listens, where that is another.
    RPC_BIND_PORT: u16 = "taskmanager.rpc.bind-port"
        .example("6122");

    /// Ports on which workers exchange data; each job takes one. With 0 any.
    DATA_PORT: Ports = "taskmanager.data.port"
        .default(|| Ports::one(0))
        .example("6121-6220");

    /// Ports on which workers listen for data, where those are others.
    DATA_BIND_PORT: Ports = "taskmanager.data.bind-port"
        .example("6121-6220");

    /// Id of the TaskManager. Without it: its host, port and a random part.
    RESOURCE_ID: String = "taskmanager.resource-id"
        .example("taskmanager-1");

    /// Time after which a TaskManager that could not register gives up and ends.
    REGISTRATION_TIMEOUT: Duration = "taskmanager.registration.timeout"
        .default(|| Duration::from_secs(300))
        .deprecated_keys(&["taskmanager.maxRegistrationDuration"]);

    /// Log file of the TaskManager that the REST API shows; set by `sciurus` where it writes one.
    LOG_PATH: String = "taskmanager.log.path"
        .example("/opt/flink/log/taskmanager.log");

    /// Memory of the whole TaskManager, its workers included. Without it: the limit of its cgroup,
    /// else three quarters of the machine's memory.
    MEMORY_PROCESS_SIZE: MemorySize = "taskmanager.memory.process.size"
        .example("4 gb");

    /// Memory of the whole TaskManager: the same as the process size, because there is no JVM that
    /// needs more.
    MEMORY_FLINK_SIZE: MemorySize = "taskmanager.memory.flink.size"
        .example("4 gb");

    /// Memory for records and user code, over all slots. By default all that the other parts leave.
    MEMORY_TASK_HEAP_SIZE: MemorySize = "taskmanager.memory.task.heap.size"
        .example("1 gb");

    /// Further memory for user code, over all slots; counted with the size above.
    MEMORY_TASK_OFF_HEAP_SIZE: MemorySize = "taskmanager.memory.task.off-heap.size"
        .default(|| MemorySize::from_bytes(0))
        .example("64 mb");

    /// Memory for state, over all slots. By default a fraction of the whole.
    MEMORY_MANAGED_SIZE: MemorySize = "taskmanager.memory.managed.size"
        .deprecated_keys(&["taskmanager.memory.size"])
        .example("1 gb");

    /// Fraction of the memory that is for state, where its size is not set.
    MEMORY_MANAGED_FRACTION: f64 = "taskmanager.memory.managed.fraction"
        .default(|| 0.4)
        .rule("from 0 up to, but not, 1", |fraction| (0.0..1.0).contains(fraction));

    /// Fraction of the memory that is for data on its way between tasks.
    MEMORY_NETWORK_FRACTION: f64 = "taskmanager.memory.network.fraction"
        .default(|| 0.1)
        .deprecated_keys(&["taskmanager.network.memory.fraction"])
        .rule("from 0 up to, but not, 1", |fraction| (0.0..1.0).contains(fraction));

    /// Least memory for data on its way between tasks.
    MEMORY_NETWORK_MIN: MemorySize = "taskmanager.memory.network.min"
        .default(|| MemorySize::from_mib(64))
        .deprecated_keys(&["taskmanager.network.memory.min"])
        .example("64 mb");

    /// Most memory for data on its way between tasks.
    MEMORY_NETWORK_MAX: MemorySize = "taskmanager.memory.network.max"
        .default(|| MemorySize::MAX)
        .deprecated_keys(&["taskmanager.network.memory.max"])
        .example("1 gb");

    /// Unit of the memory in which data waits between two tasks: what one buffer of the options
    /// below stands for.
    MEMORY_SEGMENT_SIZE: MemorySize = "taskmanager.memory.segment-size"
        .default(|| MemorySize::from_kib(32))
        .rule("at least 4 kb", |size| size.bytes() >= 4096)
        .example("32 kb");

    /// Number of buffers that every channel between two subtasks has for its own: so much can be
    /// under way on a channel before the sender waits.
    NETWORK_BUFFERS_PER_CHANNEL: u32 = "taskmanager.network.memory.buffers-per-channel"
        .default(|| 2)
        .rule("at least 1", |buffers| *buffers >= 1);

    /// Number of further buffers that the channels of one input share: they go to where data piles
    /// up.
    NETWORK_FLOATING_BUFFERS_PER_GATE: u32 = "taskmanager.network.memory.floating-buffers-per-gate"
        .default(|| 8);
}
