//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures Sciurus and JVM Flink side by side: throughput, memory, latency, checkpoints, recovery.
#[derive(Debug, Clone, Parser)]
pub struct Arguments {
    /// What to measure, separated by commas: names of workloads, `peers`, `latency`,
    /// `start`, `jobs`, `recovery`, `rescale` [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,

    /// How often each is measured, after a run that warms up and whose results are compared
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// How much text to gather, in MiB
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub corpus_mib: u64,

    /// How often that text is counted by one job
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,

    /// A hundredth of the records, for a look
    #[arg(long)]
    pub quick: bool,

    /// Where to write the report as JSON too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Writes the report as Markdown and plots into a folder: `docs`
    #[arg(long, value_name = "DIR")]
    pub publish: Option<PathBuf>,

    /// Measures nothing, but shows and publishes reports written earlier, as one
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub from: Vec<PathBuf>,

    /// The folder of Sciurus' executables [default: that of this one]
    #[arg(long, value_name = "DIR")]
    pub executables: Option<PathBuf>,

    /// Fails if a goal is missed
    #[arg(long)]
    pub check: bool,
}

impl Arguments {
    /// Whether something is to be measured.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }

    /// So many records, or a part of them for a look.
    pub fn scaled(&self, records: u64) -> u64 {
        if self.quick { records / 100 } else { records }
    }
}
