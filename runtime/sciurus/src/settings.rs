//! What a job's configuration means for its execution.

use std::time::Duration;

use sciurus_core::config::options::restart_strategy::{self, RestartStrategyType};
use sciurus_core::config::options::{execution, pipeline, sciurus, taskmanager};
use sciurus_core::config::{ConfigError, Configuration};
use sciurus_engine::operator::BatchLimits;
use sciurus_job_master::restart::{
    ExponentialDelaySettings, FailureRateSettings, FixedDelaySettings, RestartStrategySettings,
};

/// How a job's tasks run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExecutionSettings {
    pub(crate) limits: BatchLimits,
    pub(crate) buffer_timeout: Option<Duration>,
    pub(crate) watermark_interval: Duration,
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
            channel_bytes: segment as usize * segments as usize,
        })
    }
}

/// Reads the restart strategy off a configuration; without one, and without checkpoints, a job
/// that fails is not restarted.
pub(crate) fn restart_strategy(
    configuration: &Configuration,
) -> Result<RestartStrategySettings, ConfigError> {
    let kind = configuration.get_optional(&restart_strategy::TYPE)?;
    Ok(match kind.unwrap_or(RestartStrategyType::None) {
        RestartStrategyType::None => RestartStrategySettings::None,
        RestartStrategyType::FixedDelay => {
            RestartStrategySettings::FixedDelay(FixedDelaySettings {
                attempts: configuration.get(&restart_strategy::FIXED_DELAY_ATTEMPTS)?,
                delay: configuration.get(&restart_strategy::FIXED_DELAY_DELAY)?,
            })
        }
        RestartStrategyType::FailureRate => {
            RestartStrategySettings::FailureRate(FailureRateSettings {
                max_failures_per_interval: configuration
                    .get(&restart_strategy::FAILURE_RATE_MAX_FAILURES_PER_INTERVAL)?,
                interval: configuration.get(&restart_strategy::FAILURE_RATE_INTERVAL)?,
                delay: configuration.get(&restart_strategy::FAILURE_RATE_DELAY)?,
            })
        }
        RestartStrategyType::ExponentialDelay => {
            RestartStrategySettings::ExponentialDelay(exponential_delay(configuration)?)
        }
    })
}

fn exponential_delay(
    configuration: &Configuration,
) -> Result<ExponentialDelaySettings, ConfigError> {
    Ok(ExponentialDelaySettings {
        initial_backoff: configuration.get(&restart_strategy::EXPONENTIAL_DELAY_INITIAL_BACKOFF)?,
        max_backoff: configuration.get(&restart_strategy::EXPONENTIAL_DELAY_MAX_BACKOFF)?,
        backoff_multiplier: configuration
            .get(&restart_strategy::EXPONENTIAL_DELAY_BACKOFF_MULTIPLIER)?,
        reset_backoff_threshold: configuration
            .get(&restart_strategy::EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD)?,
        jitter_factor: configuration.get(&restart_strategy::EXPONENTIAL_DELAY_JITTER_FACTOR)?,
        attempts_before_reset_backoff: configuration
            .get(&restart_strategy::EXPONENTIAL_DELAY_ATTEMPTS)?,
    })
}
