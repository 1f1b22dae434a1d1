//! The windows of one key.

use sciurus_core::record::{DecodeError, Record, RowCodec};
use sciurus_core::time::Timestamp;
use sciurus_state::timer::TimeDomain;

use crate::windowing::trigger::WindowTimers;

/// A window of a key.
#[derive(Debug, Clone)]
pub(super) struct KeyWindow<W, A, S> {
    pub(super) window: W,
    /// `None` where the trigger had it forgotten.
    pub(super) contents: Option<A>,
    /// What the trigger remembers.
    pub(super) state: S,
    /// The trigger's timers.
    pub(super) timers: WindowTimers,
}

impl<W, A, S: Default> KeyWindow<W, A, S> {
    /// Makes a window without contents.
    pub(super) fn new(window: W) -> Self {
        Self { window, contents: None, state: S::default(), timers: WindowTimers::default() }
    }
}

/// All windows of a key.
#[derive(Debug, Clone)]
pub(super) struct KeyWindows<W, A, S> {
    /// In the order of their windows.
    pub(super) windows: Vec<KeyWindow<W, A, S>>,
    /// When the backend's event-time timer is due; later ones of the key don't count.
    pub(super) event_timer: Option<Timestamp>,
    /// When the backend's processing-time timer is due; later ones of the key don't count.
    pub(super) processing_timer: Option<Timestamp>,
}

impl<W, A, S> Default for KeyWindows<W, A, S> {
    fn default() -> Self {
        Self { windows: Vec::new(), event_timer: None, processing_timer: None }
    }
}

impl<W, A, S> KeyWindows<W, A, S> {
    /// Returns when the backend's timer of `domain` is due.
    pub(super) fn registered(&mut self, domain: TimeDomain) -> &mut Option<Timestamp> {
        match domain {
            TimeDomain::Event => &mut self.event_timer,
            TimeDomain::Processing => &mut self.processing_timer,
        }
    }

    /// Returns for when the backend's timer is to be registered, so that the timer of a window that
    /// is due at `due` is not missed, and notes that it is. `None` where an earlier one is.
    pub(super) fn timer_to_register(
        &mut self,
        domain: TimeDomain,
        due: Option<Timestamp>,
    ) -> Option<Timestamp> {
        // The clock is to go past the timer's time.
        let due = match domain {
            TimeDomain::Event => due?,
            TimeDomain::Processing => due?.checked_add(1)?,
        };
        let registered = self.registered(domain);
        if registered.is_some_and(|registered| registered <= due) {
            return None;
        }
        *registered = Some(due);
        Some(due)
    }
}

impl<W: Ord + Copy, A, S: Default> KeyWindows<W, A, S> {
    /// Returns the place of a window, a new one where there was none.
    pub(super) fn place_of(&mut self, window: W) -> usize {
        // Most often it is the latest.
        if let Some(last) = self.windows.last()
            && last.window == window
        {
            return self.windows.len() - 1;
        }
        match self.windows.binary_search_by_key(&window, |entry| entry.window) {
            Ok(place) => place,
            Err(place) => {
                self.windows.insert(place, KeyWindow::new(window));
                place
            }
        }
    }
}

impl<W: RowCodec, A: RowCodec, S: RowCodec> RowCodec for KeyWindow<W, A, S> {
    fn encode_row(&self, out: &mut Vec<u8>) {
        self.window.encode_row(out);
        bool::encode(self.contents.is_some(), out);
        if let Some(contents) = &self.contents {
            contents.encode_row(out);
        }
        self.state.encode_row(out);
        self.timers.encode_row(out);
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let window = W::decode_row(input)?;
        let contents = if bool::decode(input)? { Some(A::decode_row(input)?) } else { None };
        let (state, timers) = (S::decode_row(input)?, WindowTimers::decode_row(input)?);
        Ok(Self { window, contents, state, timers })
    }
}

impl<W: RowCodec, A: RowCodec, S: RowCodec> RowCodec for KeyWindows<W, A, S> {
    fn encode_row(&self, out: &mut Vec<u8>) {
        self.event_timer.encode_row(out);
        self.processing_timer.encode_row(out);
        u32::encode(self.windows.len() as u32, out);
        for window in &self.windows {
            window.encode_row(out);
        }
    }

    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let event_timer = Option::decode_row(input)?;
        let processing_timer = Option::decode_row(input)?;
        let count = u32::decode(input)?;
        let windows: Result<_, _> = (0..count).map(|_| KeyWindow::decode_row(input)).collect();
        Ok(Self { windows: windows?, event_timer, processing_timer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windowing::window::TimeWindow;

    #[test]
    fn windows_read_back_what_they_write() {
        let mut windows = KeyWindows::<TimeWindow, i64, Option<i64>>::default();
        for (start, contents) in [(10, Some(3)), (0, None), (20, Some(-1)), (10, Some(4))] {
            let place = windows.place_of(TimeWindow::new(start, start + 10));
            windows.windows[place].contents = contents;
            windows.windows[place].state = Some(start);
            windows.windows[place].timers.event.insert(start + 9);
        }
        windows.event_timer = Some(9);
        let mut bytes = Vec::new();
        windows.encode_row(&mut bytes);
        let read = KeyWindows::<TimeWindow, i64, Option<i64>>::decode_row(&mut &bytes[..]).unwrap();
        let content: Vec<_> = read
            .windows
            .iter()
            .map(|entry| {
                (entry.window.start, entry.contents, entry.state, entry.timers.event.first())
            })
            .collect();
        let expected = [
            (0, None, Some(0), Some(9)),
            (10, Some(4), Some(10), Some(19)),
            (20, Some(-1), Some(20), Some(29)),
        ];
        assert_eq!(content, expected);
        assert_eq!((read.event_timer, read.processing_timer), (Some(9), None));
    }
}
