//! Combines the watermarks of the channels of one input.

use sciurus_core::element::WatermarkStatus;
use sciurus_core::time::{MAX_WATERMARK, MIN_WATERMARK, Timestamp};

use super::WatermarkChange;

/// Combines the watermarks and statuses of the channels of one input, as Flink's
/// `StatusWatermarkValve` does.
///
/// The combined watermark is the least of the channels' that are aligned, and never falls. A
/// channel that is idle isn't aligned; one that becomes active again is aligned as soon as it has
/// caught up with the combined watermark, and until then it neither holds back the others nor sends
/// anything but late records. When the last active channel goes idle the combined watermark rises to
/// the greatest that any channel has reached, and the input is idle.
///
/// A channel that has ended (or, which is the same, has sent [`MAX_WATERMARK`]) takes no part any
/// more; the combined watermark is [`MAX_WATERMARK`] when all have ended. Here Flink differs: there
/// an ended channel counts as active, and when all others go idle for a while it lets event time
/// jump to its end, so that all they send later is late.
#[derive(Debug)]
pub struct WatermarkValve {
    channels: Vec<Channel>,
    combined: Timestamp,
    status: WatermarkStatus,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    /// The last watermark before the end.
    watermark: Timestamp,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Active, and counts.
    Aligned,
    /// Active, but behind the combined watermark since it was idle.
    Lagging,
    Idle,
    Ended,
}

impl State {
    fn is_active(self) -> bool {
        matches!(self, Self::Aligned | Self::Lagging)
    }
}

impl WatermarkValve {
    /// Makes a valve for channels that are active and have sent no watermark.
    pub fn new(channels: usize) -> Self {
        let channel = Channel { watermark: MIN_WATERMARK, state: State::Aligned };
        Self {
            channels: vec![channel; channels],
            combined: MIN_WATERMARK,
            status: WatermarkStatus::Active,
        }
    }

    /// Returns the combined watermark.
    pub fn current(&self) -> Timestamp {
        self.combined
    }

    /// Takes the watermark of a channel.
    pub fn on_watermark(&mut self, channel: usize, watermark: Timestamp) -> WatermarkChange {
        if watermark == MAX_WATERMARK {
            return self.on_end(channel);
        }
        let Channel { watermark: last, state } = &mut self.channels[channel];
        if !state.is_active() || watermark <= *last {
            return WatermarkChange::default();
        }
        *last = watermark;
        if watermark >= self.combined {
            *state = State::Aligned;
        }
        WatermarkChange { watermark: self.raise_to_least(), status: None }
    }

    /// Takes the status of a channel.
    pub fn on_status(&mut self, channel: usize, status: WatermarkStatus) -> WatermarkChange {
        let Channel { watermark, state } = &mut self.channels[channel];
        match (status, *state) {
            (WatermarkStatus::Idle, State::Aligned | State::Lagging) => {
                *state = State::Idle;
                self.after_leaving(channel)
            }
            (WatermarkStatus::Active, State::Idle) => {
                let is_aligned = *watermark >= self.combined;
                *state = if is_aligned { State::Aligned } else { State::Lagging };
                WatermarkChange { watermark: None, status: self.set_status(status) }
            }
            _ => WatermarkChange::default(),
        }
    }

    /// Notes that a channel has ended.
    pub fn on_end(&mut self, channel: usize) -> WatermarkChange {
        let state = &mut self.channels[channel].state;
        if std::mem::replace(state, State::Ended) == State::Ended {
            return WatermarkChange::default();
        }
        if self.channels.iter().all(|channel| channel.state == State::Ended) {
            return WatermarkChange { watermark: self.raise(Some(MAX_WATERMARK)), status: None };
        }
        self.after_leaving(channel)
    }

    /// Draws the consequences of a channel having gone idle or ended while others go on.
    fn after_leaving(&mut self, left: usize) -> WatermarkChange {
        if self.channels.iter().any(|channel| channel.state.is_active()) {
            return WatermarkChange { watermark: self.raise_to_least(), status: None };
        }
        if self.status == WatermarkStatus::Idle {
            return WatermarkChange::default();
        }
        // Nobody raises the watermark for now: what any channel has reached counts, unless the one
        // that was left alone had fallen behind and so decided nothing.
        let watermark = if self.channels[left].watermark >= self.combined {
            self.raise(self.channels.iter().map(|channel| channel.watermark).max())
        } else {
            None
        };
        WatermarkChange { watermark, status: self.set_status(WatermarkStatus::Idle) }
    }

    fn set_status(&mut self, status: WatermarkStatus) -> Option<WatermarkStatus> {
        let changed = std::mem::replace(&mut self.status, status) != status;
        changed.then_some(status)
    }

    fn raise_to_least(&mut self) -> Option<Timestamp> {
        let aligned = self.channels.iter().filter(|channel| channel.state == State::Aligned);
        self.raise(aligned.map(|channel| channel.watermark).min())
    }

    fn raise(&mut self, watermark: Option<Timestamp>) -> Option<Timestamp> {
        let watermark = watermark.filter(|watermark| *watermark > self.combined)?;
        self.combined = watermark;
        Some(watermark)
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

    fn became(status: WatermarkStatus) -> WatermarkChange {
        WatermarkChange { watermark: None, status: Some(status) }
    }

    #[test]
    fn the_least_channel_decides() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.on_watermark(0, 10), NOTHING);
        assert_eq!(valve.on_watermark(1, 5), raised(5));
        assert_eq!(valve.on_watermark(1, 20), raised(10));
        assert_eq!(valve.on_watermark(0, 7), NOTHING);
        assert_eq!(valve.on_watermark(0, 15), raised(15));
    }

    #[test]
    fn an_idle_channel_holds_nothing_back() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(0, 10);
        assert_eq!(valve.on_status(1, Idle), raised(10));
        assert_eq!(valve.on_watermark(0, 12), raised(12));
        assert_eq!(valve.on_watermark(1, 50), NOTHING);
    }

    #[test]
    fn the_input_is_idle_while_all_channels_are() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.on_status(0, Idle), NOTHING);
        assert_eq!(valve.on_status(0, Idle), NOTHING);
        assert_eq!(valve.on_status(1, Idle), became(Idle));
        assert_eq!(valve.on_status(0, Active), became(Active));
        assert_eq!(valve.on_status(1, Active), NOTHING);
    }

    #[test]
    fn the_last_to_go_idle_lets_the_greatest_watermark_through() {
        let mut valve = WatermarkValve::new(3);
        valve.on_watermark(0, 30);
        valve.on_watermark(1, 20);
        valve.on_watermark(2, 10);
        valve.on_status(0, Idle);
        assert_eq!(valve.on_status(2, Idle), raised(20));
        let change = WatermarkChange { watermark: Some(30), status: Some(Idle) };
        assert_eq!(valve.on_status(1, Idle), change);
    }

    #[test]
    fn one_that_lags_behind_since_it_was_idle_holds_back_nobody() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(1, 5);
        valve.on_status(1, Idle);
        assert_eq!(valve.on_watermark(0, 20), raised(20));
        assert_eq!(valve.on_status(1, Active), NOTHING);
        assert_eq!(valve.on_watermark(1, 15), NOTHING);
        assert_eq!(valve.on_watermark(0, 30), raised(30));
        // It has caught up: from now on it counts.
        assert_eq!(valve.on_watermark(1, 35), NOTHING);
        assert_eq!(valve.on_watermark(0, 40), raised(35));
    }

    #[test]
    fn a_straggler_left_alone_moves_nothing_when_it_goes_idle() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(1, 5);
        valve.on_status(1, Idle);
        valve.on_watermark(0, 20);
        valve.on_status(1, Active);
        assert_eq!(valve.on_status(0, Idle), NOTHING);
        assert_eq!(valve.on_status(1, Idle), became(Idle));
        assert_eq!(valve.current(), 20);
    }

    #[test]
    fn an_ended_channel_takes_no_part() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(0, 10);
        assert_eq!(valve.on_end(1), raised(10));
        assert_eq!(valve.on_watermark(0, 12), raised(12));
        assert_eq!(valve.on_end(0), raised(MAX_WATERMARK));
        assert_eq!(valve.on_end(0), NOTHING);
    }

    #[test]
    fn the_greatest_watermark_is_an_end() {
        let mut valve = WatermarkValve::new(2);
        assert_eq!(valve.on_watermark(0, MAX_WATERMARK), NOTHING);
        assert_eq!(valve.on_end(0), NOTHING);
        assert_eq!(valve.on_watermark(1, 7), raised(7));
        assert_eq!(valve.on_watermark(1, MAX_WATERMARK), raised(MAX_WATERMARK));
    }

    #[test]
    fn time_does_not_end_while_those_that_go_on_are_idle() {
        let mut valve = WatermarkValve::new(2);
        valve.on_watermark(0, 10);
        valve.on_watermark(1, 20);
        valve.on_end(1);
        assert_eq!(
            valve.on_status(0, Idle),
            WatermarkChange { watermark: Some(20), status: Some(Idle) }
        );
        assert_eq!(valve.on_status(0, Active), became(Active));
        assert_eq!(valve.on_watermark(0, 25), raised(25));
    }

    #[test]
    fn an_end_while_the_others_are_idle_makes_the_input_idle() {
        let mut valve = WatermarkValve::new(2);
        valve.on_status(0, Idle);
        assert_eq!(valve.on_end(1), became(Idle));
        assert_eq!(valve.on_end(0), raised(MAX_WATERMARK));
    }
}
