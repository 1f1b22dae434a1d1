//! How long latency markers take from their sources to an operator.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
pub use sciurus_core::config::options::metrics::LatencyGranularity;
use sciurus_core::element::LatencyMarker;
use sciurus_core::ids::OperatorId;
use sciurus_core::time::Timestamp;

use super::samples::{Distribution, Samples};

/// How latencies are tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySettings {
    /// Time between two markers of a source; none are emitted where it is zero.
    pub interval: Duration,
    /// What latencies are told apart by.
    pub granularity: LatencyGranularity,
    /// How many latencies are kept of each.
    pub history_size: usize,
}

impl Default for LatencySettings {
    fn default() -> Self {
        Self {
            interval: Duration::ZERO,
            granularity: LatencyGranularity::Operator,
            history_size: 128,
        }
    }
}

/// Where markers come from, as far as they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LatencySource {
    /// The source's operator.
    pub operator: Option<OperatorId>,
    /// Its subtask.
    pub subtask: Option<u32>,
}

/// The latencies at one operator of one subtask.
#[derive(Debug, Default)]
pub struct Latencies {
    settings: LatencySettings,
    by_source: Mutex<BTreeMap<LatencySource, Samples>>,
}

impl Latencies {
    /// Tracks none yet.
    pub fn new(settings: LatencySettings) -> Self {
        Self { settings, by_source: Mutex::default() }
    }

    /// Takes note of a marker that arrives. Few do: a lock is cheap enough.
    pub fn record(&self, marker: &LatencyMarker, now: Timestamp) {
        let source = match self.settings.granularity {
            LatencyGranularity::Single => LatencySource { operator: None, subtask: None },
            LatencyGranularity::Operator => {
                LatencySource { operator: Some(marker.source), subtask: None }
            }
            LatencyGranularity::Subtask => {
                LatencySource { operator: Some(marker.source), subtask: Some(marker.subtask) }
            }
        };
        let size = self.settings.history_size;
        let mut all = self.by_source.lock();
        let samples = all.entry(source).or_insert_with(|| Samples::new(size));
        // Clocks of two machines may differ.
        samples.add(now.saturating_sub(marker.emitted_at).max(0));
    }

    /// Returns the latencies by where markers come from, milliseconds.
    pub fn snapshot(&self) -> Vec<(LatencySource, Distribution)> {
        let all = self.by_source.lock();
        all.iter().map(|(source, samples)| (*source, samples.distribution())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_apart_as_the_granularity_says() {
        let marker = |source: u8, subtask| LatencyMarker {
            emitted_at: 1_000,
            source: OperatorId::from_bytes([source; 16]),
            subtask,
        };
        for (granularity, sources) in [
            (LatencyGranularity::Single, 1),
            (LatencyGranularity::Operator, 2),
            (LatencyGranularity::Subtask, 3),
        ] {
            let settings = LatencySettings { granularity, ..LatencySettings::default() };
            let latencies = Latencies::new(settings);
            for marker in [marker(1, 0), marker(1, 1), marker(2, 0)] {
                latencies.record(&marker, 1_007);
            }
            let found = latencies.snapshot();
            assert_eq!(found.len(), sources, "{granularity}");
            let count: u64 = found.iter().map(|(_, distribution)| distribution.count).sum();
            assert_eq!((count, found[0].1.max), (3, 7));
        }
    }
}
