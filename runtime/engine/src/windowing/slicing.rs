//! How aligned windows are cut into slices that they share.

use sciurus_core::time::Timestamp;

use super::window::TimeWindow;

/// A span of time that lies wholly inside or outside of every window: records of one slice belong
/// to the same windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The first timestamp of the slice.
    pub start: Timestamp,
    /// The first timestamp behind it.
    pub end: Timestamp,
}

impl Slice {
    /// Returns whether `timestamp` belongs to the slice.
    #[inline]
    pub fn contains(&self, timestamp: Timestamp) -> bool {
        (self.start..self.end).contains(&timestamp)
    }
}

/// Windows of one size that start at regular intervals, for all keys alike.
///
/// Slices end where windows start or end: one a slide where the slide divides the size, else two.
/// Windows that don't overlap are slices themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slicing {
    size: i64,
    slide: i64,
    offset: i64,
    /// How long the windows that end in a slide still last in it.
    rest: i64,
}

impl Slicing {
    /// Cuts windows of `size` that follow one another, one of them from `offset` on; milliseconds.
    pub fn tumbling(size: i64, offset: i64) -> Self {
        Self::sliding(size, size, offset)
    }

    /// Cuts windows of `size` that start every `slide`, one of them at `offset`; milliseconds.
    ///
    /// # Panics
    /// Where size or slide isn't positive.
    pub fn sliding(size: i64, slide: i64, offset: i64) -> Self {
        assert!(size > 0 && slide > 0, "windows of {size} ms every {slide} ms");
        Self { size, slide, offset, rest: size % slide }
    }

    /// Returns whether no two windows share a slice.
    pub fn is_tumbling(&self) -> bool {
        self.size <= self.slide
    }

    /// Returns the windows' size in milliseconds.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// Returns the slice that `timestamp` belongs to.
    pub fn slice_of(&self, timestamp: Timestamp) -> Slice {
        let start = TimeWindow::start_with_offset(timestamp, self.offset, self.slide);
        let end = start.saturating_add(self.slide);
        if self.rest == 0 {
            return Slice { start, end };
        }
        let middle = start.saturating_add(self.rest);
        if timestamp < middle { Slice { start, end: middle } } else { Slice { start: middle, end } }
    }

    /// Returns the window that ends at `end`.
    pub fn window_ending(&self, end: Timestamp) -> TimeWindow {
        TimeWindow { start: end.saturating_sub(self.size), end }
    }

    /// Returns the earliest end of a window that isn't before `timestamp`; `None` where that is
    /// beyond the end of time.
    pub fn end_from(&self, timestamp: Timestamp) -> Option<Timestamp> {
        let past =
            timestamp.wrapping_sub(self.offset).wrapping_sub(self.size).rem_euclid(self.slide);
        if past == 0 { Some(timestamp) } else { timestamp.checked_add(self.slide - past) }
    }

    /// Returns where the first window that holds the slice ends; `None` where no window does.
    pub fn first_end(&self, slice: Slice) -> Option<Timestamp> {
        self.end_from(slice.end).filter(|end| end.saturating_sub(self.size) <= slice.start)
    }

    /// Returns where the last window that holds the slice ends; `None` where no window does.
    pub fn last_end(&self, slice: Slice) -> Option<Timestamp> {
        let start = TimeWindow::start_with_offset(slice.start, self.offset, self.slide);
        start.checked_add(self.size).filter(|end| *end >= slice.end)
    }

    /// Returns the ends of all windows that hold the slice, latest first.
    pub fn ends(&self, slice: Slice) -> impl Iterator<Item = Timestamp> + use<> {
        let last = self.last_end(slice);
        let slide = self.slide;
        std::iter::successors(last, move |end| end.checked_sub(slide))
            .take_while(move |end| *end >= slice.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows that hold `timestamp`, by their definition.
    fn windows(size: i64, slide: i64, offset: i64, timestamp: i64) -> Vec<TimeWindow> {
        (-100..100)
            .map(|n| TimeWindow::new(offset + n * slide, offset + n * slide + size))
            .filter(|window| (window.start..window.end).contains(&timestamp))
            .collect()
    }

    #[test]
    fn every_timestamp_of_a_slice_belongs_to_the_same_windows() {
        for (size, slide, offset) in
            [(10, 10, 0), (10, 10, 3), (10, 5, 0), (10, 3, 1), (7, 2, -1), (3, 10, 0), (1, 1, 0)]
        {
            let slicing = Slicing::sliding(size, slide, offset);
            for timestamp in -40..40 {
                let slice = slicing.slice_of(timestamp);
                assert!(slice.contains(timestamp));
                let expected = windows(size, slide, offset, timestamp);
                for other in slice.start..slice.end {
                    assert_eq!(slicing.slice_of(other), slice);
                    assert_eq!(windows(size, slide, offset, other), expected);
                }
                let mut ends: Vec<_> = slicing.ends(slice).collect();
                ends.reverse();
                assert_eq!(ends, expected.iter().map(|w| w.end).collect::<Vec<_>>());
                assert_eq!(slicing.first_end(slice), ends.first().copied());
                assert_eq!(slicing.last_end(slice), ends.last().copied());
            }
        }
    }

    #[test]
    fn a_slide_that_divides_the_size_makes_one_slice() {
        let slicing = Slicing::sliding(60_000, 1000, 0);
        assert_eq!(slicing.slice_of(1234), Slice { start: 1000, end: 2000 });
        assert_eq!(Slicing::tumbling(1000, 0).slice_of(-1), Slice { start: -1000, end: 0 });
    }

    #[test]
    fn the_next_end_is_that_of_a_window() {
        let slicing = Slicing::sliding(10, 4, 1);
        assert_eq!(
            [10, 11, 12, 15, 16].map(|t| slicing.end_from(t)),
            [11, 11, 15, 15, 19].map(Some)
        );
        assert_eq!(slicing.window_ending(11), TimeWindow::new(1, 11));
    }

    #[test]
    fn the_end_of_time_is_no_end_of_a_window() {
        let slicing = Slicing::tumbling(1000, 0);
        let slice = slicing.slice_of(i64::MAX);
        assert_eq!((slicing.last_end(slice), slicing.end_from(i64::MAX)), (None, None));
    }
}
