//! The aggregate of the current sliding window, kept up to date from slide to slide.
//!
//! When the window moves on, the slices that leave it are taken out and those that enter it are put
//! in. Per slide that touches the keys of these slices only, whatever the number of slices in a
//! window. Sums that are exact are taken out by subtraction. For everything else each key has two
//! stacks: `front` puts together what older slices have, and each of these remembers what those
//! behind it have without it, so that taking out the oldest slice is looking that up; `back` puts
//! together what newer slices have. When no slice is left in front, those at the back move there,
//! newest first: each slice once.
//!
//! All of this is derived from the slices' own accumulators, which are the operator's state.

use std::collections::BTreeMap;
use std::ops::Bound;

use sciurus_core::Record;
use sciurus_core::key::{KeyBytes, KeyBytesBuilder};
use sciurus_core::time::Timestamp;
use sciurus_state::{KeyIndex, KeyedStateBackend, Namespace, Slot};

use super::panes::Panes;
use crate::error::TaskResult;
use crate::windowing::contents::WindowContents;

/// Keys without a value in the window, below which leaving them out is not worth it.
const COMPACT_KEYS: usize = 4096;

/// A key's value in the current window.
#[derive(Debug, Clone)]
pub(super) struct Cell<A> {
    pub(super) value: A,
    /// In how many slices of the window the key has records; the value counts where there are some.
    pub(super) slices: u32,
}

/// A key's value in the older and the newer slices of the window.
#[derive(Debug, Clone)]
struct Stacks<A> {
    front: Option<A>,
    back: Option<A>,
}

/// A slice that is part of the current window.
struct Member<A> {
    /// The slots of its keys: in the slice, where they count up from 0, and in the window.
    keys: Vec<(Slot, Slot)>,
    /// For every key, what the slices behind this one have, as far as they are in front.
    behind: Vec<Option<A>>,
}

/// The aggregate of the current window.
pub(super) struct Running<T: Record, C: WindowContents<T>> {
    index: KeyIndex,
    cells: Vec<Cell<C::Accumulator>>,
    stacks: Vec<Stacks<C::Accumulator>>,
    members: BTreeMap<Timestamp, Member<C::Accumulator>>,
    /// The end of the newest slice in front.
    front_end: Timestamp,
    /// How many keys have a value.
    live: usize,
    /// Keys to which records were added in slices that are in front.
    repairs: KeyBytesBuilder,
    /// How often keys were left out: slots known before mean nothing after.
    generation: u64,
}

impl<T: Record, C: WindowContents<T>> Running<T, C> {
    pub(super) fn new() -> Self {
        Self {
            index: KeyIndex::new(),
            cells: Vec::new(),
            stacks: Vec::new(),
            members: BTreeMap::new(),
            front_end: Timestamp::MIN,
            live: 0,
            repairs: KeyBytesBuilder::default(),
            generation: 0,
        }
    }

    /// Returns all keys that have a value, and more.
    pub(super) fn keys(&self) -> &KeyIndex {
        &self.index
    }

    /// Returns the values by slot; those without slices don't count.
    pub(super) fn cells(&self) -> &[Cell<C::Accumulator>] {
        &self.cells
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns whether the slice that ends at `end` is part of the window.
    pub(super) fn contains(&self, end: Timestamp) -> bool {
        self.members.contains_key(&end)
    }

    /// Moves on to the window that ends at `end` and starts at `start`.
    pub(super) fn advance(
        &mut self,
        (start, end): (Timestamp, Timestamp),
        panes: &mut Panes,
        contents: &mut C,
    ) -> TaskResult {
        while let Some((oldest, _)) = self.members.first_key_value()
            && *oldest <= start
        {
            let oldest = *oldest;
            self.remove(oldest, panes, contents)?;
        }
        let entering: Vec<_> =
            panes.ends(start, end).filter(|end| !self.members.contains_key(end)).collect();
        for slice in entering {
            self.insert(slice, panes, contents)?;
        }
        self.repair(panes, contents)?;
        self.compact()
    }

    /// Puts a slice into the window.
    fn insert(&mut self, end: Timestamp, panes: &mut Panes, contents: &mut C) -> TaskResult {
        let mut keys = Vec::new();
        self.index.resolve_namespace(panes.backend()?, Namespace(end), &mut keys)?;
        let in_front = !C::INVERTIBLE && end <= self.front_end;
        let accumulators = panes.accumulators::<C::Accumulator>(end)?;
        for (there, here) in &keys {
            let Some(added) = accumulators.get(*there) else { continue };
            self.count_in(*here, added);
            if C::INVERTIBLE {
                let cell = &mut self.cells[here.index()];
                if cell.slices > 1 {
                    contents.merge(&mut cell.value, added);
                }
            } else if !in_front {
                self.push_back(*here, added, contents);
            }
        }
        let behind = if in_front { vec![None; keys.len()] } else { Vec::new() };
        if in_front {
            for (_, here) in &keys {
                let slot = here.index();
                self.index.for_each_key(slot..slot + 1, |key| self.repairs.push(key));
            }
        }
        self.members.insert(end, Member { keys, behind });
        Ok(())
    }

    /// Takes the oldest slice out of the window.
    pub(super) fn remove(
        &mut self,
        end: Timestamp,
        panes: &mut Panes,
        contents: &mut C,
    ) -> TaskResult {
        debug_assert_eq!(self.members.keys().next(), Some(&end), "the oldest slice leaves first");
        if !C::INVERTIBLE {
            self.repair(panes, contents)?;
            if end > self.front_end {
                self.turn_over(panes, contents)?;
            }
        }
        let Some(Member { keys, mut behind }) = self.members.remove(&end) else { return Ok(()) };
        if C::INVERTIBLE {
            let accumulators = panes.accumulators::<C::Accumulator>(end)?;
            for (there, here) in &keys {
                let cell = &mut self.cells[here.index()];
                cell.slices -= 1;
                if cell.slices == 0 {
                    self.live -= 1;
                } else if let Some(added) = accumulators.get(*there) {
                    contents.retract(&mut cell.value, added);
                }
            }
            return Ok(());
        }
        for ((_, here), behind) in keys.iter().zip(&mut behind) {
            let slot = here.index();
            self.stacks[slot].front = behind.take();
            let cell = &mut self.cells[slot];
            cell.slices -= 1;
            if cell.slices == 0 {
                self.live -= 1;
            } else {
                self.update(slot, contents);
            }
        }
        Ok(())
    }

    /// Adds records that came late to slices that are part of the window already: `rows` are the
    /// rows of a batch with these keys, whose slots in the slice are `slots`, and `created` makes
    /// the accumulator of one row.
    pub(super) fn add_late(
        &mut self,
        end: Timestamp,
        keys: (&KeyBytes, &[u64]),
        rows: impl Iterator<Item = (usize, Slot)>,
        contents: &mut C,
        mut created: impl FnMut(&mut C, usize) -> C::Accumulator,
    ) -> TaskResult {
        let Some(mut member) = self.members.remove(&end) else { return Ok(()) };
        let in_front = !C::INVERTIBLE && end <= self.front_end;
        let mut resolved = Vec::new();
        for (row, slot) in rows {
            let added = created(contents, row);
            if let Some((_, here)) = member.keys.get(slot.index()) {
                let cell = &mut self.cells[here.index()];
                if C::INVERTIBLE {
                    contents.merge(&mut cell.value, &added);
                }
            } else {
                self.index.resolve(keys.0, keys.1, Some(&[row as u32]), &mut resolved)?;
                let here = resolved[0];
                member.keys.push((slot, here));
                if in_front {
                    member.behind.push(None);
                }
                self.count_in(here, &added);
                let cell = &mut self.cells[here.index()];
                if C::INVERTIBLE && cell.slices > 1 {
                    contents.merge(&mut cell.value, &added);
                }
            }
            if in_front {
                self.repairs.push(keys.0.get(row));
            } else if !C::INVERTIBLE {
                let (_, here) = member.keys[slot.index()];
                self.push_back(here, &added, contents);
            }
        }
        self.members.insert(end, member);
        Ok(())
    }

    /// Notes that one more slice has records of a key; `value` is its value where it had none.
    fn count_in(&mut self, here: Slot, value: &C::Accumulator) {
        let slot = here.index();
        if slot == self.cells.len() {
            self.cells.push(Cell { value: value.clone(), slices: 0 });
        }
        let cell = &mut self.cells[slot];
        if cell.slices == 0 {
            cell.value = value.clone();
            self.live += 1;
        }
        cell.slices += 1;
    }

    /// Adds to what a key has in the newer slices.
    fn push_back(&mut self, here: Slot, added: &C::Accumulator, contents: &mut C) {
        let slot = here.index();
        self.grow_stacks();
        match &mut self.stacks[slot].back {
            Some(back) => contents.merge(back, added),
            vacant => *vacant = Some(added.clone()),
        }
        self.update(slot, contents);
    }

    fn grow_stacks(&mut self) {
        self.stacks.resize_with(self.cells.len(), || Stacks { front: None, back: None });
    }

    /// Puts a key's value together from its stacks.
    fn update(&mut self, slot: usize, contents: &mut C) {
        let value = &mut self.cells[slot].value;
        match &self.stacks[slot] {
            Stacks { front: Some(front), back } => {
                value.clone_from(front);
                if let Some(back) = back {
                    contents.merge(value, back);
                }
            }
            Stacks { front: None, back: Some(back) } => value.clone_from(back),
            Stacks { front: None, back: None } => {}
        }
    }

    /// Moves all slices to the front, where none is left.
    fn turn_over(&mut self, panes: &mut Panes, contents: &mut C) -> TaskResult {
        self.grow_stacks();
        for (end, member) in self.members.iter_mut().rev() {
            let accumulators = panes.accumulators::<C::Accumulator>(*end)?;
            member.behind.clear();
            member.behind.reserve(member.keys.len());
            for (there, here) in &member.keys {
                let stacks = &mut self.stacks[here.index()];
                stacks.back = None;
                let behind = stacks.front.take();
                if let Some(own) = accumulators.get(*there) {
                    let mut front = own.clone();
                    if let Some(behind) = &behind {
                        contents.merge(&mut front, behind);
                    }
                    stacks.front = Some(front);
                }
                member.behind.push(behind);
            }
        }
        if let Some((end, _)) = self.members.last_key_value() {
            self.front_end = *end;
        }
        Ok(())
    }

    /// Puts the front of those keys together again that got records late.
    fn repair(&mut self, panes: &mut Panes, contents: &mut C) -> TaskResult {
        if self.repairs.is_empty() {
            return Ok(());
        }
        let keys = self.repairs.finish();
        let hashes = keys.hashes();
        let mut fronts: Vec<Option<C::Accumulator>> = vec![None; keys.len()];
        let mut slots = Vec::new();
        let front = (Bound::Unbounded, Bound::Included(self.front_end));
        for (end, member) in self.members.range_mut(front).rev() {
            panes.backend()?.lookup(Namespace(*end), &keys, &hashes, None, &mut slots)?;
            let accumulators = panes.accumulators::<C::Accumulator>(*end)?;
            for (slot, front) in slots.iter().zip(&mut fronts) {
                let Some(slot) = *slot else { continue };
                let Some(own) = accumulators.get(slot) else { continue };
                let mut value = own.clone();
                if let Some(behind) = &*front {
                    contents.merge(&mut value, behind);
                }
                member.behind[slot.index()] = front.replace(value);
            }
        }
        let mut here = Vec::new();
        self.index.resolve(&keys, &hashes, None, &mut here)?;
        self.grow_stacks();
        for (slot, front) in here.iter().zip(fronts) {
            self.stacks[slot.index()].front = front;
            self.update(slot.index(), contents);
        }
        Ok(())
    }

    /// Leaves out the keys without a value, where they are most.
    fn compact(&mut self) -> TaskResult {
        if self.cells.len() < COMPACT_KEYS || 2 * self.live > self.cells.len() {
            return Ok(());
        }
        let Self { index, cells, stacks, .. } = self;
        let mut moved = Vec::new();
        index.retain(|slot| cells[slot].slices > 0, &mut moved)?;
        stacks.truncate(cells.len());
        let mut slot = 0;
        stacks.retain(|_| {
            slot += 1;
            cells[slot - 1].slices > 0
        });
        cells.retain(|cell| cell.slices > 0);
        for (_, here) in self.members.values_mut().flat_map(|member| &mut member.keys) {
            // A slice's keys have a value as long as the slice is part of the window.
            if let Some(slot) = moved[here.index()] {
                *here = slot;
            }
        }
        self.generation += 1;
        Ok(())
    }
}
