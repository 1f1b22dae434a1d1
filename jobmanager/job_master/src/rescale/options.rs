//! How a job deals with slots that come and go.

use std::time::Duration;

use sciurus_core::config::options::jobmanager::{self, SchedulerType};
use sciurus_core::config::options::web;
use sciurus_core::config::{ConfigError, Configuration};

/// How a job deals with slots that come and go (`jobmanager.scheduler`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// It waits for the slots that it needs, and lets others be.
    #[default]
    Default,
    /// It runs with those that there are, within its bounds, and grows and shrinks with them.
    Adaptive(AdaptiveOptions),
}

impl Scheduler {
    /// Reads the choice and its options off a configuration.
    ///
    /// # Errors
    /// Where one has no legal value.
    pub fn from_configuration(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(match configuration.get(&jobmanager::SCHEDULER)? {
            SchedulerType::Default => Self::Default,
            SchedulerType::Adaptive => {
                Self::Adaptive(AdaptiveOptions::from_configuration(configuration)?)
            }
        })
    }

    /// Returns the options of the adaptive one.
    pub const fn adaptive(&self) -> Option<&AdaptiveOptions> {
        match self {
            Self::Default => None,
            Self::Adaptive(options) => Some(options),
        }
    }
}

/// How long an adaptive job waits (`jobmanager.adaptive-scheduler.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveOptions {
    /// How long it waits for as many slots as it needs at least before it runs.
    pub submission_wait: Duration,
    /// How long it waits for more once there are enough.
    pub submission_stabilization: Duration,
    /// How long it lets more slots come while it runs before it uses less than it could.
    pub executing_stabilization: Duration,
    /// How long it runs at least before it grows.
    pub cooldown: Duration,
    /// How many changes of its parallelism are remembered
    /// (`web.adaptive-scheduler.rescale-history.size`).
    pub history_size: usize,
}

impl AdaptiveOptions {
    fn from_configuration(configuration: &Configuration) -> Result<Self, ConfigError> {
        use jobmanager as options;
        Ok(Self {
            submission_wait: configuration
                .get(&options::ADAPTIVE_SUBMISSION_RESOURCE_WAIT_TIMEOUT)?,
            submission_stabilization: configuration
                .get(&options::ADAPTIVE_SUBMISSION_RESOURCE_STABILIZATION_TIMEOUT)?,
            executing_stabilization: configuration
                .get(&options::ADAPTIVE_EXECUTING_RESOURCE_STABILIZATION_TIMEOUT)?,
            cooldown: configuration.get(&options::ADAPTIVE_EXECUTING_COOLDOWN_AFTER_RESCALING)?,
            history_size: configuration.get(&web::ADAPTIVE_SCHEDULER_RESCALE_HISTORY_SIZE)?,
        })
    }
}

impl Default for AdaptiveOptions {
    fn default() -> Self {
        Self {
            submission_wait: Duration::from_secs(300),
            submission_stabilization: Duration::from_secs(10),
            executing_stabilization: Duration::from_secs(60),
            cooldown: Duration::from_secs(30),
            history_size: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_flink_s() {
        let read = |pairs: &[(&str, &str)]| {
            let configuration = Configuration::from_pairs(pairs.iter().copied());
            Scheduler::from_configuration(&configuration).unwrap()
        };
        assert_eq!(read(&[]), Scheduler::Default);
        let adaptive = ("jobmanager.scheduler", "adaptive");
        assert_eq!(read(&[adaptive]), Scheduler::Adaptive(AdaptiveOptions::default()));
        let wait = ("jobmanager.adaptive-scheduler.resource-wait-timeout", "5 s");
        let options =
            AdaptiveOptions { submission_wait: Duration::from_secs(5), ..Default::default() };
        assert_eq!(read(&[adaptive, wait]), Scheduler::Adaptive(options));
    }
}
