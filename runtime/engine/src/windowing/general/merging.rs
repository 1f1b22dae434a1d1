//! Windows that grow together.

use std::ops::Range;

use sciurus_core::Record;
use sciurus_core::time::Timestamp;

use super::key_windows::{KeyWindow, KeyWindows};
use crate::windowing::contents::WindowContents;
use crate::windowing::trigger::{Trigger, TriggerContext, WindowTimers};
use crate::windowing::window::Window;

/// Adds a window to those of a key and merges it with all that it overlaps or touches. Returns the
/// place of the window that came out.
///
/// `(watermark, processing_time)` is what the trigger is told.
pub(super) fn merge_into<T, W, G, C>(
    of_key: &mut KeyWindows<W, C::Accumulator, G::State>,
    window: W,
    trigger: &G,
    contents: &mut C,
    (watermark, processing_time): (Timestamp, Timestamp),
) -> usize
where
    T: Record,
    W: Window,
    G: Trigger<T, W>,
    C: WindowContents<T>,
{
    let (touched, covering) = touched_by(of_key, window);
    if touched.is_empty() {
        return of_key.place_of(window);
    }
    let place = touched.start;
    if touched.len() == 1 && of_key.windows[place].window == covering {
        return place;
    }
    // The first of them takes up the others.
    let mut states = Vec::new();
    let mut own = of_key.windows[place].contents.take();
    for other in of_key.windows.drain(place + 1..touched.end) {
        let KeyWindow { window, contents: theirs, mut state, .. } = other;
        match (&mut own, theirs) {
            (Some(own), Some(theirs)) => contents.merge(own, &theirs),
            (Some(_), None) => {}
            (own, theirs) => *own = theirs,
        }
        trigger.clear(&window, &mut state);
        states.push(state);
    }
    let KeyWindow { window, contents, state, timers } = &mut of_key.windows[place];
    *contents = own;
    trigger.clear(window, state);
    let own_state = std::mem::take(state);
    *window = covering;
    *timers = WindowTimers::default();
    let mut context = TriggerContext::new(watermark, processing_time, timers);
    if states.is_empty() {
        trigger.on_merge(window, state, std::slice::from_ref(&own_state), &mut context);
    } else {
        states.push(own_state);
        trigger.on_merge(window, state, &states, &mut context);
    }
    place
}

/// Returns the places of the windows that a window overlaps or touches, and what covers them all.
/// As windows of a key don't touch each other, these follow one another.
fn touched_by<W: Window, A, S>(of_key: &KeyWindows<W, A, S>, window: W) -> (Range<usize>, W) {
    let mut covering = window;
    let mut end = of_key.windows.len();
    // Most often it is the latest.
    while let Some(place) = end.checked_sub(1) {
        let other = of_key.windows[place].window;
        if let Some(cover) = covering.merge(&other) {
            covering = cover;
            break;
        }
        if other < window {
            return (end..end, window);
        }
        end = place;
    }
    let mut start = end.saturating_sub(1);
    while let Some(place) = start.checked_sub(1) {
        let Some(cover) = covering.merge(&of_key.windows[place].window) else { break };
        covering = cover;
        start = place;
    }
    (start..end, covering)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windowing::contents::Reduce;
    use crate::windowing::trigger::EventTimeTrigger;
    use crate::windowing::window::TimeWindow;

    type Sessions = KeyWindows<TimeWindow, String, ()>;

    /// Adds a session of 10 with a letter and returns all sessions.
    fn add(sessions: &mut Sessions, start: i64, letter: &str) -> Vec<(i64, i64, String)> {
        let mut concat = Reduce::new(|text: &mut String, more: &str| text.push_str(more));
        let window = TimeWindow::new(start, start + 10);
        let place = merge_into::<String, _, _, _>(
            sessions,
            window,
            &EventTimeTrigger,
            &mut concat,
            (Timestamp::MIN, 0),
        );
        let contents = &mut sessions.windows[place].contents;
        contents.get_or_insert_default().push_str(letter);
        sessions
            .windows
            .iter()
            .map(|e| (e.window.start, e.window.end, e.contents.clone().unwrap()))
            .collect()
    }

    #[test]
    fn sessions_grow_and_grow_together() {
        let session = |start, end, text: &str| (start, end, text.to_owned());
        let mut sessions = Sessions::default();
        add(&mut sessions, 0, "a");
        add(&mut sessions, 30, "b");
        let three = [session(0, 10, "a"), session(15, 25, "c"), session(30, 40, "b")];
        assert_eq!(add(&mut sessions, 15, "c"), three);
        // Touches the first and overlaps the second.
        let two = [session(0, 25, "acd"), session(30, 40, "b")];
        assert_eq!(add(&mut sessions, 10, "d"), two);
        assert_eq!(add(&mut sessions, 22, "e"), [session(0, 40, "acdbe")]);
        assert_eq!(sessions.windows[0].timers.event.first(), Some(39));
        // Lies within: nothing to merge.
        assert_eq!(add(&mut sessions, 5, "f"), [session(0, 40, "acdbef")]);
    }
}
