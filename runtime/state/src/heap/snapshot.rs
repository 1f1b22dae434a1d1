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

/// Slots that are looked at together.
const BLOCK_SLOTS: usize = 128;

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

impl<T: Copy> ByGroup<T> {
    fn new(
        range: KeyGroupRange,
        max_parallelism: u32,
        items: impl IntoIterator<Item = (u64, T)>,
    ) -> Result<Self, SnapshotError> {
        let mut grouped = Vec::new();
        for (hash, item) in items {
            let group = key_group(hash, max_parallelism);
            if !range.contains(group) {
                return Err(SnapshotError::ForeignKey { group, range });
            }
            grouped.push((group, item));
        }
        let mut starts = vec![0; range.len() + 1];
        for (group, _) in &grouped {
            starts[(u32::from(*group) - range.start) as usize + 1] += 1;
        }
        for group in 0..range.len() {
            starts[group + 1] += starts[group];
        }
        let mut places = starts.clone();
        let mut items: Vec<T> = grouped.iter().map(|(_, item)| *item).collect();
        for (group, item) in grouped {
            let place = &mut places[(u32::from(group) - range.start) as usize];
            items[*place] = item;
            *place += 1;
        }
        Ok(Self { starts, items })
    }

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
        let timers = timers.iter().map(|timer| (timer.hash(), timer));
        ByGroup::new(self.range, self.max_parallelism, timers)
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
            let keys = (0..table.keys.slots() as u32)
                .filter_map(|slot| table.keys.get(slot).map(|key| (key.hash(), slot)));
            slots.push(ByGroup::new(range, max_parallelism, keys)?);
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
        let (mut occupied, mut keys) = (Vec::new(), Vec::new());
        // The slots of a group lie far apart: the memory of many is waited for at once.
        for block in slots.chunks(BLOCK_SLOTS) {
            occupied.clear();
            column.occupied(block, &mut occupied);
            keys.clear();
            keys.extend(occupied.iter().map(|slot| self.keys.get(*slot)));
            for (slot, key) in occupied.iter().zip(&keys) {
                if let Some(key) = key {
                    writer.entry(group, kind, key.as_slice(), |out| {
                        column.encode(*slot as usize, out);
                    })?;
                }
            }
        }
        Ok(())
    }
}
