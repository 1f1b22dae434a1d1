//! What was measured: kept as JSON, shown as text, published as Markdown with plots.

pub mod markdown;
pub mod plots;
pub mod text;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cluster::System;
use crate::machine::Machine;
use crate::outcome::Outcome;
use crate::statistics::{median, ratio};

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Versions, machine and load.
    pub machine: Machine,
    /// Throughput.
    pub workloads: Vec<WorkloadResult>,
    /// Other stream processors on our WordCount, and we first.
    pub peers: Vec<PeerResult>,
    /// What isn't throughput.
    pub figures: Vec<Figure>,
}

/// A workload's runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadResult {
    /// What the command line calls it.
    pub name: String,
    /// What it does.
    pub about: String,
    /// How many records it gets.
    pub records: u64,
    /// What both came to.
    pub outcome: Outcome,
    /// At least so many times Flink's records per CPU second.
    pub goal: Option<f64>,
    /// Flink's peak memory is to be at least so many times ours.
    pub memory_goal: Option<f64>,
    /// Runs side by side.
    pub rounds: Vec<Round>,
}

/// A run of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Ours.
    pub sciurus: Run,
    /// Flink's.
    pub flink: Run,
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The duration that the job has by the REST API.
    pub wall_s: f64,
    /// Of the managers and of the job's processes, from the submission to their end.
    pub cpu_s: f64,
    /// The most that all of them had resident at a time.
    pub peak_mib: f64,
    /// Checkpoints, where there were any.
    pub checkpoints: Option<Checkpoints>,
}

/// The checkpoints of a run: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// How many were completed.
    pub count: usize,
    /// How long they took.
    pub ms: f64,
    /// How much they wrote.
    pub mib: f64,
    /// How much state they hold.
    pub state_mib: f64,
}

/// A peer's runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerResult {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// How many records it gets.
    pub records: u64,
    /// At least so many times its records per CPU second are asked of us.
    pub goal: Option<f64>,
    /// By the clock.
    pub wall_s: Vec<f64>,
    /// Of all its threads.
    pub cpu_s: Vec<f64>,
}

impl PeerResult {
    /// Begins without a run.
    pub fn new(name: &str, about: &str, records: u64, goal: Option<f64>) -> Self {
        let (wall_s, cpu_s) = (Vec::new(), Vec::new());
        Self { name: name.into(), about: about.into(), records, goal, wall_s, cpu_s }
    }

    /// Takes note of a run.
    pub fn add(&mut self, wall_s: f64, cpu_s: f64) {
        self.wall_s.push(wall_s);
        self.cpu_s.push(cpu_s);
    }
}

/// Something that is the better the less it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Which section of the report it belongs to.
    pub group: String,
    /// What it is.
    pub what: String,
    /// Its unit.
    pub unit: String,
    /// Measured of us.
    pub sciurus: Vec<f64>,
    /// Measured of Flink.
    pub flink: Vec<f64>,
    /// Flink's is to be at least so many times ours.
    pub goal: Option<f64>,
}

impl Figure {
    /// Begins without a measurement.
    pub fn new(group: &str, what: &str, unit: &str, goal: Option<f64>) -> Self {
        let (sciurus, flink) = (Vec::new(), Vec::new());
        Self { group: group.into(), what: what.into(), unit: unit.into(), sciurus, flink, goal }
    }

    /// Takes note of a measurement.
    pub fn add(&mut self, system: System, value: f64) {
        eprintln!("{system}: {}: {value:.2} {}", self.what, self.unit);
        match system {
            System::Sciurus => self.sciurus.push(value),
            System::Flink => self.flink.push(value),
        }
    }

    /// Flink's by ours.
    pub fn ratio(&self) -> f64 {
        ratio(&self.flink, &self.sciurus)
    }
}

impl WorkloadResult {
    /// A value of all runs of one system.
    pub fn values(&self, system: System, value: impl Fn(&Run) -> f64) -> Vec<f64> {
        let run = |round: &Round| match system {
            System::Sciurus => value(&round.sciurus),
            System::Flink => value(&round.flink),
        };
        self.rounds.iter().map(run).collect()
    }

    /// Flink's by ours, of something that runs took.
    pub fn ratio(&self, value: impl Fn(&Run) -> f64 + Copy) -> f64 {
        ratio(&self.values(System::Flink, value), &self.values(System::Sciurus, value))
    }

    /// Millions of records per CPU second, the median.
    pub fn per_cpu_second(&self, system: System) -> f64 {
        self.records as f64 / 1e6 / median(&self.values(system, |run| run.cpu_s))
    }

    /// Millions of records per second, the median.
    pub fn per_second(&self, system: System) -> f64 {
        self.records as f64 / 1e6 / median(&self.values(system, |run| run.wall_s))
    }
}

/// How a ratio stands to its goal.
pub fn verdict(ratio: f64, goal: Option<f64>) -> String {
    match goal {
        Some(goal) if ratio >= goal => format!("≥ {goal}: met"),
        Some(goal) => format!("≥ {goal}: missed"),
        None => String::new(),
    }
}

impl Report {
    /// Begins without a measurement.
    pub fn new(machine: Machine) -> Self {
        Self { machine, workloads: Vec::new(), peers: Vec::new(), figures: Vec::new() }
    }

    /// What was measured first, and then the other; the machine's load is that of the whole time.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.workloads.extend(other.workloads);
        self.peers.extend(other.peers);
        self.figures.extend(other.figures);
        self.machine.load_after = other.machine.load_after;
        self
    }

    /// A peer's CPU time by ours.
    pub fn peer_ratio(&self, peer: &PeerResult) -> f64 {
        self.peers.first().map_or(f64::NAN, |ours| ratio(&peer.cpu_s, &ours.cpu_s))
    }

    /// Whether no goal is missed.
    pub fn all_goals_met(&self) -> bool {
        let met = |ratio: f64, goal: Option<f64>| goal.is_none_or(|goal| ratio >= goal);
        self.workloads.iter().all(|workload| {
            met(workload.ratio(|run| run.cpu_s), workload.goal)
                && met(workload.ratio(|run| run.peak_mib), workload.memory_goal)
        }) && self.peers.iter().all(|peer| met(self.peer_ratio(peer), peer.goal))
            && self.figures.iter().all(|figure| met(figure.ratio(), figure.goal))
    }
}

/// Writes the report into the documentation's folder.
pub fn publish(report: &Report, docs: &Path) {
    let images = docs.join("images");
    fs::create_dir_all(&images).unwrap();
    for (name, svg) in plots::all(report) {
        fs::write(images.join(name), svg).unwrap();
    }
    fs::write(docs.join("benchmarks-flink.md"), markdown::page(report)).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report that stands for any.
    pub fn sample() -> Report {
        serde_json::from_str(include_str!("../../testdata/report.json")).unwrap()
    }

    #[test]
    fn goals_are_held_against_the_ratios_of_rounds() {
        let report = sample();
        let count = &report.workloads[0];
        assert!((count.ratio(|run| run.cpu_s) - 12.5).abs() < 1e-9);
        assert!((count.per_cpu_second(System::Flink) - 1.0).abs() < 1e-9);
        assert!((count.per_second(System::Sciurus) - 20.0).abs() < 1e-9);
        assert!(report.all_goals_met());
        let mut missed = report.clone();
        missed.workloads[0].goal = Some(12.6);
        assert!(!missed.all_goals_met());
        let mut missed = report.clone();
        missed.peers[1].goal = Some(5.1);
        assert!(!missed.all_goals_met());
        let mut missed = report;
        missed.figures[0].goal = Some(1e6);
        assert!(!missed.all_goals_met());
    }

    #[test]
    fn a_report_survives_json() {
        let report = sample();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }

    #[test]
    fn two_reports_become_one() {
        let (mut first, mut second) = (sample(), sample());
        first.figures.clear();
        first.peers.clear();
        second.workloads.clear();
        second.machine.load_after = "9.00, 9.00, 9.00".to_owned();
        let both = first.and(second.clone());
        assert_eq!(both.workloads, sample().workloads);
        assert_eq!((both.figures, both.peers), (second.figures, second.peers));
        assert_eq!(both.machine.load_before, sample().machine.load_before);
        assert_eq!(both.machine.load_after, second.machine.load_after);
    }

    #[test]
    fn publishing_leaves_a_page_and_the_plots_that_it_shows() {
        let folder = tempfile::tempdir().unwrap();
        publish(&sample(), folder.path());
        let page = fs::read_to_string(folder.path().join("benchmarks-flink.md")).unwrap();
        let shown: Vec<&str> =
            page.split("](images/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        assert!(!shown.is_empty());
        for name in shown {
            let svg = fs::read_to_string(folder.path().join("images").join(name)).unwrap();
            assert!(svg.starts_with("<svg") && svg.contains("Flink"), "{name}");
        }
    }
}
