//! The restart strategy that a configuration asks for.

use sciurus_core::config::options::restart_strategy::{self as options, RestartStrategyType};
use sciurus_core::config::{ConfigError, Configuration};

use super::{
    ExponentialDelaySettings, FailureRateSettings, FixedDelaySettings, RestartStrategySettings,
};

impl RestartStrategySettings {
    /// Reads the settings off a configuration. If it names no strategy, a job with checkpoints
    /// restarts with exponential delay and one without doesn't, as in Flink 2.
    pub fn from_configuration(
        configuration: &Configuration,
        has_checkpoints: bool,
    ) -> Result<Self, ConfigError> {
        let default = if has_checkpoints {
            RestartStrategyType::ExponentialDelay
        } else {
            RestartStrategyType::None
        };
        let chosen = configuration.get_optional(&options::TYPE)?;
        Ok(match chosen.unwrap_or(default) {
            RestartStrategyType::None => Self::None,
            RestartStrategyType::FixedDelay => Self::FixedDelay(FixedDelaySettings {
                attempts: configuration.get(&options::FIXED_DELAY_ATTEMPTS)?,
                delay: configuration.get(&options::FIXED_DELAY_DELAY)?,
            }),
            RestartStrategyType::FailureRate => Self::FailureRate(FailureRateSettings {
                max_failures_per_interval: configuration
                    .get(&options::FAILURE_RATE_MAX_FAILURES_PER_INTERVAL)?,
                interval: configuration.get(&options::FAILURE_RATE_INTERVAL)?,
                delay: configuration.get(&options::FAILURE_RATE_DELAY)?,
            }),
            RestartStrategyType::ExponentialDelay => {
                Self::ExponentialDelay(exponential_delay(configuration)?)
            }
        })
    }
}

fn exponential_delay(
    configuration: &Configuration,
) -> Result<ExponentialDelaySettings, ConfigError> {
    Ok(ExponentialDelaySettings {
        initial_backoff: configuration.get(&options::EXPONENTIAL_DELAY_INITIAL_BACKOFF)?,
        max_backoff: configuration.get(&options::EXPONENTIAL_DELAY_MAX_BACKOFF)?,
        backoff_multiplier: configuration.get(&options::EXPONENTIAL_DELAY_BACKOFF_MULTIPLIER)?,
        reset_backoff_threshold: configuration
            .get(&options::EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD)?,
        jitter_factor: configuration.get(&options::EXPONENTIAL_DELAY_JITTER_FACTOR)?,
        attempts_before_reset_backoff: configuration.get(&options::EXPONENTIAL_DELAY_ATTEMPTS)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(pairs: &[(&str, &str)], has_checkpoints: bool) -> RestartStrategySettings {
        let configuration = Configuration::from_pairs(pairs.iter().copied());
        RestartStrategySettings::from_configuration(&configuration, has_checkpoints).unwrap()
    }

    #[test]
    fn without_a_choice_checkpoints_decide() {
        assert_eq!(read(&[], false), RestartStrategySettings::None);
        let defaults = ExponentialDelaySettings::default();
        assert_eq!(read(&[], true), RestartStrategySettings::ExponentialDelay(defaults));
        assert_eq!(read(&[("restart-strategy.type", "none")], true), RestartStrategySettings::None);
    }

    #[test]
    fn the_chosen_strategy_has_its_settings() {
        let settings = read(
            &[
                ("restart-strategy.type", "fixed-delay"),
                ("restart-strategy.fixed-delay.attempts", "3"),
                ("restart-strategy.fixed-delay.delay", "10 s"),
            ],
            true,
        );
        let expected = FixedDelaySettings { attempts: 3, delay: Duration::from_secs(10) };
        assert_eq!(settings, RestartStrategySettings::FixedDelay(expected));
        let settings = read(
            &[
                ("restart-strategy.type", "failure-rate"),
                ("restart-strategy.failure-rate.max-failures-per-interval", "5"),
                ("restart-strategy.failure-rate.failure-rate-interval", "5 min"),
                ("restart-strategy.failure-rate.delay", "0 s"),
            ],
            false,
        );
        let expected = FailureRateSettings {
            max_failures_per_interval: 5,
            interval: Duration::from_secs(300),
            delay: Duration::ZERO,
        };
        assert_eq!(settings, RestartStrategySettings::FailureRate(expected));
    }
}
