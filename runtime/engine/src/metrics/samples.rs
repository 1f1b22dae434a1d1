//! The latest values of something, of which a distribution is computed when somebody asks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The quantiles that are computed.
pub const QUANTILES: [f64; 7] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.999];

/// Keeps the latest values, written by one thread without a lock and read by others.
#[derive(Debug)]
pub struct Samples {
    count: AtomicU64,
    latest: Box<[AtomicI64]>,
}

/// How values are distributed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// How many values there were in all.
    pub count: u64,
    /// The least of the latest.
    pub min: i64,
    /// The greatest of the latest.
    pub max: i64,
    /// The mean of the latest.
    pub mean: f64,
    /// Their standard deviation.
    pub stddev: f64,
    /// Their [`QUANTILES`].
    pub quantiles: [f64; QUANTILES.len()],
}

impl Samples {
    /// Keeps the latest `size` values, one at least.
    pub fn new(size: usize) -> Self {
        let latest = (0..size.max(1)).map(|_| AtomicI64::new(0)).collect();
        Self { count: AtomicU64::new(0), latest }
    }

    /// Adds a value. Only one thread may.
    #[inline]
    pub fn add(&self, value: i64) {
        let count = self.count.load(Ordering::Relaxed);
        let place = (count % self.latest.len() as u64) as usize;
        self.latest[place].store(value, Ordering::Relaxed);
        self.count.store(count + 1, Ordering::Release);
    }

    /// Computes the distribution of the latest values.
    pub fn distribution(&self) -> Distribution {
        let count = self.count.load(Ordering::Acquire);
        let kept = usize::try_from(count).unwrap_or(usize::MAX).min(self.latest.len());
        let mut values: Vec<i64> =
            self.latest[..kept].iter().map(|value| value.load(Ordering::Relaxed)).collect();
        values.sort_unstable();
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Distribution::default();
        };
        let mean = values.iter().map(|&value| value as f64).sum::<f64>() / kept as f64;
        let squares: f64 = values.iter().map(|&value| (value as f64 - mean).powi(2)).sum();
        let variance = if kept > 1 { squares / (kept - 1) as f64 } else { 0.0 };
        let quantiles = QUANTILES.map(|quantile| at(&values, quantile));
        Distribution { count, min, max, mean, stddev: variance.sqrt(), quantiles }
    }
}

/// Returns a quantile of sorted values, as Commons Math estimates it, which Flink uses: between two
/// values where it falls between them.
fn at(sorted: &[i64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() + 1) as f64;
    let below = place.floor();
    if below < 1.0 {
        return sorted[0] as f64;
    }
    let index = below as usize;
    if index >= sorted.len() {
        return sorted[sorted.len() - 1] as f64;
    }
    let (low, high) = (sorted[index - 1] as f64, sorted[index] as f64);
    low + (place - below) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_that_of_the_latest_values() {
        let samples = Samples::new(100);
        assert_eq!(samples.distribution(), Distribution::default());
        (1..=1000).for_each(|value| samples.add(value));
        let Distribution { count, min, max, mean, stddev, quantiles } = samples.distribution();
        assert_eq!((count, min, max), (1000, 901, 1000));
        assert!((mean - 950.5).abs() < 1e-9 && (stddev - 29.011).abs() < 1e-3, "{mean} {stddev}");
        // What Commons Math's Percentile says of 901 to 1000.
        let expected = [950.5, 975.75, 990.9, 995.95, 998.98, 999.99, 1000.0];
        for (found, expected) in quantiles.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{quantiles:?}");
        }
    }
}
