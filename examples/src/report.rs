//! What a job has done: how much, how fast, with how much memory.

use std::fmt;
use std::fs;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use sciurus::prelude::*;

/// What a job counts its progress in: the records that one of its operators emits.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// The operator's name, a source's without `Source: `.
    pub operator: &'static str,
    /// What its records are, in the plural.
    pub records: &'static str,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amounts {
    /// Bytes that the sources have read, of files or connections.
    pub bytes: u64,
    /// Bytes that they will have read in the end, where that is known.
    pub total_bytes: Option<u64>,
    /// Records by which progress is counted.
    pub records: u64,
    /// Malformed records that were skipped.
    pub skipped: u64,
}

impl Amounts {
    /// Reads the metrics of a job.
    pub fn of(client: &JobClient, counted: Unit) -> Self {
        let metrics = client.metrics();
        let mut amounts = Self { total_bytes: metrics.input_bytes, ..Self::default() };
        for operator in metrics.operators() {
            amounts.bytes += operator.num_bytes_in;
            amounts.skipped += operator.num_records_in_errors;
            let name = operator.name.as_str();
            if name.strip_prefix("Source: ").unwrap_or(name) == counted.operator {
                amounts.records += operator.num_records_out;
            }
        }
        amounts
    }
}

/// What a job has done.
#[derive(Debug)]
pub struct Statistics {
    /// The job's result.
    pub result: JobExecutionResult,
    /// What it was counted in.
    pub unit: Unit,
    /// How much of that there was.
    pub amounts: Amounts,
    /// The most memory that the process had at any time, where the system tells, in bytes.
    pub peak_memory: Option<u64>,
}

impl Statistics {
    /// Gathers what is known of a job that has finished.
    pub fn of(client: &JobClient, result: JobExecutionResult, unit: Unit) -> Self {
        Self { result, unit, amounts: Amounts::of(client, unit), peak_memory: peak_memory() }
    }

    /// Returns the time it took, and what was done per second, to be displayed.
    pub fn speed(&self) -> Speed<'_> {
        Speed(self)
    }
}

/// The speed of a job: see [`Statistics::speed`].
pub struct Speed<'a>(&'a Statistics);

impl fmt::Display for Speed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { result, unit, amounts, .. } = self.0;
        let seconds = result.net_runtime.as_secs_f64();
        let records = Rounded(amounts.records as f64 / seconds);
        write!(f, "{}: {records} {}/s", Time(result.net_runtime), unit.records)?;
        match (amounts.bytes as f64 / seconds) as u64 {
            0 => Ok(()),
            bytes => write!(f, ", {}/s", HumanBytes(bytes)),
        }
    }
}

impl fmt::Display for Statistics {
    /// Writes it all on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { result, unit, amounts, peak_memory } = self;
        write!(f, "{}: {} {}", result.job_name, HumanCount(amounts.records), unit.records)?;
        if amounts.bytes > 0 {
            write!(f, " in {}", HumanBytes(amounts.bytes))?;
        }
        if amounts.skipped > 0 {
            write!(f, ", {} malformed skipped", HumanCount(amounts.skipped))?;
        }
        write!(f, ", {}", self.speed())?;
        match peak_memory {
            Some(bytes) => write!(f, "; {} of memory at the peak", HumanBytes(*bytes)),
            None => Ok(()),
        }
    }
}

/// A duration as people write it: `12.0 ms`, `3.21 s`, `2 min 5 s`.
pub struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3),
            1..60 => write!(f, "{:.2} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {} min", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

/// A number in a form short enough to be read while it changes: `12.3 M`.
pub struct Rounded(pub f64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1e6 => write!(f, "{:.1} M", n / 1e6),
            n => HumanCount(n as u64).fmt(f),
        }
    }
}

/// Returns the most memory that this process has had in the main memory, in bytes; `None` where
/// the system doesn't tell.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        let times =
            [12, 3_214, 125_000, 7_380_000].map(|ms| Time(Duration::from_millis(ms)).to_string());
        assert_eq!(times, ["12.0 ms", "3.21 s", "2 min 5 s", "2 h 3 min"]);
    }

    #[test]
    fn numbers_are_rounded_from_a_million_up() {
        assert_eq!(Rounded(999_999.9).to_string(), "999,999");
        assert_eq!(Rounded(12_345_678.0).to_string(), "12.3 M");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_has_had_some_memory() {
        assert!(peak_memory().unwrap() > 100_000);
    }
}
