//! Shows on standard error how far a job is: a bar on a terminal, otherwise a line now and then.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use sciurus::prelude::*;

use crate::report::{Amounts, Rounded, Unit};

/// How often the bar moves. A job that ends within the first such time shows none.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// How often there is a line where there is no bar.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const BAR: &str = "{prefix} [{wide_bar}] {percent:>3}%  {msg}";
const SPINNER: &str = "{prefix} {spinner} {msg}";

/// Waits for the job's end and shows how far it is until then.
///
/// # Errors
/// What becomes of the job.
pub fn watch(
    client: &JobClient,
    job_name: &str,
    unit: Unit,
) -> Result<JobExecutionResult, JobError> {
    if io::stderr().is_terminal() {
        with_bar(client, job_name, unit)
    } else {
        with_lines(client, job_name, unit)
    }
}

fn with_bar(
    client: &JobClient,
    job_name: &str,
    unit: Unit,
) -> Result<JobExecutionResult, JobError> {
    let started = Instant::now();
    let bar = ProgressBar::no_length().with_style(style(SPINNER)).with_prefix(job_name.to_owned());
    loop {
        let result = client.wait_for(BAR_INTERVAL);
        let progress = Progress::new(client, unit, started.elapsed());
        match &result {
            Some(_) if bar.message().is_empty() => bar.finish_and_clear(),
            Some(Ok(_)) => {
                show(&bar, &progress);
                bar.finish();
            }
            Some(Err(_)) => bar.abandon(),
            None => show(&bar, &progress),
        }
        if let Some(result) = result {
            return result;
        }
    }
}

fn show(bar: &ProgressBar, progress: &Progress) {
    if let Some(total) = progress.amounts.total_bytes.filter(|total| *total > 0) {
        if bar.length() != Some(total) {
            bar.set_style(style(BAR));
            bar.set_length(total);
        }
        bar.set_position(progress.amounts.bytes);
    }
    bar.set_message(progress.to_string());
    bar.tick();
}

fn style(template: &str) -> ProgressStyle {
    // The templates are correct; otherwise there would be a bar of another look.
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

fn with_lines(
    client: &JobClient,
    job_name: &str,
    unit: Unit,
) -> Result<JobExecutionResult, JobError> {
    let started = Instant::now();
    loop {
        if let Some(result) = client.wait_for(LINE_INTERVAL) {
            return result;
        }
        let progress = Progress::new(client, unit, started.elapsed());
        eprintln!("{job_name}: {progress}");
    }
}

/// How far a job is, and how fast it got there.
struct Progress {
    amounts: Amounts,
    unit: Unit,
    elapsed: Duration,
}

impl Progress {
    fn new(client: &JobClient, unit: Unit, elapsed: Duration) -> Self {
        Self { amounts: Amounts::of(client, unit), unit, elapsed }
    }

    /// Returns how many seconds are left at the speed so far.
    fn seconds_left(&self) -> Option<u64> {
        let left = self.amounts.total_bytes?.checked_sub(self.amounts.bytes)?;
        let seconds = self.elapsed.as_secs_f64() * left as f64 / self.amounts.bytes as f64;
        seconds.is_finite().then_some(seconds.round() as u64)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { amounts, unit, elapsed } = self;
        match amounts.total_bytes {
            Some(total) if total > 0 => {
                write!(f, "{}, ", Share { bytes: amounts.bytes, total })?;
            }
            _ => write!(f, "{} {}, ", HumanCount(amounts.records), unit.records)?,
        }
        let per_second = amounts.records as f64 / elapsed.as_secs_f64();
        write!(f, "{} {}/s", Rounded(per_second), unit.records)?;
        match self.seconds_left() {
            None | Some(0) => Ok(()),
            Some(seconds @ ..60) => write!(f, ", {seconds} s left"),
            Some(seconds) => write!(f, ", {} min {} s left", seconds / 60, seconds % 60),
        }
    }
}

/// A part of some bytes, in the unit of the whole.
struct Share {
    bytes: u64,
    total: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.total {
            ..0x400 => (1, "bytes"),
            0x400..0x10_0000 => (0x400, "KiB"),
            0x10_0000..0x4000_0000 => (0x10_0000, "MiB"),
            _ => (0x4000_0000, "GiB"),
        };
        let [bytes, total] = [self.bytes, self.total].map(|bytes| bytes as f64 / f64::from(unit));
        let digits = usize::from(unit > 1 && total < 100.0);
        write!(f, "{bytes:.digits$} of {total:.digits$} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(bytes: u64, total_bytes: Option<u64>) -> String {
        let unit = Unit { operator: "tokenizer", records: "words" };
        let amounts = Amounts { bytes, total_bytes, records: 6_000_000, skipped: 0 };
        Progress { amounts, unit, elapsed: Duration::from_secs(2) }.to_string()
    }

    #[test]
    fn progress_tells_the_time_left_at_the_speed_so_far() {
        let half = progress(1 << 20, Some(5 << 20));
        assert_eq!(half, "1.0 of 5.0 MiB, 3.0 M words/s, 8 s left");
    }

    #[test]
    fn large_amounts_have_no_fractions_and_long_times_have_minutes() {
        let much = progress(1 << 20, Some(300 << 20));
        assert_eq!(much, "1 of 300 MiB, 3.0 M words/s, 9 min 58 s left");
    }

    #[test]
    fn at_the_end_no_time_is_left() {
        assert_eq!(progress(1024, Some(1024)), "1.0 of 1.0 KiB, 3.0 M words/s");
    }

    #[test]
    fn before_the_first_byte_nobody_knows_the_time_left() {
        assert_eq!(progress(0, Some(1024)), "0.0 of 1.0 KiB, 3.0 M words/s");
    }

    #[test]
    fn without_a_total_the_records_are_told() {
        assert_eq!(progress(7, None), "6,000,000 words, 3.0 M words/s");
    }
}
