//! What jobs leave in files: digests of counts, ages of records, times of arrivals.

use std::fs;
use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What a job's counts come to, whatever their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How many counts were emitted.
    pub emitted: u64,
    /// Their sum.
    pub sum: u64,
    /// The sum of counts times the hash of what they are counts of.
    pub checksum: u64,
}

impl Outcome {
    /// Adds up what the subtasks of a job wrote into a folder.
    pub fn read(folder: &Path) -> Self {
        let mut all = Self::default();
        for line in lines_of(folder, "digest") {
            let mut numbers = line.split(' ').map(|number| number.parse::<u64>().unwrap());
            let mut next = || numbers.next().unwrap_or_else(|| panic!("no digest: {line}"));
            all.emitted += next();
            all.sum += next();
            all.checksum = all.checksum.wrapping_add(next());
        }
        all
    }

    /// Whether two jobs did the same work. Which windows there are depends on how the systems divide
    /// the text among readers; the sums don't.
    pub fn agrees_with(&self, other: &Self, counts_of_windows: bool) -> bool {
        let emitted = counts_of_windows || self.emitted == other.emitted;
        emitted && self.sum > 0 && (self.sum, self.checksum) == (other.sum, other.checksum)
    }
}

/// The ages of records, microseconds, that the subtasks of a job wrote into a folder.
pub fn read_ages(folder: &Path) -> Histogram<u64> {
    let mut all = Histogram::new(3).unwrap();
    for line in lines_of(folder, "ages") {
        let (age, count) = line.split_once(' ').unwrap();
        all.record_n(age.parse().unwrap(), count.parse().unwrap()).unwrap();
    }
    all
}

/// When records came, microseconds, in order.
pub fn read_stamps(folder: &Path) -> Vec<i64> {
    let lines = lines_of(folder, "stamps");
    let mut stamps: Vec<i64> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    stamps.sort_unstable();
    stamps
}

/// The longest time without an arrival, milliseconds.
pub fn longest_gap_ms(stamps: &[i64]) -> f64 {
    let longest = stamps.windows(2).map(|pair| pair[1] - pair[0]).max();
    longest.unwrap_or(0) as f64 / 1e3
}

/// The lines of all files of a folder with this extension.
fn lines_of(folder: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    #[test]
    fn digests_of_subtasks_are_added_up() {
        let checksum = u64::MAX;
        let folder = folder_with(&[
            ("a.digest", &format!("2 3 {checksum}\n")),
            ("b.digest", "1 1 5\n"),
            ("c.other", "7 7 7\n"),
        ]);
        let all = Outcome::read(folder.path());
        assert_eq!(all, Outcome { emitted: 3, sum: 4, checksum: 4 });
    }

    #[test]
    fn outcomes_agree_only_where_counts_and_checksums_do() {
        let one = Outcome { emitted: 3, sum: 4, checksum: 5 };
        assert!(one.agrees_with(&one, false));
        assert!(!one.agrees_with(&Outcome { checksum: 6, ..one }, true));
        assert!(!one.agrees_with(&Outcome { sum: 5, ..one }, true));
        let windows = Outcome { emitted: 2, ..one };
        assert!(one.agrees_with(&windows, true) && !one.agrees_with(&windows, false));
        // Nothing was counted at all.
        assert!(!Outcome::default().agrees_with(&Outcome::default(), true));
    }

    #[test]
    fn ages_of_subtasks_are_one_distribution() {
        let folder = folder_with(&[("a.ages", "10 98\n"), ("b.ages", "500 1\n2000 1\n")]);
        let ages = read_ages(folder.path());
        assert_eq!(ages.len(), 100);
        assert_eq!(ages.value_at_quantile(0.5), 10);
        assert_eq!(ages.value_at_quantile(0.99), 500);
    }

    #[test]
    fn the_longest_gap_is_that_of_all_subtasks_together() {
        let folder = folder_with(&[("a.stamps", "1000\n9000\n"), ("b.stamps", "4000\n")]);
        let gap = longest_gap_ms(&read_stamps(folder.path()));
        assert_eq!(gap.to_bits(), 5.0_f64.to_bits());
    }
}
