//! Operator state outside of a backend: as bytes, and shared out anew.

use xxhash_rust::xxh3::xxh3_64;

use super::Redistribution;
use crate::descriptor::StateId;
use crate::snapshot::{Cursor, SnapshotError};

/// The first bytes of an operator snapshot.
const MAGIC: [u8; 8] = *b"SCI-OPER";

/// The version of the form that is written.
const VERSION: u16 = 1;

const CHECKSUM_BYTES: usize = 8;

/// The operator state of one subtask at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorSnapshot {
    /// The states.
    pub states: Vec<OperatorStateItems>,
}

/// The items of one list in row form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorStateItems {
    /// The name of the state.
    pub name: String,
    /// Who gets which items.
    pub redistribution: Redistribution,
    /// The items.
    pub items: Vec<Vec<u8>>,
}

fn put_size(size: usize, what: &str, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
    let size = u32::try_from(size)
        .map_err(|_| SnapshotError::TooLarge { what: what.to_owned(), bytes: size })?;
    out.extend_from_slice(&size.to_le_bytes());
    Ok(())
}

impl OperatorSnapshot {
    /// Returns the snapshot's bytes; see docs/formats.md, "Operator state snapshot".
    ///
    /// # Errors
    /// [`SnapshotError::TooLarge`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, SnapshotError> {
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        put_size(self.states.len(), "the list of states", &mut out)?;
        for state in &self.states {
            out.push(match state.redistribution {
                Redistribution::Split => 1,
                Redistribution::Union => 2,
                Redistribution::Broadcast => 3,
            });
            put_size(state.name.len(), "a name", &mut out)?;
            out.extend_from_slice(state.name.as_bytes());
            put_size(state.items.len(), "a list", &mut out)?;
            for item in &state.items {
                put_size(item.len(), "an item", &mut out)?;
                out.extend_from_slice(item);
            }
        }
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        Ok(out)
    }

    /// Reads a snapshot's bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        const PART: &str = "the operator state";
        let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
            return Err(SnapshotError::NotASnapshot);
        };
        let mut cursor = Cursor::new(content, PART);
        if cursor.array::<8>().ok() != Some(MAGIC) {
            return Err(SnapshotError::NotASnapshot);
        }
        let version = u16::from_le_bytes(cursor.array()?);
        if version != VERSION {
            return Err(SnapshotError::Version { found: version, known: VERSION });
        }
        if xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return Err(SnapshotError::Checksum { part: PART.into() });
        }
        cursor.take(2)?;
        let count = cursor.u32()? as usize;
        if count > StateId::LIMIT {
            return Err(SnapshotError::corrupt(PART, format!("it lists {count} states")));
        }
        let mut states = Vec::with_capacity(count);
        for _ in 0..count {
            let redistribution = match cursor.u8()? {
                1 => Redistribution::Split,
                2 => Redistribution::Union,
                3 => Redistribution::Broadcast,
                other => {
                    return Err(SnapshotError::corrupt(PART, format!("redistribution {other}")));
                }
            };
            let name = cursor.text()?;
            let mut items = Vec::new();
            for _ in 0..cursor.u32()? {
                items.push(cursor.sized()?.to_vec());
            }
            states.push(OperatorStateItems { name, redistribution, items });
        }
        cursor.end()?;
        Ok(Self { states })
    }
}

/// What all subtasks had of a state.
struct Former<'a> {
    state: &'a OperatorStateItems,
    /// The subtasks that had it, with or without items.
    holders: Vec<usize>,
    /// The items, each with the subtask that had it.
    items: Vec<(usize, &'a Vec<u8>)>,
}

/// Shares the state of all former subtasks, in their order, out among `parallelism` new ones.
///
/// The items of a union list go to every subtask. Those of a split list stay where they are if
/// there are as many subtasks as before; otherwise they are dealt out in turn. Of what is broadcast,
/// every subtask gets the items of one: its own if there are as many as before, otherwise those of
/// one after the other.
pub fn redistribute(former: &[OperatorSnapshot], parallelism: usize) -> Vec<OperatorSnapshot> {
    // The states in the order in which they are met.
    let mut states: Vec<Former<'_>> = Vec::new();
    for (subtask, snapshot) in former.iter().enumerate() {
        for state in &snapshot.states {
            let items = state.items.iter().map(|item| (subtask, item));
            let known = states.iter_mut().find(|former| {
                let other = former.state;
                (&other.name, other.redistribution) == (&state.name, state.redistribution)
            });
            if let Some(former) = known {
                former.holders.push(subtask);
                former.items.extend(items);
            } else {
                let (holders, items) = (vec![subtask], items.collect());
                states.push(Former { state, holders, items });
            }
        }
    }
    let same = former.len() == parallelism;
    let share = |subtask: usize| OperatorSnapshot {
        states: states
            .iter()
            .map(|Former { state, holders, items }| {
                let has_own = same && holders.contains(&subtask);
                let holder = if has_own { subtask } else { holders[subtask % holders.len()] };
                let own = items.iter().enumerate().filter(|(turn, (was, _))| {
                    match state.redistribution {
                        Redistribution::Union => true,
                        Redistribution::Broadcast => *was == holder,
                        Redistribution::Split if same => *was == subtask,
                        Redistribution::Split => turn % parallelism == subtask,
                    }
                });
                OperatorStateItems {
                    name: state.name.clone(),
                    redistribution: state.redistribution,
                    items: own.map(|(_, (_, item))| (*item).clone()).collect(),
                }
            })
            .collect(),
    };
    (0..parallelism).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{BroadcastState, OperatorBackend, OperatorListState};
    use super::*;
    use crate::error::StateError;

    type Lists = (Vec<i64>, Vec<String>);

    /// Runs a job of so many subtasks on what was there before: each adds an item to a split and to
    /// a union list. Returns their snapshots and what the lists held at first.
    fn run(former: &[OperatorSnapshot], parallelism: usize) -> (Vec<OperatorSnapshot>, Vec<Lists>) {
        let mut found = Vec::new();
        let mut snapshots = Vec::new();
        for (subtask, share) in redistribute(former, parallelism).into_iter().enumerate() {
            let mut backend = OperatorBackend::restored(share);
            let mut split = OperatorListState::<i64>::split("split");
            let mut union = OperatorListState::<String>::union("union");
            backend.register(&mut split).unwrap();
            backend.register(&mut union).unwrap();
            let lists = (split.get(&backend).unwrap(), union.get(&backend).unwrap());
            found.push((lists.0.to_vec(), lists.1.to_vec()));
            split.add(&mut backend, subtask as i64).unwrap();
            union.update(&mut backend, vec![format!("of {subtask}")]).unwrap();
            let bytes = backend.snapshot().to_bytes().unwrap();
            snapshots.push(OperatorSnapshot::from_bytes(&bytes).unwrap());
        }
        (snapshots, found)
    }

    #[test]
    fn split_lists_are_dealt_out_and_union_lists_given_to_all() {
        let all = |subtasks: usize| (0..subtasks).map(|s| format!("of {s}")).collect::<Vec<_>>();
        let (snapshots, found) = run(&[], 3);
        assert_eq!(found, vec![(vec![], vec![]); 3]);
        let (snapshots, found) = run(&snapshots, 3);
        assert_eq!(found, [(vec![0], all(3)), (vec![1], all(3)), (vec![2], all(3))]);
        let (snapshots, found) = run(&snapshots, 2);
        assert_eq!(found, [(vec![0, 1, 2], all(3)), (vec![0, 1, 2], all(3))]);
        let (_, found) = run(&snapshots, 1);
        assert_eq!(found, [(vec![0, 1, 2, 0, 0, 1, 2, 1], all(2))]);
    }

    #[test]
    fn every_subtask_gets_the_broadcast_map_of_one() {
        let open = |share: OperatorSnapshot| {
            let mut backend = OperatorBackend::restored(share);
            let mut map = BroadcastState::<String, i64>::new("map");
            backend.register_broadcast(&mut map).unwrap();
            (backend, map)
        };
        // Maps that differ show which one a subtask got.
        let snapshots: Vec<_> = (0..2)
            .map(|subtask| {
                let (mut backend, map) = open(OperatorSnapshot::default());
                for key in ["a", "b"] {
                    map.put(&mut backend, key.to_owned(), subtask).unwrap();
                }
                map.remove(&mut backend, &"b".to_owned()).unwrap();
                let bytes = backend.snapshot().to_bytes().unwrap();
                OperatorSnapshot::from_bytes(&bytes).unwrap()
            })
            .collect();
        let found = |former: &[OperatorSnapshot], parallelism| -> Vec<Vec<(String, i64)>> {
            let shares = redistribute(former, parallelism).into_iter().map(open);
            let entries = shares.map(|(backend, map)| {
                let entries = map.entries(&backend).unwrap();
                entries.map(|(key, value)| (key.clone(), *value)).collect()
            });
            entries.collect()
        };
        let map = |of: i64| vec![("a".to_owned(), of)];
        assert_eq!(found(&snapshots, 2), [map(0), map(1)]);
        assert_eq!(found(&snapshots, 3), [map(0), map(1), map(0)]);
        assert_eq!(found(&snapshots, 1), [map(0)]);
        let without_state = [OperatorSnapshot::default(), snapshots[1].clone()];
        assert_eq!(found(&without_state, 2), [map(1), map(1)]);
    }

    #[test]
    fn states_that_nobody_registers_stay() {
        let (snapshots, _) = run(&[], 1);
        let backend = OperatorBackend::restored(snapshots[0].clone());
        assert_eq!(backend.snapshot(), snapshots[0]);
    }

    #[test]
    fn misuse_names_the_state() {
        let (snapshots, _) = run(&[], 1);
        let mut backend = OperatorBackend::restored(snapshots[0].clone());
        let split = OperatorListState::<i64>::split("split");
        assert!(matches!(split.get(&backend), Err(StateError::NotRegistered { .. })));
        let error = backend.register(&mut OperatorListState::<i64>::union("split")).unwrap_err();
        assert!(matches!(error, StateError::TypeMismatch { .. }), "{error}");
        let error = backend.register(&mut OperatorListState::<i32>::split("split")).unwrap_err();
        assert!(matches!(error, StateError::Codec { .. }), "{error}");
        backend.register(&mut split.clone()).unwrap();
        let error = backend.register(&mut split.clone()).unwrap_err();
        assert!(matches!(error, StateError::DuplicateName { .. }), "{error}");
    }

    #[test]
    fn every_changed_byte_and_every_lost_end_is_noticed() {
        let bytes = run(&[], 1).0[0].to_bytes().unwrap();
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1;
            OperatorSnapshot::from_bytes(&damaged).unwrap_err();
            // Behind a right checksum, too, it is an error or another value, and no panic.
            let end = damaged.len() - CHECKSUM_BYTES;
            let checksum = xxh3_64(&damaged[..end]).to_le_bytes();
            damaged[end..].copy_from_slice(&checksum);
            let _ = OperatorSnapshot::from_bytes(&damaged);
            OperatorSnapshot::from_bytes(&bytes[..position]).unwrap_err();
        }
    }
}
