//! CPU time and memory of the processes of a system.

use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The children of a process, whichever of its threads started them.
pub fn children_of(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children
}

/// How much memory these processes and their children have resident, in bytes.
pub fn resident_bytes(pids: &[u32]) -> u64 {
    let resident = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.unwrap_or(0_u64) * 1024
    };
    pids.iter()
        .map(|&pid| resident(pid) + children_of(pid).into_iter().map(resident).sum::<u64>())
        .sum()
}

/// The CPU time, user and system, of these processes and of their children that have ended.
pub fn cpu_seconds(pids: &[u32]) -> f64 {
    pids.iter().map(|&pid| sciurus_harness::processes::cpu_seconds(pid)).sum()
}

/// Looks again and again at the memory of processes.
pub struct PeakMemory {
    end: Sender<()>,
    thread: JoinHandle<u64>,
}

impl PeakMemory {
    /// Begins to look.
    pub fn watch(pids: Vec<u32>) -> Self {
        let (end, ended) = channel::<()>();
        let thread = thread::spawn(move || {
            let mut peak = resident_bytes(&pids);
            while ended.recv_timeout(LOOK).is_err() {
                peak = peak.max(resident_bytes(&pids));
            }
            peak
        });
        Self { end, thread }
    }

    /// The most that was seen, in MiB.
    pub fn mib(self) -> f64 {
        let _ = self.end.send(());
        self.thread.join().unwrap_or(0) as f64 / f64::from(1 << 20)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_counts_with_its_parent() {
        let alone = resident_bytes(&[std::process::id()]);
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        assert!(children_of(std::process::id()).contains(&child.id()));
        assert!(alone > 0 && resident_bytes(&[child.id()]) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children_of(std::process::id()).contains(&child.id()));
    }
}
