//! How a job runs.

use std::time::Duration;

use crate::config::choice::choice;

choice! {
    /// Chooses whether a job runs as a stream or as a batch.
    pub enum RuntimeMode {
        /// Results are emitted and updated while input arrives.
        Streaming = "STREAMING",
        /// Input is bounded; only final results are emitted.
        Batch = "BATCH",
        /// As a batch if all sources are bounded, else as a stream.
        Automatic = "AUTOMATIC",
    }
}

super::options! {
    title: "Execution";

    /// Whether the job runs as a stream (results are updated while input arrives), as a batch
    /// (bounded input, final results only), or as a batch exactly if all its sources are bounded.
    RUNTIME_MODE: RuntimeMode = "execution.runtime-mode"
        .default(|| RuntimeMode::Streaming);

    /// Longest time that a record waits in a batch that isn't full before it is sent on; 0 sends
    /// every record at once, which costs throughput.
    BUFFER_TIMEOUT: Duration = "execution.buffer-timeout.interval"
        .default(|| Duration::from_millis(100))
        .deprecated_keys(&["execution.buffer-timeout"])
        .example("100 ms");

    /// Whether batches that aren't full are sent on when the interval is over. If not, they wait
    /// until they are full or the input ends.
    BUFFER_TIMEOUT_ENABLED: bool = "execution.buffer-timeout.enabled"
        .default(|| true);
}
