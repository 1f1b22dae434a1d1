//! Which subtasks an exchange connects.

use std::ops::Range;

use super::Distribution;
use crate::ids::SubtaskIndex;

/// Says which producing subtask of an exchange is connected to which consuming one.
///
/// Both sides compute it on their own: a producer numbers its channels by [`Wiring::targets_of`], a
/// consumer by [`Wiring::producers_of`], and the two agree. Pointwise connections are those of
/// Flink's `EdgeManagerBuildUtil.connectPointwise`: neighbours share neighbours, and shares differ
/// by one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wiring {
    distribution: Distribution,
    producers: u32,
    consumers: u32,
}

impl Wiring {
    /// Connects `producers` with `consumers` subtasks.
    ///
    /// # Panics
    ///
    /// If either is 0, which no checked graph has.
    pub fn new(distribution: Distribution, producers: u32, consumers: u32) -> Self {
        assert!(producers > 0 && consumers > 0, "an exchange has subtasks on both sides");
        Self { distribution, producers, consumers }
    }

    /// Returns how many subtasks produce.
    pub const fn producers(&self) -> u32 {
        self.producers
    }

    /// Returns how many subtasks consume.
    pub const fn consumers(&self) -> u32 {
        self.consumers
    }

    /// Returns the subtasks that a producer sends to: its output channels in order.
    pub fn targets_of(&self, producer: SubtaskIndex) -> SubtaskRange {
        match self.distribution {
            Distribution::AllToAll => SubtaskRange::new(0, self.consumers.into()),
            Distribution::Pointwise => {
                share(producer, self.producers.into(), self.consumers.into())
            }
        }
    }

    /// Returns the subtasks that a consumer hears from: its input channels in order.
    pub fn producers_of(&self, consumer: SubtaskIndex) -> SubtaskRange {
        match self.distribution {
            Distribution::AllToAll => SubtaskRange::new(0, self.producers.into()),
            Distribution::Pointwise if self.producers > self.consumers => {
                let (index, producers, consumers) =
                    (u64::from(consumer.0), u64::from(self.producers), u64::from(self.consumers));
                SubtaskRange::new(
                    index * producers / consumers,
                    (index + 1) * producers / consumers,
                )
            }
            Distribution::Pointwise => {
                let producer = u64::from(consumer.0) * u64::from(self.producers);
                let producer = producer / u64::from(self.consumers);
                SubtaskRange::new(producer, producer + 1)
            }
        }
    }

    /// Returns how many channels the exchange has.
    pub fn channel_count(&self) -> u64 {
        match self.distribution {
            Distribution::AllToAll => u64::from(self.producers) * u64::from(self.consumers),
            Distribution::Pointwise => u64::from(self.producers.max(self.consumers)),
        }
    }
}

/// Returns the pointwise targets of a producer.
fn share(producer: SubtaskIndex, producers: u64, consumers: u64) -> SubtaskRange {
    let index = u64::from(producer.0);
    if producers > consumers {
        // The last consumer whose share starts at or before this producer.
        let target = ((index + 1) * consumers - 1) / producers;
        SubtaskRange::new(target, target + 1)
    } else {
        SubtaskRange::new(
            (index * consumers).div_ceil(producers),
            ((index + 1) * consumers).div_ceil(producers),
        )
    }
}

/// Neighbouring subtasks of one vertex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtaskRange(Range<u32>);

impl SubtaskRange {
    fn new(start: u64, end: u64) -> Self {
        Self(start as u32..end as u32)
    }

    /// Returns how many subtasks there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the first subtask.
    pub const fn first(&self) -> SubtaskIndex {
        SubtaskIndex(self.0.start)
    }

    /// Says whether a subtask is among them.
    pub fn contains(&self, subtask: SubtaskIndex) -> bool {
        self.0.contains(&subtask.0)
    }

    /// Returns the place of a subtask among them: the index of the channel that leads to it.
    pub fn channel_of(&self, subtask: SubtaskIndex) -> Option<usize> {
        self.contains(subtask).then(|| (subtask.0 - self.0.start) as usize)
    }

    /// Goes through the subtasks in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SubtaskIndex> + use<> {
        self.0.clone().map(SubtaskIndex)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn targets(producers: u32, consumers: u32) -> Vec<Vec<u32>> {
        let wiring = Wiring::new(Distribution::Pointwise, producers, consumers);
        (0..producers)
            .map(|producer| {
                wiring.targets_of(SubtaskIndex(producer)).iter().map(|index| index.0).collect()
            })
            .collect()
    }

    #[test]
    fn pointwise_wiring_is_flink_s() {
        assert_eq!(targets(3, 3), [[0], [1], [2]]);
        assert_eq!(targets(4, 2), [[0], [0], [1], [1]]);
        assert_eq!(targets(5, 2), [[0], [0], [1], [1], [1]]);
        assert_eq!(targets(2, 4), [[0, 1], [2, 3]]);
        assert_eq!(targets(2, 5), [vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(targets(1, 3), [[0, 1, 2]]);
    }

    proptest! {
        #[test]
        fn both_sides_agree(producers in 1u32..70, consumers in 1u32..70, all_to_all: bool) {
            let distribution =
                if all_to_all { Distribution::AllToAll } else { Distribution::Pointwise };
            let wiring = Wiring::new(distribution, producers, consumers);
            let mut channels = 0;
            for producer in (0..producers).map(SubtaskIndex) {
                let targets = wiring.targets_of(producer);
                prop_assert!(!targets.is_empty());
                for consumer in (0..consumers).map(SubtaskIndex) {
                    let hears = wiring.producers_of(consumer).contains(producer);
                    prop_assert_eq!(targets.contains(consumer), hears);
                    channels += u64::from(hears);
                }
            }
            prop_assert_eq!(channels, wiring.channel_count());
            for consumer in (0..consumers).map(SubtaskIndex) {
                prop_assert!(!wiring.producers_of(consumer).is_empty());
            }
        }

        #[test]
        fn pointwise_shares_differ_by_one_at_most(producers in 1u32..70, consumers in 1u32..70) {
            let wiring = Wiring::new(Distribution::Pointwise, producers, consumers);
            let mut sizes: Vec<usize> = if producers > consumers {
                (0..consumers).map(|index| wiring.producers_of(SubtaskIndex(index)).len()).collect()
            } else {
                (0..producers).map(|index| wiring.targets_of(SubtaskIndex(index)).len()).collect()
            };
            sizes.sort_unstable();
            prop_assert!(sizes[sizes.len() - 1] - sizes[0] <= 1);
        }
    }
}
