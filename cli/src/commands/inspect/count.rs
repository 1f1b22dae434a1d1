//! Counting what keyed state snapshots hold.

use std::collections::HashSet;

use sciurus_checkpoint::{StateData, Storage};
use sciurus_core::key::hash_key;
use sciurus_state::snapshot::{SectionKind, SnapshotReader, SnapshotState};
use sciurus_state::{SnapshotError, StateKind};

use super::report::{StateReason, StateReport};

/// What the snapshots of all subtasks of an operator hold.
#[derive(Debug, Default)]
pub struct KeyedCounts {
    pub keys: u64,
    pub timers: u64,
    pub states: Vec<StateReport>,
}

/// The keys of one key group, by their hashes: all, and those of each state of a snapshot.
#[derive(Default)]
struct Group {
    number: Option<u16>,
    all: HashSet<u64>,
    states: Vec<HashSet<u64>>,
}

impl KeyedCounts {
    /// Adds what the snapshot of a subtask holds. Subtasks have no key group in common, so that a
    /// key counts once.
    pub fn add(&mut self, storage: &Storage, data: &StateData) -> Result<(), StateReason> {
        let mut reader = SnapshotReader::open(storage.read_data(data)?)?;
        let places: Vec<_> = reader.header().states.iter().map(|state| self.place(state)).collect();
        let mut group = Group::default();
        let mut blocks = reader.blocks().to_vec();
        // Those of a key group one after the other.
        blocks.sort_by_key(|block| block.group);
        for entry in blocks {
            if group.number != Some(entry.group) {
                self.end(&mut group, &places);
                group.number = Some(entry.group);
                group.states.resize_with(places.len(), HashSet::new);
            }
            let block = reader.read_block(entry)?;
            for section in block.sections()? {
                match section.kind {
                    SectionKind::Timers(_) => self.timers += u64::from(section.count),
                    SectionKind::State { state, .. } => {
                        let place = places.get(state as usize).ok_or_else(|| {
                            let (part, reason) = ("a block".to_owned(), format!("state {state}"));
                            SnapshotError::Corrupt { part, reason }
                        })?;
                        let report = &mut self.states[*place];
                        add(&mut report.entries, u64::from(section.count));
                        add(&mut report.bytes, section.bytes.len() as u64);
                        for entry in section.entries() {
                            let hash = hash_key(entry?.0);
                            group.all.insert(hash);
                            group.states[state as usize].insert(hash);
                        }
                    }
                }
            }
        }
        self.end(&mut group, &places);
        Ok(())
    }

    fn end(&mut self, group: &mut Group, places: &[usize]) {
        self.keys += group.all.len() as u64;
        group.all.clear();
        for (keys, place) in group.states.iter_mut().zip(places) {
            add(&mut self.states[*place].keys, keys.len() as u64);
            keys.clear();
        }
    }

    /// Returns where a state is among those of all subtasks.
    fn place(&mut self, state: &SnapshotState) -> usize {
        let known = self.states.iter().position(|report| report.name == state.name);
        known.unwrap_or_else(|| {
            self.states.push(StateReport {
                name: state.name.clone(),
                kind: match state.kind {
                    StateKind::Value => "value",
                    StateKind::List => "list",
                    StateKind::Map => "map",
                },
                type_name: state.type_name.clone(),
                ttl: state.stamped,
                keys: Some(0),
                entries: Some(0),
                bytes: Some(0),
            });
            self.states.len() - 1
        })
    }
}

fn add(count: &mut Option<u64>, more: u64) {
    *count = Some(count.unwrap_or(0) + more);
}
