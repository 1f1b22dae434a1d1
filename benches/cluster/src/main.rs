//! Measures a cluster of real processes on this machine: how fast it starts, deploys, cancels and
//! recovers, what it takes when idle, and what the way between processes costs a word count.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here ends the measurement")]

mod figure;
mod latencies;
mod state;
mod word_count;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use sciurus_harness::Executables;

use figure::Figures;

/// Measures a cluster of real processes on this machine, and compares with the goals.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// The text that words are counted of; left out, they aren't
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,

    /// Measures what state costs, too, some GB of it
    #[arg(long)]
    state: bool,

    /// The folder of the executables [default: that of this one]
    #[arg(long, value_name = "DIR")]
    executables: Option<PathBuf>,

    /// Fails if a goal is missed
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let folder = arguments.executables.clone().unwrap_or_else(|| {
        std::env::current_exe().unwrap().parent().unwrap_or(Path::new(".")).to_owned()
    });
    let executables =
        Executables { sciurus: folder.join("sciurus"), examples: folder.join("sciurus-examples") };
    let mut figures = Figures::default();
    figures.add_size(&executables);
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        latencies::measure(&executables, &mut figures);
        if arguments.state {
            state::measure(&executables, &mut figures);
        }
        if let Some(corpus) = &arguments.corpus {
            word_count::measure(&executables, corpus, round, &mut figures);
        }
    }
    println!("{}", figures.table());
    if arguments.check && !figures.all_goals_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
