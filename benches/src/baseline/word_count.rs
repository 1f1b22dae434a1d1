//! Counts words on one thread, byte by byte: what a decent engineer writes without an engine.

use std::fs::File;
use std::io;

use sciurus_bench_corpus::words::{WordCounts, count};

use crate::error::{IoContext, Result};
use crate::program::{Context, Outcome, Program};

/// The loop, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "loop_word_count",
    about: "word count, one thread, byte by byte",
    run,
    goals: &[],
};

fn run(context: &Context) -> Result<Outcome> {
    run_with(context, count)
}

/// Counts the corpus with the given loop.
pub(super) fn run_with(
    context: &Context,
    count: impl FnOnce(File) -> io::Result<WordCounts>,
) -> Result<Outcome> {
    let counts = File::open(context.corpus).and_then(count).at(context.corpus)?;
    Ok(Outcome { records: counts.values().sum(), distinct: Some(counts.len() as u64) })
}
