//! Taking over what a snapshot holds.
//!
//! The types of values are known only when a state is registered; until then a snapshot's bytes
//! wait for it, verified.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use sciurus_core::key::{KeyGroup, key_group};
use sciurus_core::record::DecodeError;

use super::rows::{EntryRows, Rows};
use super::store::TypedStore;
use super::{HeapBackend, store_in};
use crate::descriptor::{StateDescriptor, StateId};
use crate::error::StateError;
use crate::namespace::Namespace;
use crate::snapshot::{
    Block, Section, SectionKind, SnapshotError, SnapshotReader, SnapshotState, SnapshotWriter,
};
use crate::timer::{TimeDomain, Timer};

/// Entries whose keys are looked for together.
const BLOCK_ENTRIES: usize = 1024;

/// The lengths of key and value.
const LEAST_ENTRY_BYTES: usize = 8;

/// A state of a snapshot that nobody registered yet.
#[derive(Debug, Clone)]
pub(super) struct UnclaimedState {
    pub(super) header: SnapshotState,
    sections: Vec<UnclaimedSection>,
}

#[derive(Debug, Clone)]
struct UnclaimedSection {
    group: KeyGroup,
    namespace: Namespace,
    stamped: bool,
    count: u32,
    offset: usize,
    length: usize,
    block: Arc<Block>,
}

impl UnclaimedSection {
    /// Returns how many entries there are: of what a snapshot says, no more than there can be.
    fn entries(&self) -> usize {
        (self.count as usize).min(self.length / LEAST_ENTRY_BYTES)
    }

    fn section(&self) -> Section<'_> {
        let end = self.offset + self.length;
        Section {
            kind: SectionKind::State { state: 0, namespace: self.namespace },
            count: self.count,
            offset: self.offset,
            bytes: self.block.body().get(self.offset..end).unwrap_or(&[]),
        }
    }
}

impl UnclaimedState {
    /// Writes the entries as they are.
    pub(super) fn write<W: Write>(
        &self,
        writer: &mut SnapshotWriter<W>,
        state: u32,
    ) -> Result<(), SnapshotError> {
        for section in &self.sections {
            let kind = SectionKind::State { state, namespace: section.namespace };
            for entry in section.section().entries() {
                let (key, value) = entry?;
                writer.entry(section.group, kind, key, |out| out.extend_from_slice(value))?;
            }
        }
        Ok(())
    }
}

impl HeapBackend {
    pub(super) fn restore_from<R: Read + Seek>(
        &mut self,
        snapshot: &mut SnapshotReader<R>,
    ) -> Result<(), SnapshotError> {
        if !self.states.is_empty() {
            return Err(SnapshotError::AlreadyInUse);
        }
        let header = snapshot.header();
        if header.max_parallelism != self.max_parallelism {
            return Err(SnapshotError::MaxParallelism {
                expected: self.max_parallelism,
                found: header.max_parallelism,
            });
        }
        let start = header.range.start.max(self.range.start);
        let end = header.range.end.min(self.range.end);
        if let Some(group) = (start..end).find(|group| self.restored[self.group_index(*group)]) {
            return Err(SnapshotError::Overlap { group });
        }
        let places = self.places(header.states.clone())?;
        let mut timers = (Vec::new(), Vec::new());
        let range = self.range;
        let wanted: Vec<_> =
            snapshot.blocks().iter().copied().filter(|block| range.contains(block.group)).collect();
        for entry in wanted {
            let block = Arc::new(snapshot.read_block(entry)?);
            for section in block.sections()? {
                match section.kind {
                    SectionKind::State { state, namespace } => {
                        let place = places.get(state as usize);
                        let Some((index, stamped)) = place.copied() else {
                            let part = format!("the block of key group {}", entry.group);
                            return Err(SnapshotError::corrupt(part, format!("state {state}")));
                        };
                        self.unclaimed[index].sections.push(UnclaimedSection {
                            group: entry.group,
                            namespace,
                            stamped,
                            count: section.count,
                            offset: section.offset,
                            length: section.bytes.len(),
                            block: block.clone(),
                        });
                    }
                    SectionKind::Timers(TimeDomain::Event) => {
                        self.read_timers(&section, entry.group, &mut timers.0)?;
                    }
                    SectionKind::Timers(TimeDomain::Processing) => {
                        self.read_timers(&section, entry.group, &mut timers.1)?;
                    }
                }
            }
        }
        self.event_timers.extend(timers.0);
        self.processing_timers.extend(timers.1);
        for group in start..end {
            let index = self.group_index(group);
            self.restored[index] = true;
        }
        Ok(())
    }

    fn group_index(&self, group: u32) -> usize {
        (group - self.range.start) as usize
    }

    /// Returns for each of a snapshot's states its index among the unclaimed ones, and whether its
    /// values are stamped.
    fn places(&mut self, states: Vec<SnapshotState>) -> Result<Vec<(usize, bool)>, SnapshotError> {
        let mut places = Vec::with_capacity(states.len());
        for header in states {
            let stamped = header.stamped;
            let known = self.unclaimed.iter().position(|other| other.header.name == header.name);
            if let Some(index) = known {
                let other = &self.unclaimed[index].header;
                if other.kind != header.kind {
                    return Err(SnapshotError::Kind {
                        state: header.name,
                        found: header.kind,
                        other: other.kind,
                    });
                }
                places.push((index, stamped));
            } else {
                places.push((self.unclaimed.len(), stamped));
                self.unclaimed.push(UnclaimedState { header, sections: Vec::new() });
            }
        }
        Ok(places)
    }

    fn read_timers(
        &self,
        section: &Section<'_>,
        group: KeyGroup,
        out: &mut Vec<Timer>,
    ) -> Result<(), SnapshotError> {
        for timer in section.timers() {
            let timer = timer?;
            if key_group(timer.hash(), self.max_parallelism) != group {
                let part = format!("the block of key group {group}");
                return Err(SnapshotError::corrupt(part, "a timer's key is of another group"));
            }
            out.push(timer);
        }
        Ok(())
    }

    /// Takes the kind of a restored state into account before it is registered.
    pub(super) fn check_unclaimed(&self, descriptor: &StateDescriptor) -> Result<(), StateError> {
        let restored = self.unclaimed.iter().find(|state| *state.header.name == *descriptor.name);
        match restored {
            Some(state) if state.header.kind != descriptor.kind => Err(StateError::TypeMismatch {
                state: descriptor.name.clone(),
                expected: descriptor.to_string(),
                found: format!("{} of {}", state.header.kind, state.header.type_name),
            }),
            _ => Ok(()),
        }
    }

    /// Reads the values of a state that was just registered from the snapshots restored.
    pub(super) fn claim<S: TypedStore>(&mut self, id: StateId) -> Result<(), StateError> {
        let descriptor = self.states[id.index()].descriptor.clone();
        let position =
            self.unclaimed.iter().position(|state| *state.header.name == *descriptor.name);
        let Some(position) = position else { return Ok(()) };
        let sections = self.unclaimed.remove(position).sections;
        let mut keys = BTreeMap::new();
        for section in &sections {
            *keys.entry(section.namespace).or_insert(0) += section.entries();
        }
        for (namespace, keys) in keys {
            let table = self.table_index(namespace);
            self.tables[table].reserve(keys);
        }
        for section in sections {
            self.claim_section::<S>(id, &descriptor, &section)?;
        }
        self.settle();
        Ok(())
    }

    fn claim_section<S: TypedStore>(
        &mut self,
        id: StateId,
        descriptor: &StateDescriptor,
        section: &UnclaimedSection,
    ) -> Result<(), StateError> {
        let corrupt =
            |reason: String| StateError::Corrupt { state: descriptor.name.clone(), reason };
        let table = self.table_index(section.namespace);
        let table = &mut self.tables[table];
        let mut entries = section.section().entries();
        let mut slots = Vec::new();
        loop {
            let block: Result<Vec<_>, _> = entries.by_ref().take(BLOCK_ENTRIES).collect();
            let block = block.map_err(|error| corrupt(error.to_string()))?;
            if block.is_empty() {
                return Ok(());
            }
            let rows = EntryRows::new(block.iter().map(|(key, _)| *key));
            let group = |row| key_group(rows.hash(row), self.max_parallelism);
            if let Some(row) = (0..rows.len()).find(|row| group(*row) != section.group) {
                let (found, expected) = (group(row), section.group);
                return Err(corrupt(format!("key group {expected} has a key of {found}")));
            }
            slots.clear();
            table.resolve(&rows, &mut slots)?;
            table.unsettled.clear();
            let room = table.keys.slots();
            let (store, unsettled) = store_in::<S>(&self.states, &self.clock, table, id)?;
            store.grow(room);
            for (slot, (_, value)) in slots.iter().zip(block) {
                decode(store, slot.index(), section.stamped, value).map_err(|source| {
                    StateError::Codec {
                        state: descriptor.name.clone(),
                        kind: descriptor.kind,
                        type_name: descriptor.type_name,
                        source,
                    }
                })?;
                if store.is_vacant(slot.index()) {
                    unsettled.push(slot.0);
                }
            }
        }
    }
}

/// Reads all of `value` into `slot`.
fn decode<S: TypedStore>(
    store: &mut S,
    slot: usize,
    stamped: bool,
    mut value: &[u8],
) -> Result<(), DecodeError> {
    store.decode(slot, stamped, &mut value)?;
    if value.is_empty() { Ok(()) } else { Err(DecodeError::Trailing { bytes: value.len() }) }
}
