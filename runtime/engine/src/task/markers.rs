//! When a source sends latency markers off.

use std::time::Duration;

use sciurus_core::element::LatencyMarker;
use sciurus_core::ids::OperatorId;
use sciurus_core::time::Timestamp;

/// Makes the markers of one subtask of a source.
#[derive(Debug)]
pub(super) struct Markers {
    interval_ms: i64,
    source: OperatorId,
    subtask: u32,
    due_at: Timestamp,
}

impl Markers {
    /// Makes markers from `now` on; `None` where the interval is zero.
    pub(super) fn new(
        interval: Duration,
        source: OperatorId,
        subtask: u32,
        now: Timestamp,
    ) -> Option<Self> {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
        (interval_ms > 0).then_some(Self { interval_ms, source, subtask, due_at: now })
    }

    /// Makes a marker if one is due, of the time at which it was: one that could not go out before
    /// has waited, and records behind it have as well. Those that were due meanwhile are left out.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<LatencyMarker> {
        if now < self.due_at {
            return None;
        }
        let Self { source, subtask, due_at: emitted_at, .. } = *self;
        self.due_at = now.saturating_add(self.interval_ms);
        Some(LatencyMarker { emitted_at, source, subtask })
    }

    /// Returns how long it is until the next one is due.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        Duration::from_millis(self.due_at.saturating_sub(now).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_due_once_an_interval_and_tell_how_long_they_waited() {
        let source = OperatorId::from_bytes([1; 16]);
        assert!(Markers::new(Duration::ZERO, source, 0, 0).is_none());
        let mut markers = Markers::new(Duration::from_millis(100), source, 3, 1_000).unwrap();
        let mut due = |now| markers.due(now).map(|marker| (marker.emitted_at, marker.subtask));
        assert_eq!(due(999), None);
        assert_eq!(due(1_000), Some((1_000, 3)));
        assert_eq!(due(1_099), None);
        // There was no room for long.
        assert_eq!(due(1_450), Some((1_100, 3)));
        assert_eq!(due(1_451), None);
        assert_eq!(markers.left(1_500), Duration::from_millis(50));
    }
}
