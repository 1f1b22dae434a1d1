//! What a `TaskManager` offers and how its tasks exchange data.

use crate::config::MemorySize;

super::options! {
    title: "TaskManager";

    /// Number of slots that a TaskManager offers; each runs one parallel slice of a job.
    NUM_TASK_SLOTS: u32 = "taskmanager.numberOfTaskSlots"
        .default(|| 1)
        .rule("at least 1", |slots| *slots >= 1);

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
