//! What the operator counts, as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::model::Kind;

/// Bounds of the histogram of reconciliations, in seconds.
const BOUNDS: [f64; 7] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What the operator counts.
#[derive(Debug, Default)]
pub struct Metrics {
    is_leader: AtomicBool,
    failures: AtomicU64,
    reconciliations: Mutex<BTreeMap<Kind, Times>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    count: u64,
    seconds: f64,
    within: [u64; BOUNDS.len()],
}

impl Metrics {
    /// Counts a reconciliation and how long it took.
    pub fn reconciled(&self, kind: Kind, took: Duration) {
        let mut all = self.reconciliations.lock();
        let times = all.entry(kind).or_default();
        times.count += 1;
        times.seconds += took.as_secs_f64();
        for (bound, count) in BOUNDS.iter().zip(&mut times.within) {
            *count += u64::from(took.as_secs_f64() <= *bound);
        }
    }

    /// Counts something that couldn't be done.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note of whether this process acts.
    pub fn set_leader(&self, is_leader: bool) {
        self.is_leader.store(is_leader, Ordering::Relaxed);
    }

    /// Writes all in Prometheus' text format; `states` counts resources by kind and state.
    pub fn text(&self, states: &BTreeMap<(Kind, &'static str), u64>) -> String {
        let mut out = String::new();
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        let name = "sciurus_operator_leader";
        head(&mut out, name, "gauge", "Whether this process acts.");
        let _ = writeln!(out, "{name} {}", u8::from(self.is_leader.load(Ordering::Relaxed)));
        let name = "sciurus_operator_failures_total";
        head(&mut out, name, "counter", "Things that could not be done and were tried again.");
        let _ = writeln!(out, "{name} {}", self.failures.load(Ordering::Relaxed));
        let name = "sciurus_operator_resources";
        head(&mut out, name, "gauge", "Resources by kind and lifecycle state.");
        for ((kind, state), count) in states {
            let _ = writeln!(out, "{name}{{kind=\"{}\",state=\"{state}\"}} {count}", kind.name());
        }
        let name = "sciurus_operator_reconciliation_seconds";
        head(&mut out, name, "histogram", "Time that looking after a resource once took.");
        for (kind, times) in self.reconciliations.lock().iter() {
            let kind = kind.name();
            for (bound, count) in BOUNDS.iter().zip(&times.within) {
                let _ = writeln!(out, "{name}_bucket{{kind=\"{kind}\",le=\"{bound}\"}} {count}");
            }
            let Times { count, seconds, .. } = times;
            let _ = writeln!(out, "{name}_bucket{{kind=\"{kind}\",le=\"+Inf\"}} {count}");
            let _ = writeln!(out, "{name}_sum{{kind=\"{kind}\"}} {seconds}");
            let _ = writeln!(out, "{name}_count{{kind=\"{kind}\"}} {count}");
        }
        if let Some(bytes) = resident_bytes() {
            let name = "process_resident_memory_bytes";
            head(&mut out, name, "gauge", "Resident memory.");
            let _ = writeln!(out, "{name} {bytes}");
        }
        out
    }
}

/// Returns the memory that this process takes, in bytes.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.reconciled(Kind::FlinkJob, Duration::from_millis(20));
        metrics.reconciled(Kind::FlinkJob, Duration::from_secs(2));
        metrics.failed();
        metrics.set_leader(true);
        let text = metrics.text(&[((Kind::FlinkJob, "STABLE"), 3)].into());
        for line in [
            "sciurus_operator_leader 1",
            "sciurus_operator_failures_total 1",
            "sciurus_operator_resources{kind=\"FlinkJob\",state=\"STABLE\"} 3",
            "sciurus_operator_reconciliation_seconds_bucket{kind=\"FlinkJob\",le=\"0.01\"} 0",
            "sciurus_operator_reconciliation_seconds_bucket{kind=\"FlinkJob\",le=\"0.05\"} 1",
            "sciurus_operator_reconciliation_seconds_bucket{kind=\"FlinkJob\",le=\"+Inf\"} 2",
            "sciurus_operator_reconciliation_seconds_count{kind=\"FlinkJob\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
