//! Restarts after delays that grow while the job keeps failing.

use std::fmt;
use std::time::Duration;

use sciurus_core::time::Timestamp;

use super::{RestartStrategy, from_millis, millis};

/// Says how delays grow.
#[derive(Clone, Debug, PartialEq)]
pub struct ExponentialDelaySettings {
    /// The first delay, and the shortest; at least 1 ms.
    pub initial_backoff: Duration,
    /// The longest delay; at least the first.
    pub max_backoff: Duration,
    /// How much longer each delay is than the one before; above 1.
    pub backoff_multiplier: f64,
    /// After how long without a failure the delay starts anew; at least 1 ms.
    pub reset_backoff_threshold: Duration,
    /// Which share of the delay is added or taken away at random; from 0 to 1.
    pub jitter_factor: f64,
    /// How many restarts there may be until the delay starts anew; at least 1.
    pub attempts_before_reset_backoff: u32,
}

impl Default for ExponentialDelaySettings {
    /// Returns Flink's defaults: 1 s to 1 min, growing by a half, ± 10 %, anew after an hour, for
    /// ever.
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            backoff_multiplier: 1.5,
            reset_backoff_threshold: Duration::from_secs(3600),
            jitter_factor: 0.1,
            attempts_before_reset_backoff: i32::MAX as u32,
        }
    }
}

/// Restarts after growing delays; failures during a delay are merged with the one before it.
#[derive(Clone, Debug)]
pub struct ExponentialDelay {
    settings: ExponentialDelaySettings,
    random: fastrand::Rng,
    attempt: u32,
    next_restart: Option<Timestamp>,
}

impl ExponentialDelay {
    /// Starts without a failure; `random` decides the jitter.
    pub const fn new(settings: ExponentialDelaySettings, random: fastrand::Rng) -> Self {
        Self { settings, random, attempt: 0, next_restart: None }
    }

    fn next_backoff_millis(&mut self) -> i64 {
        let initial = millis(self.settings.initial_backoff);
        let growth = self.settings.backoff_multiplier.powf(f64::from(self.attempt));
        // The cast saturates.
        let backoff = (initial as f64 * growth) as i64;
        let reach = (backoff as f64 * self.settings.jitter_factor) as i64;
        let jitter = self.random.i64(reach.saturating_neg()..=reach);
        backoff.saturating_add(jitter).min(millis(self.settings.max_backoff)).max(initial)
    }
}

impl RestartStrategy for ExponentialDelay {
    fn notify_failure(&mut self, now: Timestamp) -> bool {
        if let Some(next_restart) = self.next_restart {
            if now <= next_restart {
                return false;
            }
            let quiet = now.saturating_sub(next_restart);
            if quiet >= millis(self.settings.reset_backoff_threshold) {
                self.attempt = 0;
            }
        }
        self.next_restart = Some(now.saturating_add(self.next_backoff_millis()));
        self.attempt = self.attempt.saturating_add(1);
        true
    }

    fn can_restart(&self, _now: Timestamp) -> bool {
        self.attempt <= self.settings.attempts_before_reset_backoff
    }

    fn backoff(&self, now: Timestamp) -> Duration {
        from_millis(self.next_restart.map_or(0, |next| next.saturating_sub(now)))
    }
}

impl fmt::Display for ExponentialDelay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        write!(
            formatter,
            "ExponentialDelayRestartBackoffTimeStrategy(initialBackoffMS={}, maxBackoffMS={}, \
             backoffMultiplier={:?}, resetBackoffThresholdMS={}, jitterFactor={:?}, \
             attemptsBeforeResetBackoff={}, currentRestartAttempt={}, nextRestartTimestamp={})",
            millis(settings.initial_backoff),
            millis(settings.max_backoff),
            settings.backoff_multiplier,
            millis(settings.reset_backoff_threshold),
            settings.jitter_factor,
            settings.attempts_before_reset_backoff,
            self.attempt,
            self.next_restart.unwrap_or(0)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ExponentialDelaySettings {
        ExponentialDelaySettings {
            initial_backoff: Duration::from_millis(10),
            max_backoff: Duration::from_millis(50),
            backoff_multiplier: 2.0,
            reset_backoff_threshold: Duration::from_secs(1),
            jitter_factor: 0.0,
            attempts_before_reset_backoff: 100,
        }
    }

    fn strategy(settings: ExponentialDelaySettings) -> ExponentialDelay {
        ExponentialDelay::new(settings, fastrand::Rng::with_seed(7))
    }

    fn backoff_of_failure(strategy: &mut ExponentialDelay, now: Timestamp) -> u128 {
        assert!(strategy.notify_failure(now));
        strategy.backoff(now).as_millis()
    }

    #[test]
    fn delays_grow_to_the_maximum() {
        let mut strategy = strategy(settings());
        let mut now = 0;
        for expected in [10, 20, 40, 50, 50] {
            assert_eq!(backoff_of_failure(&mut strategy, now), expected);
            now += 100;
        }
    }

    #[test]
    fn a_quiet_time_brings_back_the_first_delay() {
        let mut strategy = strategy(settings());
        assert_eq!(backoff_of_failure(&mut strategy, 0), 10);
        assert_eq!(backoff_of_failure(&mut strategy, 10 + 999), 20);
        assert_eq!(backoff_of_failure(&mut strategy, 1009 + 20 + 1000), 10);
    }

    #[test]
    fn failures_during_the_delay_are_merged() {
        let mut strategy = strategy(settings());
        assert!(strategy.notify_failure(0));
        assert!(!strategy.notify_failure(4));
        assert_eq!(strategy.backoff(4).as_millis(), 6);
        assert!(!strategy.notify_failure(10));
        assert_eq!(strategy.backoff(10).as_millis(), 0);
        assert_eq!(backoff_of_failure(&mut strategy, 11), 20);
    }

    #[test]
    fn attempts_are_counted_until_the_delay_starts_anew() {
        let mut strategy =
            strategy(ExponentialDelaySettings { attempts_before_reset_backoff: 2, ..settings() });
        let mut survived = Vec::new();
        for now in [0, 100, 200, 1300, 1400, 1500] {
            strategy.notify_failure(now);
            survived.push(strategy.can_restart(now));
        }
        assert_eq!(survived, [true, true, false, true, true, false]);
    }

    #[test]
    fn jitter_stays_within_its_share_and_the_limits() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let settings = ExponentialDelaySettings { jitter_factor: 0.25, ..settings() };
            let mut strategy = ExponentialDelay::new(settings, fastrand::Rng::with_seed(seed));
            let first = backoff_of_failure(&mut strategy, 0);
            assert!((10..=12).contains(&first), "never below the first delay, not {first}");
            seen.insert(backoff_of_failure(&mut strategy, 100));
            assert!((30..=50).contains(&backoff_of_failure(&mut strategy, 200)));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), (15..=25).collect::<Vec<_>>());
    }

    #[test]
    fn growth_beyond_all_numbers_stays_at_the_maximum() {
        let mut strategy = strategy(ExponentialDelaySettings { jitter_factor: 1.0, ..settings() });
        strategy.attempt = u32::MAX - 1;
        let backoff = backoff_of_failure(&mut strategy, 0);
        assert!((10..=50).contains(&backoff), "{backoff}");
    }
}
