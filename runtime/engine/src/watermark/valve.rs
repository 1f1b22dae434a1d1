//! Combines the watermarks of several inputs: the least of those that are active.

use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};

/// Combines the watermarks and statuses of several inputs (Flink's `StatusWatermarkValve`).
///
/// The combined watermark never falls. An input that is idle or has ended doesn't hold it back; an
/// input that becomes active again counts at once, and one that lags behind the combined watermark
/// can't take it back.
#[derive(Debug)]
pub struct WatermarkValve {
    inputs: Vec<Input>,
    combined: Timestamp,
    status: WatermarkStatus,
}

#[derive(Debug, Clone, Copy)]
struct Input {
    watermark: Timestamp,
    status: WatermarkStatus,
}

/// What a change of status brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange {
    /// The combined watermark, where it grew.
    pub watermark: Option<Timestamp>,
    /// The combined status, where it changed.
    pub status: Option<WatermarkStatus>,
}

impl WatermarkValve {
    /// Makes a valve for `inputs` active inputs without a watermark.
    pub fn new(inputs: usize) -> Self {
        let input = Input { watermark: MIN_WATERMARK, status: WatermarkStatus::Active };
        Self {
            inputs: vec![input; inputs],
            combined: MIN_WATERMARK,
            status: WatermarkStatus::Active,
        }
    }

    /// Returns the combined watermark.
    pub fn current(&self) -> Timestamp {
        self.combined
    }

    /// Returns whether any input is active.
    pub fn status(&self) -> WatermarkStatus {
        self.status
    }

    /// Takes the watermark of an input and returns the combined one where it grew.
    pub fn on_watermark(&mut self, input: usize, watermark: Timestamp) -> Option<Timestamp> {
        let input = &mut self.inputs[input];
        input.watermark = input.watermark.max(watermark);
        self.combine()
    }

    /// Takes the status of an input.
    pub fn on_status(&mut self, input: usize, status: WatermarkStatus) -> StatusChange {
        self.inputs[input].status = status;
        let combined = if self.inputs.iter().any(|input| input.status == WatermarkStatus::Active) {
            WatermarkStatus::Active
        } else {
            WatermarkStatus::Idle
        };
        let changed = combined != self.status;
        self.status = combined;
        // When the last active input goes idle, what the others have reached counts in full.
        let watermark = if combined == WatermarkStatus::Idle {
            self.raise(self.inputs.iter().map(|input| input.watermark).max())
        } else {
            self.combine()
        };
        StatusChange { watermark, status: changed.then_some(combined) }
    }

    /// Notes that an input has ended and returns the combined watermark where it grew.
    pub fn on_end(&mut self, input: usize) -> Option<Timestamp> {
        self.inputs[input] = Input { watermark: MAX_WATERMARK, status: WatermarkStatus::Active };
        self.combine()
    }

    fn combine(&mut self) -> Option<Timestamp> {
        let least = self
            .inputs
            .iter()
            .filter(|input| input.status == WatermarkStatus::Active)
            .map(|input| input.watermark)
            .min();
        self.raise(least)
    }

    fn raise(&mut self, watermark: Option<Timestamp>) -> Option<Timestamp> {
        let watermark = watermark.filter(|watermark| *watermark > self.combined)?;
        self.combined = watermark;
        Some(watermark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_active_input_decides() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.on_watermark(0, 10), None);
        assert_eq!(valve.on_watermark(1, 5), Some(5));
        assert_eq!(valve.on_watermark(1, 20), Some(10));
        assert_eq!(valve.on_watermark(0, 7), None);
    }

    #[test]
    fn an_idle_input_holds_nothing_back_and_never_takes_the_watermark_back() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(0, 10);
        let change = valve.on_status(1, WatermarkStatus::Idle);
        assert_eq!(change, StatusChange { watermark: Some(10), status: None });
        let change = valve.on_status(0, WatermarkStatus::Idle);
        assert_eq!(change.status, Some(WatermarkStatus::Idle));
        let change = valve.on_status(1, WatermarkStatus::Active);
        assert_eq!(change, StatusChange { watermark: None, status: Some(WatermarkStatus::Active) });
        assert_eq!(valve.on_watermark(1, 3), None);
        assert_eq!(valve.current(), 10);
    }

    #[test]
    fn an_ended_input_counts_as_at_the_greatest_watermark() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(0, 10);
        assert_eq!(valve.on_end(1), Some(10));
        assert_eq!(valve.on_end(0), Some(MAX_WATERMARK));
    }
}
