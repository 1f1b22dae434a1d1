//! How numbers are spread.

use serde::Serialize;

/// How some numbers are spread, as whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    min: u64,
    max: u64,
    avg: u64,
    sum: u64,
    median: u64,
    p25: u64,
    p75: u64,
    p95: u64,
}

impl Statistics {
    /// Looks at numbers; of none all is 0.
    pub fn of(numbers: impl Iterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = numbers.collect();
        sorted.sort_unstable();
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let sum = sorted.iter().fold(0_u64, |sum, number| sum.saturating_add(*number));
        Self {
            min,
            max,
            avg: sum / sorted.len() as u64,
            sum,
            median: percentile(&sorted, 0.5),
            p25: percentile(&sorted, 0.25),
            p75: percentile(&sorted, 0.75),
            p95: percentile(&sorted, 0.95),
        }
    }
}

/// Estimates a percentile as Flink does: at the position `share * (n + 1)`, from 1, between two
/// numbers by their distance.
fn percentile(sorted: &[u64], share: f64) -> u64 {
    let position = share * (sorted.len() as f64 + 1.0);
    let below = position.floor();
    let at = |position: f64| {
        let index = (position as usize).clamp(1, sorted.len()) - 1;
        sorted.get(index).copied().unwrap_or_default() as f64
    };
    let lower = at(below);
    (lower + (position - below) * (at(below + 1.0) - lower)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_spread_as_flink_says() {
        let statistics = Statistics::of([268_808, 268_800].into_iter());
        let expected = Statistics {
            min: 268_800,
            max: 268_808,
            avg: 268_804,
            sum: 537_608,
            median: 268_804,
            p25: 268_800,
            p75: 268_808,
            p95: 268_808,
        };
        assert_eq!(statistics, expected);
    }

    #[test]
    fn no_numbers_are_spread_nowhere() {
        assert_eq!(Statistics::of(std::iter::empty()), Statistics::default());
    }
}
