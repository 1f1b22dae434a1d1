//! Measures Sciurus and JVM Flink side by side on this machine.
//!
//! Both run as local clusters of real processes ([`cluster`]), with one configuration file for both,
//! and jobs come to them over the REST API, which is the same ([`rest`]). The jobs are in
//! `benches/flink/jobs` and, for Flink, in `benches/flink/java` ([`flink`] gets Flink and compiles
//! them). [`workload`] says which jobs there are, [`throughput`] runs them in turns, [`latency`] and
//! [`life`] measure what isn't throughput, [`peers`] runs other stream processors, and [`report`]
//! writes it down.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here ends the measurement")]

mod arguments;
mod cluster;
mod flink;
mod input;
mod latency;
mod life;
mod machine;
mod outcome;
mod peers;
mod processes;
mod report;
mod rest;
mod statistics;
mod throughput;
mod workload;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use cluster::Programs;
use machine::Machine;
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(report) = arguments.from.iter().map(|path| read(path)).reduce(Report::and) {
        return finish(&arguments, &report);
    }
    let programs = match Programs::find(&arguments) {
        Ok(programs) => programs,
        Err(reason) => {
            eprintln!("error: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::new(Machine::of_now(&programs));
    throughput::measure(&arguments, &programs, &mut report);
    peers::measure(&arguments, &programs, &mut report);
    latency::measure(&arguments, &programs, &mut report);
    life::measure(&arguments, &programs, &mut report);
    report.machine.load_after = machine::load();
    finish(&arguments, &report)
}

/// Reads a report that was written as JSON.
fn read(path: &Path) -> Report {
    let json = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&json).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes the report where it is wanted.
fn finish(arguments: &Arguments, report: &Report) -> ExitCode {
    println!("{}", report::text::tables(report));
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_vec_pretty(report).unwrap()).unwrap();
    }
    if let Some(folder) = &arguments.publish {
        report::publish(report, folder);
    }
    if arguments.check && !report.all_goals_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
