//! The arithmetic of a map → filter → map chain in one loop: how little the work itself costs.

use std::hint::black_box;

use crate::error::Result;
use crate::program::{Context, Goal, Outcome, Program};

/// How many numbers go through the chain.
pub const NUMBERS: i64 = 100_000_000;

/// The loop, as a program to measure.
pub const PROGRAM: Program = Program {
    name: "loop_map_filter_map",
    about: "map, filter, map over 100 M i64, one loop",
    run,
    goals: &[Goal::CpuNsPerRecord(3.0)],
};

/// The first map.
pub fn triple(number: i64) -> i64 {
    number.wrapping_mul(3).wrapping_add(1)
}

/// The filter.
pub fn is_even(number: i64) -> bool {
    number & 1 == 0
}

/// The second map.
pub fn halve(number: i64) -> i64 {
    number >> 1
}

#[expect(clippy::unnecessary_wraps, reason = "other programs can fail")]
fn run(_: &Context) -> Result<Outcome> {
    // Through a register one by one, or the compiler finds a formula for the sum.
    let kept = (0..NUMBERS).map(black_box).map(triple).filter(|&n| is_even(n)).map(halve);
    let mut sum = 0_i64;
    for number in kept {
        sum = sum.wrapping_add(number);
    }
    black_box(sum);
    Ok(Outcome { records: NUMBERS as u64, distinct: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_keeps_every_other_number() {
        let kept: Vec<_> =
            (0..6).map(triple).filter(|&number| is_even(number)).map(halve).collect();
        assert_eq!(kept, [2, 5, 8]);
    }
}
