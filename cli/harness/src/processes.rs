//! What `/proc` says of processes.

use std::fs;
use std::process::Stdio;

/// The parts of `/proc/PID/stat` behind the name: the state, the parent, ….
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| stat[0] != "Z" && stat[0] != "X")
}

/// The living children of a process.
pub fn children_of(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| is_alive(pid) && stat(pid).is_some_and(|stat| stat[1] == parent))
        .collect()
}

/// How many files a process has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// How many threads a process has.
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}

/// How much memory a process has resident, in bytes.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Sends a signal by its name: `KILL`, `STOP`, `CONT`, `TERM`.
pub fn signal(pid: u32, name: &str) {
    let arguments = [format!("-{name}"), pid.to_string()];
    assert!(std::process::Command::new("kill").args(arguments).status().unwrap().success());
}

/// Sends a signal to a process that may have ended.
pub fn signal_if_there(pid: u32, name: &str) {
    let arguments = [format!("-{name}"), pid.to_string()];
    let _ = std::process::Command::new("kill").args(arguments).stderr(Stdio::null()).status();
}

/// The CPU time, user and system, of a process and those of its children that have ended.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = stat(pid).unwrap();
    // Fields 14 to 17 of the whole: utime, stime, cutime, cstime.
    let ticks: f64 = stat[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

/// The CPU time of this process's own children that have ended.
pub fn cpu_seconds_of_own_children() -> f64 {
    let stat = stat(std::process::id()).unwrap();
    let ticks: f64 = stat[13..15].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}
