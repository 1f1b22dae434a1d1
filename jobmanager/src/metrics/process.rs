//! What this process takes of the machine, by the names that Flink's metrics of the JVM have.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use parking_lot::Mutex;

/// Looks at this process through `/proc`; what can't be read counts nothing.
#[derive(Debug)]
pub struct ProcessMetrics {
    last: Mutex<Look>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    cpu_ticks: u64,
    load: f64,
}

/// How many ticks a second of CPU time has: what Linux tells every program.
const TICKS_PER_SECOND: u64 = 100;

impl Default for ProcessMetrics {
    fn default() -> Self {
        let look = Look { at: Instant::now(), cpu_ticks: cpu_ticks(), load: 0.0 };
        Self { last: Mutex::new(look) }
    }
}

impl ProcessMetrics {
    /// Reads the gauges. There is no heap: it is all that is resident. What a native process has
    /// nothing of is not among them.
    pub fn gauges(&self, memory_limit_bytes: u64) -> BTreeMap<String, f64> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = kib(&status, "VmRSS:");
        let limit = if memory_limit_bytes > 0 { memory_limit_bytes } else { physical_memory() };
        let threads = field(&status, "Threads:");
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let values = [
            ("Status.JVM.CPU.Load", self.load()),
            // Nanoseconds.
            ("Status.JVM.CPU.Time", (cpu_ticks() * (1_000_000_000 / TICKS_PER_SECOND)) as f64),
            ("Status.JVM.Memory.Heap.Used", resident as f64),
            ("Status.JVM.Memory.Heap.Committed", resident as f64),
            ("Status.JVM.Memory.Heap.Max", limit as f64),
            ("Status.JVM.Threads.Count", threads as f64),
            ("Status.JVM.FileDescriptor.Open", files as f64),
            ("Status.JVM.FileDescriptor.Max", max_files() as f64),
        ];
        values.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Returns the share of one processor that the process took lately, at most 1 as in Flink.
    fn load(&self) -> f64 {
        let mut last = self.last.lock();
        let seconds = last.at.elapsed().as_secs_f64();
        // A look a moment after the other would see noise.
        if seconds >= 0.5 {
            let ticks = cpu_ticks();
            let spent = ticks.saturating_sub(last.cpu_ticks) as f64 / TICKS_PER_SECOND as f64;
            let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
            let load = (spent / seconds / processors).min(1.0);
            *last = Look { at: Instant::now(), cpu_ticks: ticks, load };
        }
        last.load
    }
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn kib(text: &str, name: &str) -> u64 {
    field(text, name) * 1024
}

fn physical_memory() -> u64 {
    kib(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal:")
}

fn max_files() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(0)
}

/// Returns the CPU time of the process, in user mode and in the kernel.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the executable, in parentheses, may hold anything.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> =
        after_name.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    fields.get(11).copied().unwrap_or(0) + fields.get(12).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_memory_threads_and_files() {
        let gauges = ProcessMetrics::default().gauges(0);
        for name in [
            "Status.JVM.Memory.Heap.Used",
            "Status.JVM.Memory.Heap.Max",
            "Status.JVM.Threads.Count",
            "Status.JVM.FileDescriptor.Open",
            "Status.JVM.FileDescriptor.Max",
        ] {
            assert!(gauges[name] > 0.0, "{name}");
        }
        assert!(gauges["Status.JVM.Memory.Heap.Used"] < gauges["Status.JVM.Memory.Heap.Max"]);
        let limited = ProcessMetrics::default().gauges(7);
        assert!((limited["Status.JVM.Memory.Heap.Max"] - 7.0).abs() < f64::EPSILON);
    }
}
