//! The timers of one window.

use sciurus_core::record::{DecodeError, Record, RowCodec};
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

/// The timers of one window, by time domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowTimers {
    /// Event time.
    pub event: TimerSet,
    /// Processing time.
    pub processing: TimerSet,
}

impl WindowTimers {
    /// Returns the timers of a time domain.
    pub fn of(&mut self, domain: TimeDomain) -> &mut TimerSet {
        match domain {
            TimeDomain::Event => &mut self.event,
            TimeDomain::Processing => &mut self.processing,
        }
    }
}

impl RowCodec for WindowTimers {
    fn encode_row(&self, out: &mut Vec<u8>) {
        self.event.encode_row(out);
        self.processing.encode_row(out);
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { event: TimerSet::decode_row(input)?, processing: TimerSet::decode_row(input)? })
    }
}

/// A set of times, nearly always of one: only more take memory of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimerSet {
    first: Option<Timestamp>,
    /// Later than `first`, in ascending order.
    rest: Vec<Timestamp>,
}

impl TimerSet {
    /// Returns the earliest time.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Returns whether there is no time.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds a time.
    pub fn insert(&mut self, time: Timestamp) {
        match self.first {
            Some(first) if first == time => {}
            Some(first) if first < time => {
                if let Err(place) = self.rest.binary_search(&time) {
                    self.rest.insert(place, time);
                }
            }
            Some(first) => {
                self.rest.insert(0, first);
                self.first = Some(time);
            }
            None => self.first = Some(time),
        }
    }

    /// Removes a time and returns whether it was there.
    pub fn remove(&mut self, time: Timestamp) -> bool {
        if self.first == Some(time) {
            self.first = if self.rest.is_empty() { None } else { Some(self.rest.remove(0)) };
            return true;
        }
        self.rest.binary_search(&time).map(|place| self.rest.remove(place)).is_ok()
    }
}

impl RowCodec for TimerSet {
    fn encode_row(&self, out: &mut Vec<u8>) {
        u32::encode(self.first.iter().chain(&self.rest).count() as u32, out);
        for time in self.first.iter().chain(&self.rest) {
            i64::encode(*time, out);
        }
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut timers = Self::default();
        for _ in 0..u32::decode(input)? {
            timers.insert(i64::decode(input)?);
        }
        Ok(timers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_once_and_in_order() {
        let mut timers = TimerSet::default();
        for time in [5, 3, 9, 3, 7, 5, 1] {
            timers.insert(time);
        }
        assert!(timers.remove(5));
        assert!(!timers.remove(5));
        let mut bytes = Vec::new();
        timers.encode_row(&mut bytes);
        let mut timers = TimerSet::decode_row(&mut bytes.as_slice()).unwrap();
        let mut times = Vec::new();
        while let Some(first) = timers.first() {
            times.push(first);
            timers.remove(first);
        }
        assert_eq!(times, [1, 3, 7, 9]);
        assert!(timers.is_empty());
    }
}
