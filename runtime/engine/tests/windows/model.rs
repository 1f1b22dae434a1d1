//! Windows by their definition.

use std::collections::BTreeMap;

use sciurus_core::time::Timestamp;

/// Start and end of a window.
pub type Span = (Timestamp, Timestamp);

/// A window's key, span and the values of its records, sorted.
pub type Fired = (String, Span, Vec<i64>);

/// Event-time windows that fire when the watermark passes their end and for each late record.
pub struct Model {
    assign: Box<dyn Fn(Timestamp) -> Vec<Span>>,
    merging: bool,
    allowed_lateness: i64,
    watermark: Timestamp,
    windows: BTreeMap<(String, Span), Vec<i64>>,
    /// How many records no window took.
    pub late: u64,
}

impl Model {
    /// Windows of `size` every `slide`.
    pub fn sliding(size: i64, slide: i64, offset: i64, allowed_lateness: i64) -> Self {
        let assign = move |time: Timestamp| {
            let last = time - (time - offset).rem_euclid(slide);
            let count = (last + size - time + slide - 1).div_euclid(slide).max(0);
            (0..count).map(|n| last - n * slide).map(|start| (start, start + size)).collect()
        };
        Self::new(Box::new(assign), false, allowed_lateness)
    }

    /// Windows that end when no record has come for `gap`.
    pub fn sessions(gap: i64, allowed_lateness: i64) -> Self {
        Self::new(Box::new(move |time| vec![(time, time + gap)]), true, allowed_lateness)
    }

    fn new(
        assign: Box<dyn Fn(Timestamp) -> Vec<Span>>,
        merging: bool,
        allowed_lateness: i64,
    ) -> Self {
        let windows = BTreeMap::new();
        Self { assign, merging, allowed_lateness, watermark: Timestamp::MIN, windows, late: 0 }
    }

    fn is_over(&self, (_, end): Span) -> bool {
        end - 1 + self.allowed_lateness <= self.watermark
    }

    /// Adds a record and returns the late windows that fire for it.
    pub fn element(&mut self, key: &str, value: i64, time: Timestamp) -> Vec<Fired> {
        let mut fired = Vec::new();
        let mut taken = false;
        for mut window in (self.assign)(time) {
            let mut values = vec![value];
            if self.merging {
                let touched: Vec<_> = self
                    .windows
                    .keys()
                    .filter(|(k, w)| k == key && w.0 <= window.1 && window.0 <= w.1)
                    .cloned()
                    .collect();
                for other in touched {
                    values.extend(self.windows.remove(&other).unwrap_or_default());
                    window = (window.0.min(other.1.0), window.1.max(other.1.1));
                }
            }
            if self.is_over(window) {
                continue;
            }
            taken = true;
            let contents = self.windows.entry((key.to_owned(), window)).or_default();
            contents.extend(values);
            contents.sort_unstable();
            if window.1 - 1 <= self.watermark {
                fired.push((key.to_owned(), window, contents.clone()));
            }
        }
        if !taken && time + self.allowed_lateness <= self.watermark {
            self.late += 1;
        }
        fired
    }

    /// Moves the watermark and returns the windows that fire.
    pub fn watermark(&mut self, watermark: Timestamp) -> Vec<Fired> {
        let due = |(_, end): &Span| (self.watermark..watermark).contains(&(end - 2));
        let fired = self
            .windows
            .iter()
            .filter(|((_, window), _)| due(window))
            .map(|((key, window), values)| (key.clone(), *window, values.clone()))
            .collect();
        self.watermark = watermark;
        let over: Vec<_> = self.windows.keys().filter(|(_, w)| self.is_over(*w)).cloned().collect();
        for window in over {
            self.windows.remove(&window);
        }
        fired
    }
}
