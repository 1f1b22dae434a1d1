//! map → filter → map over numbers, in one chain of one subtask.

use sciurus::prelude::*;

use crate::baseline::map_filter_map::{NUMBERS, halve, is_even, triple};
use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// The chain, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "map_filter_map",
    about: "map, filter, map over 100 M i64, one chain",
    run,
    goals: &[Goal::CpuNsPerRecord(3.0)],
};

fn run(_: &Context) -> Result<Outcome> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(1);
    env.from_sequence(0, NUMBERS - 1).map(triple).filter(is_even).map(halve).discard();
    env.execute("map filter map")?;
    Ok(Outcome { records: NUMBERS as u64, distinct: None })
}
