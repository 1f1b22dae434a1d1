//! The least, the most, the mean and percentiles of a figure.

use std::collections::VecDeque;

/// How many values percentiles are computed of: Flink's `HISTOGRAM_WINDOW_SIZE`.
const WINDOW: usize = 10_000;

/// Sums up a figure as Flink's `StatsSummary` does: the least, the most and the mean of all values,
/// and percentiles of the latest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsSummary {
    min: u64,
    max: u64,
    sum: u64,
    count: u64,
    latest: VecDeque<u64>,
}

impl StatsSummary {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
        if self.latest.len() == WINDOW {
            self.latest.pop_front();
        }
        self.latest.push_back(value);
    }

    /// Returns the least value, 0 if there is none.
    pub fn min(&self) -> u64 {
        self.min
    }

    /// Returns the greatest value, 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Returns the mean, rounded down, 0 if there is no value.
    pub fn average(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(0)
    }

    /// Returns how many values there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns percentiles of the latest values, in the order of `quantiles` (from 0 to 1); none of
    /// no values. They are interpolated as Flink does it: the value at place `q * (n + 1)`.
    pub fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> Option<[f64; N]> {
        let mut sorted: Vec<u64> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        let (first, last) = (*sorted.first()? as f64, *sorted.last()? as f64);
        Some(quantiles.map(|quantile| {
            let place = quantile * (sorted.len() + 1) as f64;
            let below = place.floor();
            if below < 1.0 {
                return first;
            }
            match (sorted.get(below as usize - 1), sorted.get(below as usize)) {
                (Some(&low), Some(&high)) => {
                    let (low, high) = (low as f64, high as f64);
                    low + (place - below) * (high - low)
                }
                _ => last,
            }
        }))
    }
}

impl FromIterator<u64> for StatsSummary {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut summary = Self::default();
        for value in values {
            summary.add(value);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated_as_in_flink() {
        let durations: StatsSummary = [30, 46, 54, 95].into_iter().collect();
        assert_eq!((durations.min(), durations.max(), durations.average()), (30, 95, 56));
        let expected = [50.0, 95.0, 95.0];
        assert_eq!(durations.quantiles([0.5, 0.9, 0.999]), Some(expected));
        let hundred: StatsSummary = (1..=100).collect();
        let [p50, p90, p99] = hundred.quantiles([0.5, 0.9, 0.99]).unwrap();
        assert!((p50 - 50.5).abs() < 1e-9 && (p90 - 90.9).abs() < 1e-9);
        assert!((p99 - 99.99).abs() < 1e-9);
    }

    #[test]
    fn of_nothing_there_are_no_percentiles() {
        let nothing = StatsSummary::default();
        assert_eq!((nothing.min(), nothing.max(), nothing.average()), (0, 0, 0));
        assert_eq!(nothing.quantiles([0.5]), None);
    }

    #[test]
    fn a_single_value_is_every_percentile() {
        let one: StatsSummary = [7].into_iter().collect();
        assert_eq!(one.quantiles([0.01, 0.5, 0.999]), Some([7.0, 7.0, 7.0]));
    }
}
