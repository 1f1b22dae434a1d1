//! What windows there are: spans of time, and the one window that never ends.

use std::fmt;

use sciurus_core::record::{DecodeError, Record, RowCodec};
use sciurus_core::time::Timestamp;

/// A finite group of a key's records.
pub trait Window: RowCodec + Copy + Ord + fmt::Debug + fmt::Display {
    /// Returns the greatest timestamp that still belongs to the window.
    fn max_timestamp(&self) -> Timestamp;

    /// Returns the window of a span of time; `None` where windows are no such thing.
    fn of_span(span: TimeWindow) -> Option<Self> {
        let _ = span;
        None
    }

    /// Returns the window that covers both, where they overlap or touch: what merging assigners
    /// make of two. Windows that can't be merged never do. Of windows in order, those that one
    /// touches must follow one another.
    #[must_use]
    fn merge(&self, other: &Self) -> Option<Self> {
        let _ = other;
        None
    }
}

/// The time from `start` up to, but not including, `end`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeWindow {
    /// The first timestamp of the window.
    pub start: Timestamp,
    /// The first timestamp behind it.
    pub end: Timestamp,
}

impl TimeWindow {
    /// Makes the window from `start` up to, but not including, `end`.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// Returns whether the windows overlap or touch.
    pub fn intersects(&self, other: &Self) -> bool {
        self.start <= other.end && self.end >= other.start
    }

    /// Returns the smallest window that covers both.
    #[must_use]
    pub fn cover(&self, other: &Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the start of the window that `timestamp` falls into, where windows of `size` follow
    /// one another and one starts at `offset`. All in milliseconds; negative timestamps are no
    /// exception.
    ///
    /// # Panics
    /// Where `size` is zero.
    #[inline]
    pub const fn start_with_offset(timestamp: Timestamp, offset: i64, size: i64) -> Timestamp {
        timestamp.saturating_sub(timestamp.wrapping_sub(offset).rem_euclid(size))
    }
}

impl Window for TimeWindow {
    #[inline]
    fn max_timestamp(&self) -> Timestamp {
        self.end.saturating_sub(1)
    }

    fn of_span(span: TimeWindow) -> Option<Self> {
        Some(span)
    }

    fn merge(&self, other: &Self) -> Option<Self> {
        self.intersects(other).then(|| self.cover(other))
    }
}

impl fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeWindow{{start={}, end={}}}", self.start, self.end)
    }
}

impl RowCodec for TimeWindow {
    fn encode_row(&self, out: &mut Vec<u8>) {
        i64::encode(self.start, out);
        i64::encode(self.end, out);
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { start: i64::decode(input)?, end: i64::decode(input)? })
    }
}

/// The window of all records of a key, which never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlobalWindow;

impl Window for GlobalWindow {
    fn max_timestamp(&self) -> Timestamp {
        Timestamp::MAX
    }
}

impl fmt::Display for GlobalWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GlobalWindow")
    }
}

impl RowCodec for GlobalWindow {
    fn encode_row(&self, out: &mut Vec<u8>) {
        out.push(0);
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        u8::decode(input).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_start_at_multiples_of_their_size_from_the_offset() {
        // From Flink's TimeWindowTest.
        let start = TimeWindow::start_with_offset;
        assert_eq!([1, 6, 7, 8].map(|t| start(t, 0, 7)), [0, 0, 7, 7]);
        assert_eq!([1, 2, 3, 9, 10].map(|t| start(t, 3, 7)), [-4, -4, 3, 3, 10]);
        assert_eq!([1, -2, -3, 2, 5].map(|t| start(t, -2, 7)), [-2, -2, -9, -2, 5]);
        assert_eq!(start(1_470_902_048_450, -28_800_000, 86_400_000), 1_470_844_800_000);
    }

    #[test]
    fn negative_timestamps_fall_into_the_window_before_them() {
        assert_eq!(TimeWindow::start_with_offset(-1, 0, 10), -10);
        assert_eq!(TimeWindow::start_with_offset(-10, 0, 10), -10);
        assert_eq!(TimeWindow::start_with_offset(-11, 0, 10), -20);
    }

    #[test]
    fn windows_that_touch_merge() {
        let window = TimeWindow::new(0, 10);
        assert_eq!(window.merge(&TimeWindow::new(10, 20)), Some(TimeWindow::new(0, 20)));
        assert_eq!(window.merge(&TimeWindow::new(-5, 3)), Some(TimeWindow::new(-5, 10)));
        assert_eq!(window.merge(&TimeWindow::new(2, 3)), Some(window));
        assert_eq!(window.merge(&TimeWindow::new(11, 20)), None);
    }

    #[test]
    fn windows_read_back_what_they_write() {
        let mut bytes = Vec::new();
        TimeWindow::new(-3, 7).encode_row(&mut bytes);
        GlobalWindow.encode_row(&mut bytes);
        let mut input = bytes.as_slice();
        assert_eq!(TimeWindow::decode_row(&mut input).unwrap(), TimeWindow::new(-3, 7));
        assert_eq!(GlobalWindow::decode_row(&mut input).unwrap(), GlobalWindow);
        assert!(input.is_empty());
    }
}
