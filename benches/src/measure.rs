//! Runs a program in a child process and measures what it took.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::program::{Context, Outcome, Program};

/// The line that a child process prints when it has its first result.
const FIRST_RESULT: &str = "first result";

/// What one run of a program took.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// What it found out.
    pub outcome: Outcome,
    /// CPU time, user and system, of the whole process from start to end.
    pub cpu_s: f64,
    /// From start to end.
    pub wall_s: f64,
    /// From start to the first result, of programs that tell.
    pub first_result_ms: Option<f64>,
    /// The largest resident memory, where the system tells.
    pub peak_mib: Option<f64>,
}

/// The last line that a child process prints.
#[derive(Debug, Serialize, Deserialize)]
struct ChildReport {
    outcome: Outcome,
    peak_kib: Option<u64>,
}

/// The child's side: does the work and prints the report.
pub fn run_as_child(program: &Program, corpus: &Path) -> Result<()> {
    let outcome =
        (program.run)(&Context { corpus, on_first_result: || println!("{FIRST_RESULT}") })?;
    let report = ChildReport { outcome, peak_kib: peak_resident_kib() };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// Runs `program` in a process of its own. Only one may run at a time: CPU time is known only of
/// all children together.
pub fn measure(program: &Program, corpus: &Path) -> Result<Measurement> {
    let executable = std::env::current_exe().map_err(Error::Child)?;
    let mut command = Command::new(executable);
    command.args(["--child", program.name, "--corpus"]).arg(corpus);
    let cpu_before = cpu_time_of_children();
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(Error::Child)?;
    let mut first_result = None;
    let mut last_line = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            last_line = line.map_err(Error::Child)?;
            if last_line == FIRST_RESULT {
                first_result.get_or_insert_with(|| start.elapsed());
            }
        }
    }
    let status = child.wait().map_err(Error::Child)?;
    let wall = start.elapsed();
    let cpu = cpu_time_of_children().saturating_sub(cpu_before);
    if !status.success() {
        return Err(Error::ProgramFailed { program: program.name, status });
    }
    let report: ChildReport = serde_json::from_str(&last_line)
        .map_err(|source| Error::NoOutcome { program: program.name, source })?;
    Ok(Measurement {
        outcome: report.outcome,
        cpu_s: cpu.as_secs_f64(),
        wall_s: wall.as_secs_f64(),
        first_result_ms: first_result.map(|elapsed| elapsed.as_secs_f64() * 1e3),
        peak_mib: report.peak_kib.map(|kib| kib as f64 / 1024.0),
    })
}

/// User and system time of all children that have been waited for. Zero if the system won't tell.
fn cpu_time_of_children() -> Duration {
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map(|usage| duration(usage.user_time()) + duration(usage.system_time()))
        .unwrap_or_default()
}

fn duration(time: TimeVal) -> Duration {
    Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)
}

/// The largest resident memory of this process since it was started.
///
/// Not `ru_maxrss`: that is inherited from the process that started this one.
fn peak_resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn peak_memory_covers_what_was_touched() {
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(peak_resident_kib().unwrap() >= 64 << 10);
        drop(touched);
    }

    #[test]
    fn cpu_time_of_children_grows_by_what_a_child_burns() {
        let before = cpu_time_of_children();
        let script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let status = Command::new("sh").args(["-c", script]).status().unwrap();
        assert!(status.success());
        assert!(cpu_time_of_children() > before);
    }
}
