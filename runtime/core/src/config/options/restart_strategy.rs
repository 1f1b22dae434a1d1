//! What happens after a job has failed.

use std::time::Duration;

use crate::config::choice::choice;

choice! {
    /// Chooses whether and when a failed job is started again.
    pub enum RestartStrategyType {
        /// Never.
        None = "none" | "off" | "disable",
        /// A number of times, after a fixed delay.
        FixedDelay = "fixed-delay" | "fixeddelay",
        /// As long as failures stay below a rate.
        FailureRate = "failure-rate" | "failurerate",
        /// After a delay that grows with every failure.
        ExponentialDelay = "exponential-delay" | "exponentialdelay",
    }
}

super::options! {
    title: "Restart strategies";

    /// Whether and when a failed job is started again; `off` and `disable` mean `none`. If it is not
    /// set, a job with checkpoints restarts with exponential delay and one without doesn't.
    TYPE: RestartStrategyType = "restart-strategy.type"
        .deprecated_keys(&["restart-strategy"])
        .example("exponential-delay");

    /// With `fixed-delay`: how many times the job is started again before it fails for good.
    FIXED_DELAY_ATTEMPTS: u32 = "restart-strategy.fixed-delay.attempts"
        .default(|| 1);

    /// With `fixed-delay`: time from a failure to the restart.
    FIXED_DELAY_DELAY: Duration = "restart-strategy.fixed-delay.delay"
        .default(|| Duration::from_secs(1));

    /// With `failure-rate`: most failures within the interval before the job fails for good.
    FAILURE_RATE_MAX_FAILURES_PER_INTERVAL: u32 =
        "restart-strategy.failure-rate.max-failures-per-interval"
        .default(|| 1);

    /// With `failure-rate`: the interval in which failures are counted.
    FAILURE_RATE_INTERVAL: Duration = "restart-strategy.failure-rate.failure-rate-interval"
        .default(|| Duration::from_secs(60))
        .rule("longer than 0", |interval| !interval.is_zero());

    /// With `failure-rate`: time from a failure to the restart.
    FAILURE_RATE_DELAY: Duration = "restart-strategy.failure-rate.delay"
        .default(|| Duration::from_secs(1));

    /// With `exponential-delay`: time from the first failure to the restart.
    EXPONENTIAL_DELAY_INITIAL_BACKOFF: Duration =
        "restart-strategy.exponential-delay.initial-backoff"
        .default(|| Duration::from_secs(1))
        .rule("at least 1 ms", |backoff| backoff.as_millis() >= 1);

    /// With `exponential-delay`: longest time from a failure to the restart.
    EXPONENTIAL_DELAY_MAX_BACKOFF: Duration = "restart-strategy.exponential-delay.max-backoff"
        .default(|| Duration::from_secs(60))
        .rule("at least 1 ms", |backoff| backoff.as_millis() >= 1);

    /// With `exponential-delay`: factor by which the delay grows with every failure.
    EXPONENTIAL_DELAY_BACKOFF_MULTIPLIER: f64 =
        "restart-strategy.exponential-delay.backoff-multiplier"
        .default(|| 1.5)
        .rule("at least 1", |multiplier| *multiplier >= 1.0)
        .example("1.5");

    /// With `exponential-delay`: time without failure after which the delay starts from the
    /// beginning again.
    EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD: Duration =
        "restart-strategy.exponential-delay.reset-backoff-threshold"
        .default(|| Duration::from_secs(3600))
        .rule("at least 1 ms", |threshold| threshold.as_millis() >= 1);

    /// With `exponential-delay`: share of the delay that is randomly added or taken away, so that
    /// jobs that failed together don't restart together.
    EXPONENTIAL_DELAY_JITTER_FACTOR: f64 = "restart-strategy.exponential-delay.jitter-factor"
        .default(|| 0.1)
        .rule("from 0 to 1", |factor| (0.0..=1.0).contains(factor))
        .example("0.1");

    /// With `exponential-delay`: how many times the job is started again, each within the
    /// threshold after the last, before it fails for good.
    EXPONENTIAL_DELAY_ATTEMPTS: u32 =
        "restart-strategy.exponential-delay.attempts-before-reset-backoff"
        .default(|| i32::MAX as u32)
        .rule("at least 1", |attempts| *attempts >= 1);
}
