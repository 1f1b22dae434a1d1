//! The time a function sees, and its timers.

use std::ops::Deref;

use sciurus_core::clock::Clock;
use sciurus_core::time::Timestamp;
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, StateError};

/// Tells event and processing time.
#[derive(Clone, Copy)]
pub struct TimeService<'a> {
    clock: &'a dyn Clock,
    watermark: Timestamp,
}

impl<'a> TimeService<'a> {
    /// Makes the service of an operator whose event time stands at `watermark`.
    pub fn new(clock: &'a dyn Clock, watermark: Timestamp) -> Self {
        Self { clock, watermark }
    }

    /// Returns processing time, milliseconds since the Unix epoch.
    pub fn current_processing_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns event time: the operator's last watermark, before the first one the least
    /// timestamp.
    #[inline]
    pub fn current_watermark(&self) -> Timestamp {
        self.watermark
    }
}

/// Keeps the timers of the current key; Flink's `TimerService`.
///
/// There is one timer at most for a key, a time and a domain: registering it again changes nothing.
/// A timer for a time that has passed is due at the next watermark or at once.
pub struct TimerService<'a> {
    time: TimeService<'a>,
    state: &'a mut KeyedBackend,
}

impl<'a> TimerService<'a> {
    /// Makes the service of a function whose timers are in `state`.
    pub(crate) fn new(time: TimeService<'a>, state: &'a mut KeyedBackend) -> Self {
        Self { time, state }
    }

    /// Asks to be called when the watermark has reached `time`.
    ///
    /// # Errors
    /// Where the backend fails.
    pub fn register_event_time_timer(&mut self, time: Timestamp) -> Result<(), StateError> {
        self.state.register_event_timer(time, Namespace::VOID)
    }

    /// Asks to be called when the clock has reached `time`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Where the backend fails.
    pub fn register_processing_time_timer(&mut self, time: Timestamp) -> Result<(), StateError> {
        self.state.register_processing_timer(time, Namespace::VOID)
    }

    /// Takes back the event-time timer for `time`, where there is one.
    ///
    /// # Errors
    /// Where the backend fails.
    pub fn delete_event_time_timer(&mut self, time: Timestamp) -> Result<(), StateError> {
        self.state.delete_event_timer(time, Namespace::VOID)
    }

    /// Takes back the processing-time timer for `time`, where there is one.
    ///
    /// # Errors
    /// Where the backend fails.
    pub fn delete_processing_time_timer(&mut self, time: Timestamp) -> Result<(), StateError> {
        self.state.delete_processing_timer(time, Namespace::VOID)
    }
}

impl<'a> Deref for TimerService<'a> {
    type Target = TimeService<'a>;

    fn deref(&self) -> &TimeService<'a> {
        &self.time
    }
}
