//! So many rows a second.

use sciurus_core::time::Timestamp;

/// The shortest wait, milliseconds: many rows a second come in bursts of this distance, since a
/// wake-up for each would cost more than the row.
const LEAST_WAIT_MILLIS: u64 = 1;
/// What a reader that was held up may catch up on, milliseconds.
const MOST_CATCH_UP_MILLIS: Timestamp = 1000;

/// Hands out rows by the time that has passed.
#[derive(Debug)]
pub(super) struct RateLimiter {
    rows_per_milli: f64,
    /// When the count started.
    start: Option<Timestamp>,
    /// How many rows were taken since.
    taken: u64,
}

impl RateLimiter {
    pub(super) fn new(rows_per_second: f64) -> Self {
        Self { rows_per_milli: rows_per_second / 1000.0, start: None, taken: 0 }
    }

    /// Returns how many rows may be made now. The first is due at once.
    pub(super) fn available(&mut self, now: Timestamp) -> u64 {
        let start = *self.start.get_or_insert(now);
        let last_due = start + (self.taken as f64 / self.rows_per_milli) as Timestamp;
        if now - last_due > MOST_CATCH_UP_MILLIS || now < start {
            self.start = Some(now);
            self.taken = 0;
            return 1;
        }
        let due = ((now - start) as f64 * self.rows_per_milli) as u64 + 1;
        due.saturating_sub(self.taken)
    }

    /// Counts a row as made.
    pub(super) fn take(&mut self) {
        self.taken += 1;
    }

    /// Returns how long it is until the next row is due, milliseconds.
    pub(super) fn wait_millis(&self, now: Timestamp) -> u64 {
        let next = (self.taken as f64 / self.rows_per_milli).ceil() as Timestamp;
        let left = self.start.unwrap_or(now) + next - now;
        (left.max(0) as u64).max(LEAST_WAIT_MILLIS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(limiter: &mut RateLimiter, from: Timestamp, to: Timestamp) -> u64 {
        let mut now = from;
        let mut rows = 0;
        while now < to {
            for _ in 0..limiter.available(now) {
                limiter.take();
                rows += 1;
            }
            now += limiter.wait_millis(now) as Timestamp;
        }
        rows
    }

    #[test]
    fn rows_come_at_the_rate() {
        for rate in [0.5, 3.0, 1000.0, 123_456.0] {
            let rows = run(&mut RateLimiter::new(rate), 7, 10_007) as f64;
            assert!((rows - 10.0 * rate).abs() <= 1.0 + rate / 100.0, "{rows} rows at {rate}");
        }
    }

    #[test]
    fn a_slow_rate_waits_for_the_next_row_and_no_shorter() {
        let mut limiter = RateLimiter::new(2.0);
        assert_eq!(limiter.available(0), 1);
        limiter.take();
        assert_eq!(limiter.available(0), 0);
        assert_eq!(limiter.wait_millis(100), 400);
    }

    #[test]
    fn a_long_stop_is_not_made_up_for() {
        let mut limiter = RateLimiter::new(100.0);
        run(&mut limiter, 0, 1000);
        assert_eq!(limiter.available(60_000), 1);
    }
}
