//! Which restart strategy a job has.

use std::time::Duration;

use thiserror::Error;

use super::{
    ExponentialDelay, ExponentialDelaySettings, FailureRate, FailureRateSettings, FixedDelay,
    FixedDelaySettings, NoRestart, RestartStrategy,
};

/// Says which restart strategy a job has.
#[derive(Clone, Debug, PartialEq)]
pub enum RestartStrategySettings {
    /// None: the first failure ends the job.
    None,
    /// A number of restarts.
    FixedDelay(FixedDelaySettings),
    /// Restarts as long as failures are rare enough.
    FailureRate(FailureRateSettings),
    /// Restarts after growing delays.
    ExponentialDelay(ExponentialDelaySettings),
}

/// Says which setting of a restart strategy is out of range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("restart-strategy.{key} {rule}")]
pub struct RestartSettingsError {
    /// The setting's key, without `restart-strategy.`.
    pub key: &'static str,
    /// What its value has to be.
    pub rule: &'static str,
}

impl RestartStrategySettings {
    /// Checks the settings and makes the strategy; `random` decides about jitter.
    pub fn build(
        self,
        random: fastrand::Rng,
    ) -> Result<Box<dyn RestartStrategy>, RestartSettingsError> {
        Ok(match self {
            Self::None => Box::new(NoRestart),
            Self::FixedDelay(settings) => Box::new(FixedDelay::new(settings)),
            Self::FailureRate(settings) => {
                check_failure_rate(&settings)?;
                Box::new(FailureRate::new(settings))
            }
            Self::ExponentialDelay(settings) => {
                check_exponential_delay(&settings)?;
                Box::new(ExponentialDelay::new(settings, random))
            }
        })
    }
}

fn require(holds: bool, key: &'static str, rule: &'static str) -> Result<(), RestartSettingsError> {
    if holds { Ok(()) } else { Err(RestartSettingsError { key, rule }) }
}

fn check_failure_rate(settings: &FailureRateSettings) -> Result<(), RestartSettingsError> {
    require(
        settings.max_failures_per_interval > 0,
        "failure-rate.max-failures-per-interval",
        "has to be above 0",
    )?;
    require(
        settings.interval >= Duration::from_millis(1),
        "failure-rate.failure-rate-interval",
        "has to be at least 1 ms",
    )
}

fn check_exponential_delay(
    settings: &ExponentialDelaySettings,
) -> Result<(), RestartSettingsError> {
    let shortest = Duration::from_millis(1);
    require(
        settings.initial_backoff >= shortest,
        "exponential-delay.initial-backoff",
        "has to be at least 1 ms",
    )?;
    require(
        settings.max_backoff >= settings.initial_backoff,
        "exponential-delay.max-backoff",
        "can't be shorter than exponential-delay.initial-backoff",
    )?;
    require(
        settings.backoff_multiplier > 1.0,
        "exponential-delay.backoff-multiplier",
        "has to be above 1",
    )?;
    require(
        settings.reset_backoff_threshold >= shortest,
        "exponential-delay.reset-backoff-threshold",
        "has to be at least 1 ms",
    )?;
    require(
        (0.0..=1.0).contains(&settings.jitter_factor),
        "exponential-delay.jitter-factor",
        "has to be between 0 and 1",
    )?;
    require(
        settings.attempts_before_reset_backoff >= 1,
        "exponential-delay.attempts-before-reset-backoff",
        "has to be at least 1",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(settings: RestartStrategySettings) -> String {
        settings.build(fastrand::Rng::with_seed(0)).unwrap_err().to_string()
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let exponential = |change: fn(&mut ExponentialDelaySettings)| {
            let mut settings = ExponentialDelaySettings::default();
            change(&mut settings);
            error(RestartStrategySettings::ExponentialDelay(settings))
        };
        assert_eq!(
            exponential(|settings| settings.backoff_multiplier = 1.0),
            "restart-strategy.exponential-delay.backoff-multiplier has to be above 1"
        );
        assert!(exponential(|settings| settings.backoff_multiplier = f64::NAN).contains("multi"));
        assert!(exponential(|settings| settings.jitter_factor = 1.1).contains("jitter"));
        assert!(exponential(|settings| settings.max_backoff = Duration::ZERO).contains("max-"));
        assert!(exponential(|settings| settings.initial_backoff = Duration::ZERO).contains("init"));
        let rate = FailureRateSettings {
            max_failures_per_interval: 0,
            interval: Duration::from_secs(60),
            delay: Duration::ZERO,
        };
        assert!(error(RestartStrategySettings::FailureRate(rate)).contains("max-failures"));
    }

    #[test]
    fn flink_s_defaults_are_in_range() {
        let settings =
            RestartStrategySettings::ExponentialDelay(ExponentialDelaySettings::default());
        assert!(settings.build(fastrand::Rng::with_seed(0)).is_ok());
    }
}
