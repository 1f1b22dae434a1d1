//! A view of a heap backend that another thread writes while the backend goes on.

use std::fmt;
use std::io::Write;

use sciurus_core::key::{KeyGroup, KeyGroupRange, key_group};

use super::HeapBackend;
use super::keys::KeySnapshot;
use super::restore::UnclaimedState;
use super::store::StoreSnapshot;
use crate::namespace::Namespace;
use crate::snapshot::{
    SectionKind, SnapshotError, SnapshotHeader, SnapshotState, SnapshotStats, SnapshotWriter,
};
use crate::timer::{TimeDomain, Timer, TimerQueueSnapshot};

/// An immutable view of a heap backend.
///
/// Making it takes time in proportion to the number of chunks, not to the state. As long as it is
/// there, the backend copies each chunk that it writes to for the first time.
pub struct HeapSnapshot {
    max_parallelism: u32,
    range: KeyGroupRange,
    states: Vec<SnapshotState>,
    tables: Vec<TableSnapshot>,
    /// States of the snapshot restored from that nobody registered; they go on into the next.
    unclaimed: Vec<UnclaimedState>,
    event_timers: TimerQueueSnapshot,
    processing_timers: TimerQueueSnapshot,
}

struct TableSnapshot {
    namespace: Namespace,
    keys: KeySnapshot,
    columns: Vec<Option<Box<dyn StoreSnapshot>>>,
}

impl fmt::Debug for HeapSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapSnapshot")
            .field("range", &self.range)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}

impl HeapBackend {
    pub(super) fn take_snapshot(&mut self) -> HeapSnapshot {
        let states = self.states.iter().map(|state| SnapshotState {
            name: state.descriptor.name.to_string(),
            kind: state.descriptor.kind,
            stamped: state.ttl.as_ref().is_some_and(|ttl| !ttl.is_disabled()),
            type_name: state.descriptor.type_name.to_owned(),
        });
        let tables = self.tables.iter_mut().map(|table| TableSnapshot {
            namespace: table.namespace,
            keys: table.keys.snapshot(),
            columns: table
                .columns
                .iter_mut()
                .map(|column| column.as_mut().map(|column| column.snapshot()))
                .collect(),
        });
        HeapSnapshot {
            max_parallelism: self.max_parallelism,
            range: self.range,
            states: states.collect(),
            tables: tables.collect(),
            unclaimed: self.unclaimed.clone(),
            event_timers: self.event_timers.snapshot(),
            processing_timers: self.processing_timers.snapshot(),
        }
    }
}

/// Numbers or references sorted by key group.
struct ByGroup<T> {
    /// Where each group's begin, and the end of the last.
    starts: Vec<usize>,
    items: Vec<T>,
}

/// Sorts by key group.
struct Grouping<T> {
    range: KeyGroupRange,
    max_parallelism: u32,
    /// How many there are of each group, one place further on.
    counts: Vec<usize>,
    /// By the number of the group in the range.
    grouped: Vec<(u16, T)>,
    foreign: Option<KeyGroup>,
}

impl<T: Copy> Grouping<T> {
    fn new(range: KeyGroupRange, max_parallelism: u32) -> Self {
        let counts = vec![0; range.len() + 1];
        Self { range, max_parallelism, counts, grouped: Vec::new(), foreign: None }
    }

    #[inline]
    fn add(&mut self, hash: u64, item: T) {
        let group = key_group(hash, self.max_parallelism);
        if !self.range.contains(group) {
            self.foreign = Some(group);
            return;
        }
        let index = (u32::from(group) - self.range.start) as u16;
        self.counts[usize::from(index) + 1] += 1;
        self.grouped.push((index, item));
    }

    fn finish(self) -> Result<ByGroup<T>, SnapshotError> {
        if let Some(group) = self.foreign {
            return Err(SnapshotError::ForeignKey { group, range: self.range });
        }
        let mut starts = self.counts;
        for group in 1..starts.len() {
            starts[group] += starts[group - 1];
        }
        let mut places = starts.clone();
        let mut items: Vec<T> = self.grouped.iter().map(|(_, item)| *item).collect();
        for (group, item) in self.grouped {
            let place = &mut places[usize::from(group)];
            items[*place] = item;
            *place += 1;
        }
        Ok(ByGroup { starts, items })
    }
}

impl<T: Copy> ByGroup<T> {
    fn of(&self, range: KeyGroupRange, group: KeyGroup) -> &[T] {
        let index = (u32::from(group) - range.start) as usize;
        &self.items[self.starts[index]..self.starts[index + 1]]
    }
}

impl HeapSnapshot {
    fn by_group<'a>(
        &self,
        timers: &'a TimerQueueSnapshot,
    ) -> Result<ByGroup<&'a Timer>, SnapshotError> {
        let mut by_group = Grouping::new(self.range, self.max_parallelism);
        for timer in timers.iter() {
            by_group.add(timer.hash(), timer);
        }
        by_group.finish()
    }

    /// Writes the snapshot; see docs/formats.md for the form.
    ///
    /// # Errors
    /// [`SnapshotError::Io`], [`SnapshotError::TooLarge`], [`SnapshotError::ForeignKey`].
    pub fn write(&self, out: impl Write) -> Result<SnapshotStats, SnapshotError> {
        let mut states = self.states.clone();
        states.extend(self.unclaimed.iter().map(|state| state.header.clone()));
        let (max_parallelism, range) = (self.max_parallelism, self.range);
        let header = SnapshotHeader { max_parallelism, range, states };
        let mut writer = SnapshotWriter::new(out, &header)?;
        let mut slots = Vec::new();
        for table in &self.tables {
            let mut by_group = Grouping::new(range, max_parallelism);
            table.keys.for_each_hash(|slot, hash| by_group.add(hash, slot));
            slots.push(by_group.finish()?);
        }
        let event = self.by_group(&self.event_timers)?;
        let processing = self.by_group(&self.processing_timers)?;
        for group in range.groups().into_iter().flatten() {
            for state in 0..self.states.len() {
                for (table, slots) in self.tables.iter().zip(&slots) {
                    let slots = slots.of(range, group);
                    table.write(&mut writer, group, state, slots)?;
                }
            }
            for (number, state) in self.unclaimed.iter().enumerate() {
                state.write(&mut writer, group, (self.states.len() + number) as u32)?;
            }
            for timer in event.of(range, group) {
                writer.timer(group, TimeDomain::Event, timer)?;
            }
            for timer in processing.of(range, group) {
                writer.timer(group, TimeDomain::Processing, timer)?;
            }
            writer.end_group()?;
        }
        writer.finish()
    }
}

impl TableSnapshot {
    fn write<W: Write>(
        &self,
        writer: &mut SnapshotWriter<W>,
        group: KeyGroup,
        state: usize,
        slots: &[u32],
    ) -> Result<(), SnapshotError> {
        let Some(Some(column)) = self.columns.get(state) else { return Ok(()) };
        let kind = SectionKind::State { state: state as u32, namespace: self.namespace };
        let mut slots = slots;
        while !slots.is_empty() {
            writer.entries(group, kind, |out| {
                let encoded = column.encode_entries(&self.keys, slots, out)?;
                slots = slots.get(encoded.slots..).unwrap_or(&[]);
                Ok(encoded.entries)
            })?;
        }
        Ok(())
    }
}
