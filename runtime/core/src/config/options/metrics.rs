//! What is measured.

use std::time::Duration;

super::options! {
    title: "Metrics";

    /// Time between two latency markers that a source emits; 0 turns latency tracking off.
    LATENCY_INTERVAL: Duration = "metrics.latency.interval"
        .default(|| Duration::ZERO);
}
