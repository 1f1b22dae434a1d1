//! Splits of sources whose elements are numbered.

use serde::{Deserialize, Serialize};

use sciurus_engine::source::{SourceSplit, SplitQueueState};

/// The elements from one number to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeSplit {
    /// Which split it is.
    pub index: u32,
    /// The first element not yet read.
    pub start: u64,
    /// The element behind the last one.
    pub end: u64,
    /// From one element to the next.
    #[serde(default = "one")]
    pub step: u64,
}

fn one() -> u64 {
    1
}

impl SourceSplit for RangeSplit {
    fn id(&self) -> String {
        self.index.to_string()
    }
}

impl RangeSplit {
    /// Divides `count` elements into `parts` contiguous splits of the same size, give or take one;
    /// there are none without elements.
    pub fn divide(count: u64, parts: u32) -> Vec<Self> {
        let bound =
            |part: u32| (u128::from(count) * u128::from(part) / u128::from(parts.max(1))) as u64;
        (0..parts.max(1))
            .map(|index| Self { index, start: bound(index), end: bound(index + 1), step: 1 })
            .filter(|split| split.start < split.end)
            .collect()
    }

    /// Deals elements up to `end` out to `parts` splits in turn: where there is no end to speak of,
    /// so that all splits are about as far.
    pub fn deal(end: u64, parts: u32) -> Vec<Self> {
        let step = u64::from(parts.max(1));
        let deal = |index: u32| Self { index, start: u64::from(index), end, step };
        (0..parts.max(1)).map(deal).collect()
    }
}

/// What a checkpoint holds of the enumerator of ranges.
pub type RangeQueueState = SplitQueueState<RangeSplit>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_even_contiguous_and_complete() {
        for (count, parts) in [(0, 3), (1, 3), (10, 3), (3, 3), (u64::MAX, 7)] {
            let splits = RangeSplit::divide(count, parts);
            let mut next = 0;
            for split in &splits {
                assert_eq!(split.start, next);
                next = split.end;
            }
            assert_eq!(next, count);
            let sizes = splits.iter().map(|split| split.end - split.start);
            assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1);
        }
    }
}
