//! Measures Sciurus against plain loops that do the same work, side by side.
//!
//! A [`program`] is a job or a loop. Each run of one is a child process of this executable, so that
//! its CPU time and memory are its own ([mod@measure]); programs take turns, round after round, and the
//! [`report`] compares them within a round. Loops are in [`baseline`]; the text that they run on is
//! gathered by [`sciurus_bench_corpus`].

mod baseline;
mod error;
mod instructions;
mod jobs;
mod measure;
mod program;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use sciurus_bench_corpus::Corpus;

use crate::error::{IoContext, Result};
use crate::measure::{Measurement, measure, run_as_child};
use crate::program::{PROGRAMS, Program};
use crate::report::Report;

/// Measures CPU time, memory and latency of Sciurus jobs and of plain loops that do the same work.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure, with what it is compared with; all if left out
    programs: Vec<String>,

    /// How often each program runs
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// The text to run on; by default documentation, manual pages and sources of this machine
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,

    /// How much text to gather, in MiB
    #[arg(long, value_name = "N", default_value_t = 256, conflicts_with = "corpus")]
    corpus_mib: u64,

    /// Where to write the report as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Fail if a goal is missed
    #[arg(long)]
    check: bool,

    /// List what there is to measure, and the goals
    #[arg(long)]
    list: bool,

    /// Count instructions with valgrind instead, and compare with the baseline in this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["programs", "corpus", "json", "check"])]
    instructions: Option<PathBuf>,

    /// Write the baseline of --instructions anew
    #[arg(long, requires = "instructions")]
    update: bool,

    /// Run one program in this process
    #[arg(long, value_name = "PROGRAM", hide = true)]
    child: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.child {
        let corpus = arguments.corpus.as_deref().unwrap_or(Path::new(""));
        run_as_child(Program::named(name)?, corpus)?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.list {
        for program in PROGRAMS {
            println!("{}: {}", program.name, program.about);
            for goal in program.goals {
                println!("    {goal}");
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(baseline) = &arguments.instructions {
        let is_well = instructions::check(baseline, arguments.update)?;
        return Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let report = measure_all(arguments)?;
    println!("{}", report.to_text());
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?).at(path)?;
    }
    Ok(if arguments.check && !report.all_goals_met() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Runs the selected programs in turns. Every other round goes backwards, so that none always
/// runs right after the same other one.
fn measure_all(arguments: &Arguments) -> Result<Report> {
    let programs = Program::selected(&arguments.programs)?;
    let corpus = match &arguments.corpus {
        Some(path) => Corpus::of_file(path)?,
        None => Corpus::cached(arguments.corpus_mib)?,
    };
    corpus.warm_up()?;
    let mut measured: Vec<(&'static Program, Vec<Measurement>)> =
        programs.into_iter().map(|program| (program, Vec::new())).collect();
    for round in 1..=arguments.rounds {
        for turn in 0..measured.len() {
            let position = if round % 2 == 1 { turn } else { measured.len() - 1 - turn };
            let (program, rounds) = &mut measured[position];
            eprintln!("round {round} of {}: {}", arguments.rounds, program.name);
            rounds.push(measure(program, &corpus.path)?);
        }
    }
    Report::new(corpus, &measured)
}
