//! The metrics of a JobManager or TaskManager.
//!
//! Tools ask for what only a JVM has: a heap, a metaspace, garbage collectors. The closest that a
//! native process has stands there: its resident memory is the heap, its limit the heap's limit,
//! nothing is collected.

use std::collections::BTreeMap;

use sciurus_core::ids::TaskManagerId;

use super::{Metrics, Value};
use crate::task_managers::TaskManagerInfo;

/// What no native process has; 0 is what there is of it.
const NOTHING: [&str; 24] = [
    "Status.JVM.ClassLoader.ClassesLoaded",
    "Status.JVM.ClassLoader.ClassesUnloaded",
    "Status.JVM.GarbageCollector.All.Count",
    "Status.JVM.GarbageCollector.All.Time",
    "Status.JVM.GarbageCollector.All.TimeMsPerSecond",
    "Status.JVM.GarbageCollector.G1_Old_Generation.Count",
    "Status.JVM.GarbageCollector.G1_Old_Generation.Time",
    "Status.JVM.GarbageCollector.G1_Old_Generation.TimeMsPerSecond",
    "Status.JVM.GarbageCollector.G1_Young_Generation.Count",
    "Status.JVM.GarbageCollector.G1_Young_Generation.Time",
    "Status.JVM.GarbageCollector.G1_Young_Generation.TimeMsPerSecond",
    "Status.JVM.Memory.Direct.Count",
    "Status.JVM.Memory.Direct.MemoryUsed",
    "Status.JVM.Memory.Direct.TotalCapacity",
    "Status.JVM.Memory.Mapped.Count",
    "Status.JVM.Memory.Mapped.MemoryUsed",
    "Status.JVM.Memory.Mapped.TotalCapacity",
    "Status.JVM.Memory.Metaspace.Committed",
    "Status.JVM.Memory.Metaspace.Max",
    "Status.JVM.Memory.Metaspace.Used",
    "Status.JVM.Memory.NonHeap.Committed",
    "Status.JVM.Memory.NonHeap.Max",
    "Status.JVM.Memory.NonHeap.Used",
    "Status.Shuffle.Netty.RequestedMemoryUsage",
];

/// What a process may lack a value for, though tools want one.
const DEFAULTS: [&str; 8] = [
    "Status.JVM.CPU.Load",
    "Status.JVM.CPU.Time",
    "Status.JVM.FileDescriptor.Max",
    "Status.JVM.FileDescriptor.Open",
    "Status.JVM.Memory.Heap.Committed",
    "Status.JVM.Memory.Heap.Max",
    "Status.JVM.Memory.Heap.Used",
    "Status.JVM.Threads.Count",
];

/// Returns the metrics of the JobManager, given its gauges.
pub fn of_job_manager(gauges: &BTreeMap<String, f64>) -> Metrics {
    let mut all = gauges.clone();
    let nothing = NOTHING.iter().filter(|name| !name.starts_with("Status.Shuffle"));
    fill_in(&mut all, nothing.chain(&DEFAULTS).map(|name| (*name, 0.0)));
    metrics(all)
}

/// Returns the metrics of a TaskManager.
pub fn of_task_manager(info: &TaskManagerInfo) -> Metrics {
    let memory = &info.registration.memory;
    let mut all = info.gauges.as_ref().clone();
    let network_used = all.get("Status.Shuffle.Netty.UsedMemory").copied().unwrap_or(0.0);
    fill_in(
        &mut all,
        [
            ("Status.Flink.Memory.Managed.Total", memory.managed as f64),
            ("Status.Flink.Memory.Managed.Used", 0.0),
            ("Status.Shuffle.Netty.TotalMemory", memory.network as f64),
            ("Status.Shuffle.Netty.UsedMemory", network_used),
            ("Status.Shuffle.Netty.AvailableMemory", memory.network as f64 - network_used),
            ("Status.JVM.Memory.Heap.Max", memory.total_process as f64),
            ("Status.JVM.Memory.Heap.Committed", memory.total_process as f64),
        ]
        .into_iter(),
    );
    fill_in(&mut all, NOTHING.iter().chain(&DEFAULTS).map(|name| (*name, 0.0)));
    for name in ["AvailableMemorySegments", "TotalMemorySegments", "UsedMemorySegments"] {
        let bytes = match name {
            "AvailableMemorySegments" => "Status.Shuffle.Netty.AvailableMemory",
            "TotalMemorySegments" => "Status.Shuffle.Netty.TotalMemory",
            _ => "Status.Shuffle.Netty.UsedMemory",
        };
        let segments = all.get(bytes).copied().unwrap_or(0.0) / SEGMENT_BYTES;
        all.entry(format!("Status.Shuffle.Netty.{name}")).or_insert(segments.floor());
    }
    metrics(all)
}

/// What one of Flink's network buffers holds by default.
const SEGMENT_BYTES: f64 = 32_768.0;

fn fill_in<'a>(gauges: &mut BTreeMap<String, f64>, values: impl Iterator<Item = (&'a str, f64)>) {
    for (name, value) in values {
        gauges.entry(name.to_owned()).or_insert(value);
    }
}

/// Shows what Flink shows as a decimal as one.
fn metrics(gauges: BTreeMap<String, f64>) -> Metrics {
    let mut metrics = Metrics::default();
    for (name, number) in gauges {
        let is_whole =
            number.fract() == 0.0 && !name.ends_with("PerSecond") && !name.ends_with(".Load");
        let value = if is_whole { Value::Whole(number as i64) } else { Value::Decimal(number) };
        metrics.add(name, value);
    }
    metrics
}

/// Finds the metrics of some TaskManagers; of all if none is named.
pub(super) fn of_task_managers(
    infos: &[TaskManagerInfo],
    wanted: &[TaskManagerId],
) -> Vec<Metrics> {
    let is_wanted = |info: &&TaskManagerInfo| wanted.is_empty() || wanted.contains(info.id());
    infos.iter().filter(is_wanted).map(of_task_manager).collect()
}
