//! Trying again what failed for now.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::error::StorageError;

/// How often and how long a call that failed for now is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Time from the first failure to the second try; each further one waits twice as long.
    pub initial_backoff: Duration,
    /// The longest wait between two tries.
    pub max_backoff: Duration,
    /// Time from the first try after which no other one begins.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
            deadline: Duration::from_secs(60),
        }
    }
}

/// What waiting needs: tests have their own.
pub trait Waiter: Debug + Send + Sync {
    /// Returns the time since some fixed instant.
    fn now(&self) -> Duration;

    /// Waits.
    fn wait(&self, time: Duration);

    /// Returns a number from 0 to 1, so that those who failed together don't try again together.
    fn jitter(&self) -> f64;
}

/// Waits in earnest.
#[derive(Debug)]
pub(super) struct ThreadWaiter(Instant);

impl Default for ThreadWaiter {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Waiter for ThreadWaiter {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn jitter(&self) -> f64 {
        fastrand::f64()
    }
}

impl RetryPolicy {
    /// Calls until a call succeeds, fails for good, or the deadline has passed: half of each wait is
    /// fixed, the other half random.
    ///
    /// # Errors
    /// That of the last call.
    pub(super) fn run<T>(
        &self,
        waiter: &dyn Waiter,
        mut call: impl FnMut() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let start = waiter.now();
        let mut backoff = self.initial_backoff;
        loop {
            let error = match call() {
                Err(error) if error.is_transient() => error,
                other => return other,
            };
            let wait = backoff.mul_f64(0.5 + waiter.jitter() / 2.0);
            if waiter.now().saturating_sub(start) + wait > self.deadline {
                return Err(error);
            }
            tracing::warn!("{error}; the next try is in {} ms", wait.as_millis());
            waiter.wait(wait);
            backoff = (backoff * 2).min(self.max_backoff);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::error::StorageErrorKind;
    use super::*;

    /// Counts time instead of waiting; a call takes a second.
    #[derive(Debug, Default)]
    struct Counter(Mutex<(Duration, Vec<Duration>)>);

    impl Waiter for Counter {
        fn now(&self) -> Duration {
            self.0.lock().unwrap().0
        }

        fn wait(&self, time: Duration) {
            let mut state = self.0.lock().unwrap();
            state.0 += time;
            state.1.push(time);
        }

        fn jitter(&self) -> f64 {
            1.0
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        initial_backoff: Duration::from_secs(1),
        max_backoff: Duration::from_secs(4),
        deadline: Duration::from_secs(20),
    };

    fn error(kind: StorageErrorKind) -> StorageError {
        StorageError::new("read", "file:///x", kind, "no")
    }

    fn waits(counter: &Counter) -> Vec<u64> {
        counter.0.lock().unwrap().1.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn waits_grow_until_the_call_succeeds() {
        let counter = Counter::default();
        let mut left = 4;
        let result = POLICY.run(&counter, || {
            left -= 1;
            if left == 0 { Ok("done") } else { Err(error(StorageErrorKind::Unavailable)) }
        });
        assert_eq!((result.unwrap(), waits(&counter)), ("done", vec![1, 2, 4]));
    }

    #[test]
    fn no_try_begins_behind_the_deadline() {
        let counter = Counter::default();
        let result = POLICY.run(&counter, || Err::<(), _>(error(StorageErrorKind::Timeout)));
        assert_eq!(result.unwrap_err().kind(), StorageErrorKind::Timeout);
        assert_eq!(waits(&counter), [1, 2, 4, 4, 4, 4]);
    }

    #[test]
    fn what_lasts_is_not_tried_again() {
        let counter = Counter::default();
        for kind in [StorageErrorKind::NoSpace, StorageErrorKind::PermissionDenied] {
            let result = POLICY.run(&counter, || Err::<(), _>(error(kind)));
            assert_eq!(result.unwrap_err().kind(), kind);
        }
        assert!(waits(&counter).is_empty());
    }
}
