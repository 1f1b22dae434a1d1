//! Shows on standard error how far a job is: one line that changes on a terminal, otherwise a line
//! now and then.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::rest::answers::JobDetails;

/// Time between two lines, on a terminal and elsewhere.
const INTERVALS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];

/// Tells how far a job is.
pub struct Progress {
    bar: Option<ProgressBar>,
    next: Duration,
}

impl Progress {
    /// Creates one that fits what standard error is.
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}");
            let bar = ProgressBar::no_length();
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        let mut progress = Self { bar, next: Duration::ZERO };
        progress.next = progress.interval();
        progress
    }

    fn interval(&self) -> Duration {
        INTERVALS[usize::from(self.bar.is_none())]
    }

    /// Tells whether it is time to show something new.
    pub fn is_due(&self, elapsed: Duration) -> bool {
        elapsed >= self.next
    }

    /// Shows how far the job is.
    pub fn show(&mut self, job: &JobDetails, elapsed: Duration) {
        self.next = elapsed + self.interval();
        let line = line(job, elapsed);
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => eprintln!("{line}"),
        }
    }

    /// Takes the line away: the job has ended.
    pub fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says what state the job is in, how many of its tasks run, and how many records the vertex with
/// the most has seen.
fn line(job: &JobDetails, elapsed: Duration) -> String {
    let count = |state: &str| -> u64 {
        job.vertices.iter().filter_map(|vertex| vertex.tasks.get(state)).sum()
    };
    let total: u64 = job.vertices.iter().flat_map(|vertex| vertex.tasks.values()).sum();
    // Writing to a string can't fail.
    let mut line = format!("{}, {} of {total} tasks running", job.state, count("RUNNING"));
    let finished = count("FINISHED");
    if finished > 0 {
        let _ = write!(line, ", {finished} finished");
    }
    let waiting = count("SCHEDULED");
    if waiting > 0 {
        let _ = write!(line, ", {waiting} waiting for slots");
    }
    let metrics = job.vertices.iter().map(|vertex| &vertex.metrics);
    let records = metrics.map(|metrics| metrics.read_records.max(metrics.write_records)).max();
    let records = records.unwrap_or_default();
    if records > 0 {
        let per_second = records as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let per_second = match per_second {
            speed if speed >= 1e6 => format!("{:.1} M", speed / 1e6),
            speed => HumanCount(speed as u64).to_string(),
        };
        let _ = write!(line, ", {} records, {per_second} records/s", HumanCount(records));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_tasks_and_records() {
        let text = r#"{"state": "RUNNING", "vertices": [
            {"tasks": {"RUNNING": 2, "FINISHED": 0}, "metrics": {"write-records": 6000000}},
            {"tasks": {"RUNNING": 1, "FINISHED": 1}, "metrics": {"read-records": 5000000}}]}"#;
        let job = serde_json::from_str(text).unwrap();
        assert_eq!(
            line(&job, Duration::from_secs(2)),
            "RUNNING, 3 of 4 tasks running, 1 finished, 6,000,000 records, 3.0 M records/s"
        );
    }

    #[test]
    fn a_job_that_waits_says_so() {
        let text = r#"{"state": "RUNNING", "vertices": [{"tasks": {"SCHEDULED": 4}}]}"#;
        let job = serde_json::from_str(text).unwrap();
        let line = line(&job, Duration::from_secs(2));
        assert_eq!(line, "RUNNING, 0 of 4 tasks running, 4 waiting for slots");
    }
}
