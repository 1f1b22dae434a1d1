//! Combines the watermarks of the inputs of one operator.

use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};

use super::WatermarkChange;

/// Combines the watermarks and statuses of the inputs of one operator, as Flink's
/// `CombinedWatermarkStatus` does: the least of the active inputs' decides.
///
/// Unlike the channels of one input ([`WatermarkValve`](super::valve::WatermarkValve)), an input
/// that becomes active again holds the watermark back at once, and while all are idle nothing
/// raises it. Inputs that have ended take no part; when all have, it is [`MAX_WATERMARK`].
#[derive(Debug)]
pub struct CombinedWatermark {
    inputs: Vec<Input>,
    combined: Timestamp,
    status: WatermarkStatus,
}

#[derive(Debug, Clone, Copy)]
struct Input {
    watermark: Timestamp,
    idle: bool,
}

impl Input {
    fn has_ended(self) -> bool {
        self.watermark == MAX_WATERMARK
    }
}

impl CombinedWatermark {
    /// Starts with inputs that are active and have no watermark.
    pub fn new(inputs: usize) -> Self {
        Self {
            inputs: vec![Input { watermark: MIN_WATERMARK, idle: false }; inputs],
            combined: MIN_WATERMARK,
            status: WatermarkStatus::Active,
        }
    }

    /// Takes the watermark of an input.
    pub fn on_watermark(&mut self, input: usize, watermark: Timestamp) -> WatermarkChange {
        let last = &mut self.inputs[input].watermark;
        *last = watermark.max(*last);
        self.update()
    }

    /// Takes the status of an input.
    pub fn on_status(&mut self, input: usize, status: WatermarkStatus) -> WatermarkChange {
        self.inputs[input].idle = status == WatermarkStatus::Idle;
        self.update()
    }

    /// Notes that an input has ended.
    pub fn on_end(&mut self, input: usize) -> WatermarkChange {
        self.on_watermark(input, MAX_WATERMARK)
    }

    fn update(&mut self) -> WatermarkChange {
        let going_on = self.inputs.iter().filter(|input| !input.has_ended());
        let active = going_on.clone().filter(|input| !input.idle);
        let least = match going_on.clone().count() {
            0 => Some(MAX_WATERMARK),
            _ => active.map(|input| input.watermark).min(),
        };
        // What has ended is not idle.
        let status = if least.is_some() { WatermarkStatus::Active } else { WatermarkStatus::Idle };
        let changed = std::mem::replace(&mut self.status, status) != status;
        let watermark = least.filter(|least| *least > self.combined);
        self.combined = watermark.unwrap_or(self.combined);
        WatermarkChange { watermark, status: changed.then_some(status) }
    }
}

#[cfg(test)]
mod tests {
    use WatermarkStatus::{Active, Idle};

    use super::*;

    const NOTHING: WatermarkChange = WatermarkChange { watermark: None, status: None };

    fn raised(watermark: Timestamp) -> WatermarkChange {
        WatermarkChange { watermark: Some(watermark), status: None }
    }

    #[test]
    fn the_least_active_input_decides() {
        let mut inputs = CombinedWatermark::new(2);
        assert_eq!(inputs.on_watermark(0, 10), NOTHING);
        assert_eq!(inputs.on_watermark(1, 5), raised(5));
        assert_eq!(inputs.on_status(1, Idle), raised(10));
        assert_eq!(inputs.on_watermark(0, 20), raised(20));
    }

    #[test]
    fn an_input_that_is_active_again_holds_back_at_once() {
        let mut inputs = CombinedWatermark::new(2);
        inputs.on_status(1, Idle);
        inputs.on_watermark(0, 10);
        assert_eq!(inputs.on_status(1, Active), NOTHING);
        assert_eq!(inputs.on_watermark(0, 20), NOTHING);
        assert_eq!(inputs.on_watermark(1, 15), raised(15));
    }

    #[test]
    fn idle_inputs_raise_nothing() {
        let mut inputs = CombinedWatermark::new(2);
        inputs.on_watermark(0, 10);
        inputs.on_watermark(1, 20);
        assert_eq!(inputs.on_status(0, Idle), raised(20));
        let idle = WatermarkChange { watermark: None, status: Some(Idle) };
        assert_eq!(inputs.on_status(1, Idle), idle);
    }

    #[test]
    fn time_does_not_end_before_all_inputs_have() {
        let mut inputs = CombinedWatermark::new(2);
        inputs.on_watermark(1, 10);
        assert_eq!(inputs.on_end(0), raised(10));
        let idle = WatermarkChange { watermark: None, status: Some(Idle) };
        assert_eq!(inputs.on_status(1, Idle), idle);
        let ended = WatermarkChange { watermark: Some(MAX_WATERMARK), status: Some(Active) };
        assert_eq!(inputs.on_end(1), ended);
        assert_eq!(inputs.on_end(1), NOTHING);
    }
}
