//! The time a function sees.

use sciurus_core::clock::Clock;
use sciurus_core::time::Timestamp;

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
