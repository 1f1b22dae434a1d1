//! What was measured with, and on what.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::cluster::Programs;
use crate::flink;

/// Versions, machine and load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// What the executable says of itself.
    pub sciurus: String,
    /// Flink's version.
    pub flink: String,
    /// Java's.
    pub java: String,
    /// The processor's name.
    pub processor: String,
    /// How many cores there are.
    pub cores: usize,
    /// How much memory, in GiB.
    pub memory_gib: f64,
    /// The kernel.
    pub kernel: String,
    /// When it was measured.
    pub date: String,
    /// The load of the last minute, five and fifteen minutes, before.
    pub load_before: String,
    /// The same behind.
    pub load_after: String,
}

impl Machine {
    /// Asks the system.
    pub fn of_now(programs: &Programs) -> Self {
        let java = Command::new("java").arg("-version").output().unwrap();
        let java = String::from_utf8_lossy(&java.stderr).into_owned();
        let kib = field("/proc/meminfo", "MemTotal").trim_end_matches("kB").trim().parse::<f64>();
        Self {
            sciurus: told(Command::new(&programs.sciurus).arg("--version")),
            flink: flink::VERSION.to_owned(),
            java: java.lines().next().unwrap_or_default().replace('"', ""),
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_gib: kib.unwrap_or(0.0) / f64::from(1 << 20),
            kernel: told(Command::new("uname").arg("-sr")),
            date: told(Command::new("date").args(["-u", "+%Y-%m-%d"])),
            load_before: load(),
            load_after: String::new(),
        }
    }
}

/// The system's load averages.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

fn told(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
}
