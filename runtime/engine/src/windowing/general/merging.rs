//! Windows that grow together.

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
    let mut covering = window;
    let touched: Vec<usize> = of_key
        .windows
        .iter()
        .enumerate()
        .filter_map(|(place, entry)| {
            covering = covering.merge(&entry.window)?;
            Some(place)
        })
        .collect();
    match touched[..] {
        [] => return of_key.place_of(window),
        [place] if of_key.windows[place].window == covering => return place,
        _ => {}
    }
    let mut merged = KeyWindow::new(covering);
    let mut states = Vec::with_capacity(touched.len());
    // From the last to the first, so that places stay what they were.
    for place in touched.into_iter().rev() {
        let KeyWindow { window, contents: mut own, mut state, .. } = of_key.windows.remove(place);
        match (&mut own, merged.contents.take()) {
            (Some(own), Some(later)) => contents.merge(own, &later),
            (own, later) => *own = own.take().or(later),
        }
        merged.contents = own;
        trigger.clear(&window, &mut state);
        states.push(state);
    }
    let mut timers = WindowTimers::default();
    let mut context = TriggerContext::new(watermark, processing_time, &mut timers);
    trigger.on_merge(&covering, &mut merged.state, &states, &mut context);
    merged.timers = timers;
    let place = of_key.windows.partition_point(|entry| entry.window < covering);
    of_key.windows.insert(place, merged);
    place
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
