//! When a task takes its snapshot for a checkpoint: once the barrier has come by every channel.
//!
//! Plain data and no I/O: the task tells what came by which channel and does what it is told.

use std::collections::{BTreeMap, BTreeSet};

use sciurus_core::checkpoint::{Alignment, CheckpointBarrier, CheckpointId};

/// How many ids of checkpoints are remembered that were given up before their barriers came. Older
/// ones are forgotten: the task then takes a snapshot that nobody waits for.
const MAX_ABORTED: usize = 1024;

/// Aligns the barriers of a task's channels.
///
/// Each checkpoint is aligned or given up at most once, in ascending order of ids.
#[derive(Debug, Clone, Default)]
pub struct Aligner {
    /// Whether a channel is closed: it needs no barrier.
    closed: Vec<bool>,
    /// Checkpoints of which some barriers have come.
    pending: BTreeMap<CheckpointId, Pending>,
    /// The newest checkpoint of which a barrier has come. Earlier ones that aren't pending never will
    /// be: a channel has left them out, or they are over.
    begun: CheckpointId,
    /// Checkpoints behind `begun` that were given up.
    aborted: BTreeSet<CheckpointId>,
}

#[derive(Debug, Clone)]
struct Pending {
    barrier: CheckpointBarrier,
    /// Whether the barrier has come by a channel.
    arrived: Vec<bool>,
}

/// What follows from what came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The checkpoint whose first barrier this was.
    pub begun: Option<CheckpointId>,
    /// Checkpoints that can't be aligned any more, since a newer one has begun or was aligned.
    pub overtaken: Vec<CheckpointId>,
    /// Checkpoints whose barriers have all come: their snapshots are to be taken now, in order.
    pub aligned: Vec<CheckpointBarrier>,
}

impl Aligner {
    /// Starts with so many channels, all open.
    pub fn new(channels: usize) -> Self {
        Self { closed: vec![false; channels], ..Self::default() }
    }

    /// Returns whether nothing may be read of a channel: it is ahead of others.
    pub fn is_blocked(&self, channel: usize) -> bool {
        self.blocking().is_some_and(|pending| pending.arrived[channel] && !self.closed[channel])
    }

    /// Returns whether any channel may be blocked.
    pub fn is_blocking(&self) -> bool {
        self.blocking().is_some()
    }

    /// Returns the checkpoints of which some barriers have come, in order.
    pub fn pending(&self) -> impl Iterator<Item = CheckpointId> {
        self.pending.keys().copied()
    }

    /// A barrier has come by `channel`.
    pub fn on_barrier(&mut self, channel: usize, barrier: &CheckpointBarrier) -> Outcome {
        if !self.is_of_interest(barrier.id) {
            return Outcome::default();
        }
        let mut outcome = self.begin(barrier);
        if let Some(pending) = self.pending.get_mut(&barrier.id) {
            pending.arrived[channel] = true;
        }
        self.settle(&mut outcome);
        outcome
    }

    /// The checkpoint begins at this task: its channels are all closed, or will be before another
    /// barrier comes by them.
    pub fn on_trigger(&mut self, barrier: &CheckpointBarrier) -> Outcome {
        if !self.is_of_interest(barrier.id) {
            return Outcome::default();
        }
        let mut outcome = self.begin(barrier);
        self.settle(&mut outcome);
        outcome
    }

    /// A channel is closed: no barrier comes by it any more.
    pub fn on_closed(&mut self, channel: usize) -> Outcome {
        self.closed[channel] = true;
        let mut outcome = Outcome::default();
        self.settle(&mut outcome);
        outcome
    }

    /// A checkpoint was given up; returns whether barriers of it had come.
    pub fn on_aborted(&mut self, checkpoint: CheckpointId) -> bool {
        if checkpoint > self.begun {
            self.aborted.insert(checkpoint);
            if self.aborted.len() > MAX_ABORTED {
                self.aborted.pop_first();
            }
        }
        self.pending.remove(&checkpoint).is_some()
    }

    fn is_of_interest(&self, checkpoint: CheckpointId) -> bool {
        self.pending.contains_key(&checkpoint)
            || (checkpoint > self.begun && !self.aborted.contains(&checkpoint))
    }

    /// Returns the checkpoint that holds channels back: the newest where it wants that, since it
    /// ends the alignment of all before it.
    fn blocking(&self) -> Option<&Pending> {
        let newest = self.pending.last_key_value().map(|(_, pending)| pending);
        newest.filter(|newest| newest.barrier.alignment == Alignment::ExactlyOnce)
    }

    /// Notes a checkpoint whose first barrier has come, which ends the alignment of earlier ones
    /// where either holds channels back.
    fn begin(&mut self, barrier: &CheckpointBarrier) -> Outcome {
        let mut outcome = Outcome::default();
        if self.pending.contains_key(&barrier.id) {
            return outcome;
        }
        let is_exact = barrier.alignment == Alignment::ExactlyOnce;
        let overtaken = self
            .pending
            .range(..barrier.id)
            .filter(|(_, earlier)| is_exact || earlier.barrier.alignment == Alignment::ExactlyOnce);
        outcome.overtaken = overtaken.map(|(id, _)| *id).collect();
        for id in &outcome.overtaken {
            self.pending.remove(id);
        }
        self.begun = barrier.id;
        self.aborted = self.aborted.split_off(&barrier.id);
        outcome.begun = Some(barrier.id);
        let arrived = vec![false; self.closed.len()];
        self.pending.insert(barrier.id, Pending { barrier: barrier.clone(), arrived });
        outcome
    }

    /// Takes out what is aligned, and with it what came before.
    fn settle(&mut self, outcome: &mut Outcome) {
        let aligned = |pending: &Pending| {
            pending.arrived.iter().zip(&self.closed).all(|(arrived, closed)| *arrived || *closed)
        };
        let aligned: Vec<CheckpointId> = self
            .pending
            .iter()
            .filter(|(_, pending)| aligned(pending))
            .map(|(id, _)| *id)
            .collect();
        for id in aligned {
            let later = self.pending.split_off(&id);
            outcome.overtaken.extend(std::mem::replace(&mut self.pending, later).into_keys());
            outcome.aligned.extend(self.pending.remove(&id).map(|pending| pending.barrier));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sciurus_core::checkpoint::SnapshotKind;

    use super::*;

    fn barrier(id: u64, alignment: Alignment) -> CheckpointBarrier {
        CheckpointBarrier {
            id: CheckpointId(id),
            timestamp: 0,
            kind: SnapshotKind::Checkpoint,
            alignment,
            exclusive: String::new(),
            shared: None,
        }
    }

    fn exact(id: u64) -> CheckpointBarrier {
        barrier(id, Alignment::ExactlyOnce)
    }

    fn ids(barriers: &[CheckpointBarrier]) -> Vec<u64> {
        barriers.iter().map(|barrier| barrier.id.0).collect()
    }

    #[test]
    fn a_channel_is_blocked_from_its_barrier_to_the_last() {
        let mut aligner = Aligner::new(3);
        assert_eq!(aligner.on_barrier(1, &exact(1)).begun, Some(CheckpointId(1)));
        assert_eq!([0, 1, 2].map(|channel| aligner.is_blocked(channel)), [false, true, false]);
        assert_eq!(aligner.on_barrier(0, &exact(1)), Outcome::default());
        assert_eq!(ids(&aligner.on_barrier(2, &exact(1)).aligned), [1]);
        assert!(!aligner.is_blocking());
    }

    #[test]
    fn closed_channels_need_no_barrier() {
        let mut aligner = Aligner::new(2);
        aligner.on_barrier(0, &exact(1));
        assert_eq!(ids(&aligner.on_closed(1).aligned), [1]);
        assert_eq!(ids(&aligner.on_barrier(0, &exact(2)).aligned), [2]);
        aligner.on_closed(0);
        assert_eq!(ids(&aligner.on_trigger(&exact(3)).aligned), [3]);
    }

    #[test]
    fn a_trigger_waits_for_channels_that_are_about_to_be_closed() {
        let mut aligner = Aligner::new(1);
        assert_eq!(aligner.on_trigger(&exact(4)).aligned, []);
        assert!(!aligner.is_blocked(0));
        assert_eq!(ids(&aligner.on_closed(0).aligned), [4]);
    }

    #[test]
    fn a_newer_checkpoint_ends_an_alignment_and_what_is_left_of_the_older_is_ignored() {
        let mut aligner = Aligner::new(2);
        aligner.on_barrier(0, &exact(1));
        let outcome = aligner.on_barrier(1, &exact(2));
        assert_eq!(outcome.overtaken, [CheckpointId(1)]);
        assert_eq!([0, 1].map(|channel| aligner.is_blocked(channel)), [false, true]);
        assert_eq!(aligner.on_barrier(1, &exact(1)), Outcome::default());
        assert_eq!(ids(&aligner.on_barrier(0, &exact(2)).aligned), [2]);
    }

    #[test]
    fn what_was_given_up_is_ignored_before_and_behind_its_barriers() {
        let mut aligner = Aligner::new(2);
        aligner.on_barrier(0, &exact(1));
        assert!(aligner.on_aborted(CheckpointId(1)));
        assert!(!aligner.is_blocking());
        assert_eq!(aligner.on_barrier(1, &exact(1)), Outcome::default());
        assert!(!aligner.on_aborted(CheckpointId(2)));
        assert_eq!(aligner.on_barrier(0, &exact(2)), Outcome::default());
        aligner.on_barrier(0, &exact(3));
        assert_eq!(ids(&aligner.on_barrier(1, &exact(3)).aligned), [3]);
    }

    #[test]
    fn at_least_once_nothing_is_blocked_and_several_go_on_at_a_time() {
        let mut aligner = Aligner::new(2);
        let loose = |id| barrier(id, Alignment::AtLeastOnce);
        aligner.on_barrier(0, &loose(1));
        aligner.on_barrier(0, &loose(2));
        assert!(!aligner.is_blocked(0));
        assert_eq!(ids(&aligner.on_barrier(1, &loose(1)).aligned), [1]);
        assert_eq!(ids(&aligner.on_barrier(1, &loose(2)).aligned), [2]);
    }

    /// What a producer does next.
    #[derive(Debug, Clone)]
    enum Step {
        /// The next element of a channel is read, where it isn't blocked.
        Read(usize),
        /// A checkpoint is given up.
        Abort(u64),
    }

    /// What lies in a channel.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Element {
        Row,
        Barrier(u64),
    }

    fn channel() -> impl Strategy<Value = Vec<Element>> {
        // Each producer leaves out some checkpoints, as one does that was told in time.
        prop::collection::vec((0..4_usize, prop::bool::weighted(0.9)), 8).prop_map(|checkpoints| {
            let mut elements = Vec::new();
            for (id, (rows, has_barrier)) in (1..).zip(checkpoints) {
                elements.extend(std::iter::repeat_n(Element::Row, rows));
                elements.extend(has_barrier.then_some(Element::Barrier(id)));
            }
            elements
        })
    }

    fn steps(channels: usize) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            12 => (0..channels).prop_map(Step::Read),
            1 => (1..9_u64).prop_map(Step::Abort),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        /// Whatever the order in which channels are read: a snapshot is taken at exactly the rows
        /// before its barrier on each channel (exactly once) or at no fewer (at least once); in
        /// ascending order; never of what was given up; and never is everything blocked for good.
        #[test]
        fn snapshots_are_taken_where_the_barriers_are(
            channels in prop::collection::vec(channel(), 1..4),
            order in steps(3),
            is_exact in any::<bool>(),
        ) {
            let alignment =
                if is_exact { Alignment::ExactlyOnce } else { Alignment::AtLeastOnce };
            let mut aligner = Aligner::new(channels.len());
            let mut read = vec![0; channels.len()];
            let (mut last, mut given_up) = (0, BTreeSet::new());
            // Whatever was chosen: in the end all is read, one channel after the other.
            let rest = (0..channels.len()).cycle().take(channels.len() * 200).map(Step::Read);
            for step in order.into_iter().chain(rest) {
                let outcome = match step {
                    Step::Abort(id) => {
                        aligner.on_aborted(CheckpointId(id));
                        given_up.insert(id);
                        continue;
                    }
                    Step::Read(channel) if channel >= channels.len() => continue,
                    Step::Read(channel) if aligner.is_blocked(channel) => continue,
                    Step::Read(channel) => match channels[channel].get(read[channel]) {
                        None if aligner.closed[channel] => continue,
                        None => aligner.on_closed(channel),
                        Some(element) => {
                            read[channel] += 1;
                            match element {
                                Element::Row => continue,
                                Element::Barrier(id) => {
                                    aligner.on_barrier(channel, &barrier(*id, alignment))
                                }
                            }
                        }
                    }
                };
                for aligned in outcome.aligned {
                    let id = aligned.id.0;
                    prop_assert!(id > last && !given_up.contains(&id));
                    last = id;
                    for (elements, read) in channels.iter().zip(&read) {
                        let at = elements.iter().position(|e| *e == Element::Barrier(id));
                        match at {
                            Some(at) if is_exact => prop_assert_eq!(*read, at + 1),
                            Some(at) => prop_assert!(*read > at),
                            None => prop_assert_eq!(*read, elements.len()),
                        }
                    }
                }
                for id in outcome.overtaken {
                    prop_assert!(!given_up.contains(&id.0));
                    given_up.insert(id.0);
                }
                let blocked = (0..channels.len()).filter(|channel| aligner.is_blocked(*channel));
                prop_assert!(blocked.count() < channels.len());
            }
            prop_assert!(aligner.closed.iter().all(|closed| *closed));
            prop_assert_eq!(aligner.pending().count(), 0);
        }
    }
}
