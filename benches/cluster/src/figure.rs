//! What was measured, and what is asked of it.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use sciurus_harness::Executables;

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    Size,
    RestAnswers,
    Registered,
    AllRunning,
    Cancelled,
    AllRunningAgain,
    IdleJobManager,
    IdleTaskManager,
    EmbeddedCpu,
    ClusterCpu,
    CpuRatio,
    ClusterWall,
    OutputAgain,
    RescaleGap,
    Pause,
    Written,
    Restored,
    Uploaded,
}

impl Figure {
    /// Whether more is better, so that the goal is a least.
    fn is_rate(self) -> bool {
        matches!(self, Self::Written | Self::Restored)
    }

    /// What it is, its unit, and the most, or of rates the least, that it is to be.
    fn about(self) -> (&'static str, &'static str, Option<f64>) {
        match self {
            Self::Size => ("size of the executable `sciurus`", "MB", Some(30.0)),
            Self::RestAnswers => ("start of the JobManager to REST's answer", "ms", Some(150.0)),
            Self::Registered => ("start of a TaskManager to its registration", "ms", Some(100.0)),
            Self::AllRunning => ("run to all tasks RUNNING", "ms", Some(150.0)),
            Self::Cancelled => ("cancel to CANCELED", "ms", Some(100.0)),
            Self::AllRunningAgain => {
                ("kill -9 of a TaskManager to all tasks RUNNING again", "ms", Some(1500.0))
            }
            Self::IdleJobManager => ("resident memory of an idle JobManager", "MB", Some(20.0)),
            Self::IdleTaskManager => ("resident memory of an idle TaskManager", "MB", Some(12.0)),
            Self::EmbeddedCpu => ("word count, embedded", "CPU s", None),
            Self::ClusterCpu => ("word count, 2 TaskManagers with a slot each", "CPU s", None),
            Self::CpuRatio => ("the latter by the former", "", Some(1.5)),
            Self::ClusterWall => ("word count, 2 TaskManagers, by the clock", "s", None),
            Self::OutputAgain => (
                "100 MB of state: kill -9 of a TaskManager to new committed output",
                "ms",
                Some(2000.0),
            ),
            Self::RescaleGap => {
                ("100 MB of state: gap in the output of a rescale from 2 to 4", "ms", Some(1000.0))
            }
            Self::Pause => ("1 GB in memory: pause of its task for a checkpoint", "ms", Some(10.0)),
            Self::Written => ("1 GB in memory: written by one core", "MB/s", Some(300.0)),
            Self::Restored => {
                ("1 GB in memory: submission to running, at twice the parallelism", "MB/s", None)
            }
            Self::Uploaded => ("RocksDB: uploaded of the state by a checkpoint", "%", None),
        }
    }
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<Figure, Vec<f64>>);

impl Figures {
    /// Takes note of a measurement.
    pub fn add(&mut self, figure: Figure, value: f64) {
        let (what, unit, _) = figure.about();
        eprintln!("{what}: {value:.2} {unit}");
        self.0.entry(figure).or_default().push(value);
    }

    /// Takes note of the executable's size.
    pub fn add_size(&mut self, executables: &Executables) {
        let bytes = std::fs::metadata(&executables.sciurus).unwrap().len();
        self.add(Figure::Size, bytes as f64 / 1e6);
    }

    /// Whether every median is within its goal.
    pub fn all_goals_met(&self) -> bool {
        self.0.iter().all(|(figure, values)| is_met(*figure, median(values)))
    }

    /// The medians, with the least and the most, and the goals.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header(["figure", "median", "min–max", "goal"]);
        for (figure, values) in &self.0 {
            let (what, unit, goal) = figure.about();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(0.0, f64::max);
            let verdict = if is_met(*figure, median(values)) { "met" } else { "MISSED" };
            table.add_row([
                what.to_owned(),
                format!("{:.2} {unit}", median(values)),
                format!("{least:.2}–{most:.2}"),
                goal.map_or_else(String::new, |goal| {
                    let bound = if figure.is_rate() { '≥' } else { '≤' };
                    format!("{bound} {goal} {unit} {verdict}")
                }),
            ]);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

fn is_met(figure: Figure, value: f64) -> bool {
    let met = |goal| if figure.is_rate() { value >= goal } else { value <= goal };
    figure.about().2.is_none_or(met)
}

/// The middle value, or the upper of the two middle ones.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
