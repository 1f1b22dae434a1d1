//! A process that has its result at once: what the system takes to start and end one.

use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// The process, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "empty_process",
    about: "starts, has its result, ends",
    run,
    goals: &[Goal::FirstResultMs(30.0), Goal::PeakMib(20.0)],
};

#[expect(clippy::unnecessary_wraps, reason = "other programs can fail")]
fn run(context: &Context) -> Result<Outcome> {
    context.tell_first_result();
    Ok(Outcome { records: 1, distinct: None })
}
