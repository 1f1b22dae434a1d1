//! A job of a few records: how long it takes to start, and how much memory.

use sciurus::prelude::*;

use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// The job, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "tiny",
    about: "a word count of three words, from the start of the process to the first result",
    run,
    goals: &[Goal::FirstResultMs(30.0), Goal::PeakMib(20.0)],
};

fn run(context: &Context) -> Result<Outcome> {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(2);
    let counts = env
        .from_elements([("to".to_owned(), 1_i64), ("be".to_owned(), 1), ("to".to_owned(), 1)])
        .key_by(F0)
        .sum(F1)
        .execute_and_collect("tiny")?;
    let mut records = 0;
    for count in counts {
        count?;
        if records == 0 {
            context.tell_first_result();
        }
        records += 1;
    }
    Ok(Outcome { records, distinct: None })
}
