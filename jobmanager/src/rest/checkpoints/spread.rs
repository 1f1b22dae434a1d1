//! How figures are spread over checkpoints or subtasks, as Flink shows it.

use sciurus_job_master::checkpoint_coordinator::statistics::StatsSummary;
use serde::{Serialize, Serializer};

/// The percentiles that are shown.
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// How something is spread: the smallest, largest and average value, and percentiles where single
/// values are looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spread {
    min: u64,
    max: u64,
    avg: u64,
    p50: Percentile,
    p90: Percentile,
    p95: Percentile,
    p99: Percentile,
    p999: Percentile,
}

impl Spread {
    /// What Flink shows of what it doesn't look at.
    pub fn unknown() -> Self {
        Self::default().with_percentiles([0.0; QUANTILES.len()])
    }

    /// Describes how values are spread without percentiles, as Flink does it for subtasks.
    pub fn without_percentiles(summary: &StatsSummary) -> Self {
        Self { min: summary.min(), max: summary.max(), avg: summary.average(), ..Self::default() }
    }

    fn with_percentiles(self, [p50, p90, p95, p99, p999]: [f64; QUANTILES.len()]) -> Self {
        Self {
            p50: Percentile(p50),
            p90: Percentile(p90),
            p95: Percentile(p95),
            p99: Percentile(p99),
            p999: Percentile(p999),
            ..self
        }
    }
}

impl From<&StatsSummary> for Spread {
    fn from(summary: &StatsSummary) -> Self {
        let spread = Self::without_percentiles(summary);
        match summary.quantiles(QUANTILES) {
            Some(percentiles) => spread.with_percentiles(percentiles),
            None => spread,
        }
    }
}

/// A percentile; that of nothing is the text `NaN`, as Flink writes it.
#[derive(Clone, Copy, Debug)]
struct Percentile(f64);

impl Default for Percentile {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Serialize for Percentile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() { serializer.serialize_str("NaN") } else { self.0.serialize(serializer) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_written_as_flink_writes_them() {
        // What a real Flink answered about four checkpoints.
        let durations: StatsSummary = [95, 46, 30, 54].into_iter().collect();
        let expected = json!({"min": 30, "max": 95, "avg": 56, "p50": 50.0, "p90": 95.0,
            "p95": 95.0, "p99": 95.0, "p999": 95.0});
        assert_eq!(serde_json::to_value(Spread::from(&durations)).unwrap(), expected);
    }

    #[test]
    fn nothing_has_no_percentiles() {
        let nothing = json!({"min": 0, "max": 0, "avg": 0, "p50": "NaN", "p90": "NaN", "p95": "NaN",
            "p99": "NaN", "p999": "NaN"});
        let spread = Spread::from(&StatsSummary::default());
        assert_eq!(serde_json::to_value(spread).unwrap(), nothing);
        let few: StatsSummary = [3, 5].into_iter().collect();
        let few = serde_json::to_value(Spread::without_percentiles(&few)).unwrap();
        assert_eq!((&few["avg"], &few["p50"]), (&json!(4), &json!("NaN")));
        let unknown = serde_json::to_value(Spread::unknown()).unwrap();
        assert_eq!((&unknown["avg"], &unknown["p50"]), (&json!(0), &json!(0.0)));
    }
}
