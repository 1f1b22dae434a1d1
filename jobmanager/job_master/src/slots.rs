//! Which slots a job needs, has asked for and holds.

use std::collections::{BTreeMap, BTreeSet};

use sciurus_core::ids::{AllocationId, TaskManagerId};
use serde::{Deserialize, Serialize};

/// A slot that subtasks of one slot sharing group share: the one with this index of each vertex.
///
/// So a group needs as many slots as its widest vertex has subtasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedSlot {
    /// The name of the slot sharing group.
    pub group: String,
    /// The index of the subtasks that run in it.
    pub index: u32,
}

/// Says where a TaskManager is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskManagerLocation {
    /// The TaskManager.
    pub id: TaskManagerId,
    /// Its host, and port where one is known.
    pub endpoint: String,
}

/// A slot that was given to the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotGrant {
    /// What it was asked for.
    pub slot: SharedSlot,
    /// Identifies the grant.
    pub allocation: AllocationId,
    /// Where it is.
    pub location: TaskManagerLocation,
}

/// The slots of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotBook {
    held: BTreeMap<SharedSlot, SlotGrant>,
    requested: BTreeSet<SharedSlot>,
}

impl SlotBook {
    pub(crate) fn get(&self, slot: &SharedSlot) -> Option<&SlotGrant> {
        self.held.get(slot)
    }

    pub(crate) fn requested(&self) -> impl Iterator<Item = &SharedSlot> {
        self.requested.iter()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.requested.is_empty()
    }

    /// Asks for those of `needed` that are neither held nor asked for, and returns them.
    pub(crate) fn request(&mut self, needed: &BTreeSet<SharedSlot>) -> Vec<SharedSlot> {
        needed
            .iter()
            .filter(|slot| !self.held.contains_key(slot) && self.requested.insert((*slot).clone()))
            .cloned()
            .collect()
    }

    /// Takes a slot; gives it back if nobody waits for it.
    pub(crate) fn grant(&mut self, grant: SlotGrant) -> Option<SlotGrant> {
        if self.requested.remove(&grant.slot) {
            self.held.insert(grant.slot.clone(), grant);
            None
        } else {
            Some(grant)
        }
    }

    /// No longer asks for anything but `needed`; returns what else was asked for.
    pub(crate) fn withdraw_except(&mut self, needed: &BTreeSet<SharedSlot>) -> Vec<SharedSlot> {
        let is_needed = |slot: &SharedSlot| needed.contains(slot);
        let (kept, withdrawn): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.requested).into_iter().partition(is_needed);
        self.requested = kept;
        withdrawn.into_iter().collect()
    }

    /// Gives up every slot.
    pub(crate) fn release(&mut self) -> Vec<AllocationId> {
        std::mem::take(&mut self.held).into_values().map(|grant| grant.allocation).collect()
    }

    /// Returns how many slots there are.
    pub(crate) fn held_count(&self) -> u32 {
        self.held.len() as u32
    }

    /// Gives up every slot but these.
    pub(crate) fn release_except(&mut self, needed: &BTreeSet<SharedSlot>) -> Vec<AllocationId> {
        let (kept, surplus): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.held).into_iter().partition(|(slot, _)| needed.contains(slot));
        self.held = kept;
        surplus.into_values().map(|grant| grant.allocation).collect()
    }

    /// Forgets the slots of a TaskManager that is gone.
    pub(crate) fn lose(&mut self, task_manager: &TaskManagerId) {
        self.held.retain(|_, grant| grant.location.id != *task_manager);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(index: u32) -> SharedSlot {
        SharedSlot { group: "default".into(), index }
    }

    fn needed<const N: usize>(indices: [u32; N]) -> BTreeSet<SharedSlot> {
        indices.into_iter().map(slot).collect()
    }

    fn grant(index: u32, task_manager: &str) -> SlotGrant {
        SlotGrant {
            slot: slot(index),
            allocation: AllocationId::random(),
            location: TaskManagerLocation {
                id: TaskManagerId::new(task_manager),
                endpoint: "localhost".into(),
            },
        }
    }

    #[test]
    fn only_what_is_missing_is_asked_for() {
        let mut book = SlotBook::default();
        assert_eq!(book.request(&needed([0, 1])), [slot(0), slot(1)]);
        assert_eq!(book.grant(grant(0, "a")), None);
        assert_eq!(book.request(&needed([0, 1, 2])), [slot(2)]);
        assert!(book.is_waiting());
        assert_eq!(book.withdraw_except(&BTreeSet::from([slot(2)])), [slot(1)]);
        assert!(book.is_waiting());
        assert_eq!(book.withdraw_except(&BTreeSet::new()), [slot(2)]);
        assert!(!book.is_waiting());
    }

    #[test]
    fn what_nobody_waits_for_is_given_back() {
        let mut book = SlotBook::default();
        let unwanted = grant(0, "a");
        assert_eq!(book.grant(unwanted.clone()), Some(unwanted));
        book.request(&needed([1]));
        book.grant(grant(1, "a"));
        assert!(book.grant(grant(1, "b")).is_some());
        assert_eq!(book.release().len(), 1);
    }

    #[test]
    fn slots_go_with_their_task_manager() {
        let mut book = SlotBook::default();
        book.request(&needed([0, 1]));
        book.grant(grant(0, "a"));
        book.grant(grant(1, "b"));
        book.lose(&TaskManagerId::new("a"));
        assert!(book.get(&slot(0)).is_none() && book.get(&slot(1)).is_some());
        assert_eq!(book.request(&needed([0, 1])), [slot(0)]);
    }
}
