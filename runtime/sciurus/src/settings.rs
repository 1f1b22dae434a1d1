//! What a job's configuration means for its execution.

use std::sync::Arc;
use std::time::Duration;

use sciurus_core::clock::SystemClock;
use sciurus_core::config::options::{execution, metrics, pipeline, sciurus, taskmanager};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_core::graph::{JobType, NodeKind, StreamGraph};
use sciurus_engine::deployment::TaskSettings;
use sciurus_engine::metrics::latency::LatencySettings;
use sciurus_engine::operator::BatchLimits;

/// How a job's tasks run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExecutionSettings {
    pub(crate) limits: BatchLimits,
    pub(crate) buffer_timeout: Option<Duration>,
    pub(crate) watermark_interval: Duration,
    pub(crate) latency: LatencySettings,
    pub(crate) channel_bytes: usize,
}

impl ExecutionSettings {
    /// Reads the settings off a configuration.
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let timeout = if configuration.get(&execution::BUFFER_TIMEOUT_ENABLED)? {
            Some(configuration.get(&execution::BUFFER_TIMEOUT)?)
        } else {
            None
        };
        let segment = configuration.get(&taskmanager::MEMORY_SEGMENT_SIZE)?.bytes();
        let segments = configuration.get(&taskmanager::NETWORK_BUFFERS_PER_CHANNEL)?
            + configuration.get(&taskmanager::NETWORK_FLOATING_BUFFERS_PER_GATE)?;
        Ok(Self {
            limits: BatchLimits {
                max_rows: configuration.get(&sciurus::BATCH_MAX_ROWS)? as usize,
                max_bytes: configuration.get(&sciurus::BATCH_MAX_BYTES)?.bytes() as usize,
            },
            buffer_timeout: timeout,
            watermark_interval: configuration.get(&pipeline::AUTO_WATERMARK_INTERVAL)?,
            latency: LatencySettings {
                interval: configuration.get(&metrics::LATENCY_INTERVAL)?,
                granularity: configuration.get(&metrics::LATENCY_GRANULARITY)?,
                history_size: configuration.get(&metrics::LATENCY_HISTORY_SIZE)? as usize,
            },
            channel_bytes: segment as usize * segments as usize,
        })
    }

    /// Returns what all tasks of the job share.
    pub(crate) fn for_tasks_of(&self, graph: &StreamGraph) -> TaskSettings {
        TaskSettings {
            limits: self.limits,
            buffer_timeout: self.buffer_timeout,
            watermark_interval: self.watermark_interval,
            channel_bytes: self.channel_bytes,
            bounded: is_bounded(graph),
            batch_mode: graph.job_type == JobType::Batch,
            clock: Arc::new(SystemClock),
            throttle: Arc::default(),
            checkpoints: None,
            latency: self.latency,
        }
    }
}

/// Returns whether all sources of a job end by themselves.
pub(crate) fn is_bounded(graph: &StreamGraph) -> bool {
    graph.nodes.iter().all(|node| !matches!(node.kind, NodeKind::Source { bounded: false }))
}
