//! Turns measurements into a table and JSON, and says which goals are met.

use std::fmt::Write as _;
use std::{fmt, fs, thread};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use sciurus_bench_corpus::Corpus;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::measure::Measurement;
use crate::program::{Goal, Outcome, Program};

/// Programs with fewer records are shown without figures per record.
const MIN_RECORDS_FOR_RATES: u64 = 1_000;

/// All that was measured, and on what.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    corpus: Corpus,
    programs: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: Option<String>,
    cores: usize,
    os: &'static str,
    arch: &'static str,
}

/// One program's part of the report; medians over all rounds.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    about: &'static str,
    outcome: Outcome,
    cpu_s: f64,
    wall_s: f64,
    cpu_ns_per_record: f64,
    records_per_s: f64,
    first_result_ms: Option<f64>,
    peak_mib: Option<f64>,
    goals: Vec<Verdict>,
    rounds: Vec<Measurement>,
}

#[derive(Debug, Serialize)]
struct Verdict {
    goal: String,
    measured: Option<f64>,
    met: bool,
}

impl Report {
    /// Sums up what was measured. `rounds` has one measurement per program and round, in step.
    ///
    /// # Errors
    ///
    /// If a program's result differs from that of one it is compared with.
    pub fn new(corpus: Corpus, measured: &[(&'static Program, Vec<Measurement>)]) -> Result<Self> {
        let programs = measured
            .iter()
            .map(|(program, rounds)| Entry::new(program, rounds, measured))
            .collect::<Result<_>>()?;
        Ok(Self { machine: Machine::this(), corpus, programs })
    }

    /// Whether every goal is met.
    pub fn all_goals_met(&self) -> bool {
        self.programs.iter().flat_map(|program| &program.goals).all(|verdict| verdict.met)
    }

    /// The report for a person.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{}, {} cores, {} {}",
            self.machine.processor.as_deref().unwrap_or("unknown processor"),
            self.machine.cores,
            self.machine.os,
            self.machine.arch,
        );
        let _ = writeln!(
            text,
            "{}: {:.0} MiB, {:.1} M words, {:.0} k distinct",
            self.corpus.path.display(),
            self.corpus.bytes as f64 / f64::from(1 << 20),
            self.corpus.words as f64 / 1e6,
            self.corpus.distinct_words as f64 / 1e3,
        );
        text + &self.table().to_string()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "program",
            "CPU s (min–max)",
            "wall s",
            "ns/record",
            "M records/s",
            "peak MiB",
            "goals",
        ]);
        for program in &self.programs {
            let cpu = || program.rounds.iter().map(|round| round.cpu_s);
            let goals: Vec<_> = program.goals.iter().map(Verdict::to_string).collect();
            // Starting the process isn't the cost of a record.
            let per_record = |value: f64| match program.outcome.records {
                0..MIN_RECORDS_FOR_RATES => String::new(),
                _ => format!("{value:.1}"),
            };
            table.add_row([
                format!("{}\n{}", program.name, program.about),
                format!(
                    "{:.3} ({:.3}–{:.3})",
                    program.cpu_s,
                    cpu().fold(f64::INFINITY, f64::min),
                    cpu().fold(0.0, f64::max),
                ),
                format!("{:.3}", program.wall_s),
                per_record(program.cpu_ns_per_record),
                per_record(program.records_per_s / 1e6),
                program.peak_mib.map_or_else(|| "?".to_owned(), |mib| format!("{mib:.0}")),
                goals.join("\n"),
            ]);
        }
        for column in 1..=5 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured {
            Some(measured) => write!(f, "{measured:.2}")?,
            None => write!(f, "?")?,
        }
        write!(f, " ({}) {}", self.goal, if self.met { "met" } else { "MISSED" })
    }
}

impl Machine {
    fn this() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        Self {
            processor,
            cores: thread::available_parallelism().map_or(1, std::num::NonZero::get),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        }
    }
}

impl Entry {
    fn new(
        program: &'static Program,
        rounds: &[Measurement],
        all: &[(&'static Program, Vec<Measurement>)],
    ) -> Result<Self> {
        let Some(first) = rounds.first() else { return Err(Error::NoRounds) };
        let outcome = first.outcome;
        let cpu_s = median(rounds.iter().map(|round| round.cpu_s)).unwrap_or_default();
        let wall_s = median(rounds.iter().map(|round| round.wall_s)).unwrap_or_default();
        let mut entry = Self {
            name: program.name,
            about: program.about,
            outcome,
            cpu_s,
            wall_s,
            cpu_ns_per_record: cpu_s * 1e9 / outcome.records as f64,
            records_per_s: outcome.records as f64 / wall_s,
            first_result_ms: median(rounds.iter().filter_map(|round| round.first_result_ms)),
            peak_mib: median(rounds.iter().filter_map(|round| round.peak_mib)),
            goals: Vec::new(),
            rounds: rounds.to_vec(),
        };
        for goal in program.goals {
            let verdict = entry.judge(*goal, all)?;
            entry.goals.push(verdict);
        }
        Ok(entry)
    }

    fn judge(&self, goal: Goal, all: &[(&'static Program, Vec<Measurement>)]) -> Result<Verdict> {
        let (measured, bound) = match goal {
            Goal::CpuRatio { to, at_most } => (self.cpu_ratio_to(to, all)?, at_most),
            Goal::CpuNsPerRecord(bound) => (Some(self.cpu_ns_per_record), bound),
            Goal::FirstResultMs(bound) => (self.first_result_ms, bound),
            Goal::PeakMib(bound) => (self.peak_mib, bound),
        };
        let met = measured.is_some_and(|measured| measured <= bound);
        Ok(Verdict { goal: goal.to_string(), measured, met })
    }

    /// The median over the rounds of the ratio within a round: whatever else the machine did at
    /// that time, it did to both.
    fn cpu_ratio_to(
        &self,
        other: &'static str,
        all: &[(&'static Program, Vec<Measurement>)],
    ) -> Result<Option<f64>> {
        let Some((_, others)) = all.iter().find(|(program, _)| program.name == other) else {
            return Ok(None);
        };
        for (ours, theirs) in self.rounds.iter().zip(others) {
            agree(self.name, ours.outcome, other, theirs.outcome)?;
        }
        let ratios = self.rounds.iter().zip(others).map(|(ours, theirs)| ours.cpu_s / theirs.cpu_s);
        Ok(median(ratios))
    }
}

/// A fast program with another result has done other work.
fn agree(program: &'static str, ours: Outcome, other: &'static str, theirs: Outcome) -> Result<()> {
    let disagreement = |quantity, ours, theirs| {
        Err(Error::Disagreement { program, other, quantity, ours, theirs })
    };
    if ours.records != theirs.records {
        return disagreement("records", ours.records, theirs.records);
    }
    match (ours.distinct, theirs.distinct) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            disagreement("distinct records", ours, theirs)
        }
        _ => Ok(()),
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Context;

    const fn program(name: &'static str, goals: &'static [Goal]) -> Program {
        Program { name, about: "", run: nothing, goals }
    }

    #[expect(clippy::unnecessary_wraps, reason = "other programs can fail")]
    fn nothing(_: &Context) -> Result<Outcome> {
        Ok(Outcome { records: 0, distinct: None })
    }

    static REFERENCE: Program = program("reference", &[]);
    static CONTENDER: Program = program(
        "contender",
        &[
            Goal::CpuRatio { to: "reference", at_most: 1.15 },
            Goal::CpuNsPerRecord(3.0),
            Goal::PeakMib(20.0),
            Goal::FirstResultMs(30.0),
        ],
    );

    fn round(records: u64, distinct: Option<u64>, cpu_s: f64) -> Measurement {
        Measurement {
            outcome: Outcome { records, distinct },
            cpu_s,
            wall_s: cpu_s,
            first_result_ms: None,
            peak_mib: Some(21.0),
        }
    }

    fn report(reference: Vec<Measurement>, contender: Vec<Measurement>) -> Result<Report> {
        let corpus = Corpus { path: "text".into(), bytes: 1, words: 1, distinct_words: 1 };
        Report::new(corpus, &[(&REFERENCE, reference), (&CONTENDER, contender)])
    }

    #[test]
    fn median_is_the_middle_value() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine was twice as slow in the second round, and the third was disturbed.
        let reference = [1.0, 2.0, 1.0].map(|cpu_s| round(1_000_000_000, Some(5), cpu_s));
        let contender = [1.1, 2.2, 9.0].map(|cpu_s| round(1_000_000_000, None, cpu_s));
        let report = report(reference.into(), contender.into()).unwrap();
        let verdicts = &report.programs[1].goals;
        assert!((verdicts[0].measured.unwrap() - 1.1).abs() < 1e-9);
        assert!(verdicts[0].met);
    }

    #[test]
    fn a_goal_is_met_only_by_a_figure_within_the_bound() {
        let report =
            report(vec![round(1_000_000_000, None, 2.0)], vec![round(1_000_000_000, None, 2.0)]);
        let report = report.unwrap();
        let met: Vec<_> = report.programs[1].goals.iter().map(|verdict| verdict.met).collect();
        // Memory is above its bound, and the time to the first result wasn't told.
        assert_eq!(met, [true, true, false, false]);
        assert!(!report.all_goals_met());
        assert!(report.to_text().contains("MISSED"));
    }

    #[test]
    fn programs_that_did_other_work_are_not_compared() {
        let error = report(vec![round(10, Some(5), 1.0)], vec![round(9, Some(5), 1.0)]);
        assert!(matches!(error, Err(Error::Disagreement { quantity: "records", .. })));
        let error = report(vec![round(10, Some(5), 1.0)], vec![round(10, Some(4), 1.0)]);
        assert!(matches!(error, Err(Error::Disagreement { quantity: "distinct records", .. })));
    }
}
