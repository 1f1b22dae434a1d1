//! Shows on standard error how far a job is: a bar on a terminal, otherwise a line now and then.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use sciurus_core::ids::JobId;

use crate::rest::answers::{JobDetails, Metric};
use crate::rest::{Client, RestError};

/// Time between two lines, on a terminal and elsewhere.
const INTERVALS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];

/// When a job that lacks slots is told of where no terminal is.
const SHORTAGE_DELAY: Duration = Duration::from_millis(500);

const BAR: &str = "[{wide_bar}] {percent:>3}%  {msg}";
const SPINNER: &str = "{spinner} {msg}";

/// How much the job's sources have read and will have read in the end, in bytes.
const INPUT_METRICS: [&str; 2] = ["inputBytesRead", "inputBytesTotal"];

/// Tells how far a job is.
pub struct Progress {
    bar: Option<ProgressBar>,
    next: Duration,
    looks_for_shortage: bool,
}

impl Progress {
    /// Creates one that fits what standard error is.
    pub fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = is_terminal.then(|| ProgressBar::no_length().with_style(style(SPINNER)));
        let next = if is_terminal { INTERVALS[0] } else { SHORTAGE_DELAY };
        Self { bar, next, looks_for_shortage: !is_terminal }
    }

    fn interval(&self) -> Duration {
        INTERVALS[usize::from(self.bar.is_none())]
    }

    /// Asks how far the job is and shows it, if it is time for that. Whoever can't be asked is asked
    /// again the next time.
    pub fn update(&mut self, client: &Client, job: JobId, elapsed: Duration) {
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + self.interval();
        let looks_for_shortage = std::mem::take(&mut self.looks_for_shortage);
        let Ok(details) = client.get::<JobDetails>(&format!("/jobs/{job}")) else { return };
        if looks_for_shortage && details.slot_shortage.is_none() {
            return;
        }
        let input = Input::of(client, job).unwrap_or_default();
        let line = line(&details, input, elapsed);
        let Some(bar) = &self.bar else {
            eprintln!("{line}");
            return;
        };
        if let Some(total) = input.total.filter(|total| *total > 0) {
            if bar.length() != Some(total) {
                bar.set_style(style(BAR));
                bar.set_length(total);
            }
            bar.set_position(input.read);
        }
        bar.set_message(line);
        bar.tick();
    }

    /// Takes the bar away: the job has ended.
    pub fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are correct; otherwise there would be a bar of another look.
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// How far the job's sources are.
#[derive(Debug, Clone, Copy, Default)]
struct Input {
    read: u64,
    total: Option<u64>,
}

impl Input {
    fn of(client: &Client, job: JobId) -> Result<Self, RestError> {
        let path = format!("/jobs/{job}/metrics?get={}", INPUT_METRICS.join(","));
        let metrics: Vec<Metric> = client.get(&path)?;
        let value =
            |name: &str| metrics.iter().find(|metric| metric.id == name)?.value.parse::<u64>().ok();
        let [read, total] = INPUT_METRICS.map(value);
        Ok(Self { read: read.unwrap_or_default(), total })
    }
}

/// Says what state the job is in, what it waits for, how many of its tasks run, how much they have
/// read, and how many records the vertex with the most has seen.
fn line(job: &JobDetails, input: Input, elapsed: Duration) -> String {
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
    if let Some(shortage) = &job.slot_shortage {
        let _ = write!(line, ", waits for slots: {} missing", shortage.missing);
    }
    if input.read > 0 {
        let _ = write!(line, ", {}", HumanBytes(input.read));
        if let Some(total) = input.total {
            let _ = write!(line, " of {}", HumanBytes(total));
        }
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
        let _ = write!(line, ", {} records, {per_second}/s", HumanCount(records));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(text: &str, input: Input) -> String {
        line(&serde_json::from_str(text).unwrap(), input, Duration::from_secs(2))
    }

    #[test]
    fn a_line_tells_tasks_input_and_records() {
        let text = r#"{"state": "RUNNING", "vertices": [
            {"tasks": {"RUNNING": 2, "FINISHED": 0}, "metrics": {"write-records": 6000000}},
            {"tasks": {"RUNNING": 1, "FINISHED": 1}, "metrics": {"read-records": 5000000}}]}"#;
        assert_eq!(
            line_of(text, Input { read: 3 << 20, total: Some(5 << 20) }),
            "RUNNING, 3 of 4 tasks running, 1 finished, 3.00 MiB of 5.00 MiB, 6,000,000 records, \
             3.0 M/s"
        );
    }

    #[test]
    fn a_job_that_waits_says_for_how_many_slots() {
        let text = r#"{"state": "RUNNING", "vertices": [{"tasks": {"SCHEDULED": 4}}],
            "slot-shortage": {"missing": 2, "since": 1, "by-slot-sharing-group": {}}}"#;
        let line = line_of(text, Input::default());
        assert_eq!(line, "RUNNING, 0 of 4 tasks running, waits for slots: 2 missing");
    }
}
