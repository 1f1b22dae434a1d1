//! The accumulators of every slice, each in a namespace of the keyed state.

use std::collections::BTreeMap;
use std::ops::Bound;

use sciurus_core::key::Keys;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, Slot, StateId, ValueColumn};

use crate::error::{TaskError, TaskResult};
use crate::windowing::slicing::{Slice, Slicing};

/// The slices that have records, with the accumulators of their keys: one namespace a slice, named
/// by the slice's end.
pub(super) struct Panes {
    pub(super) backend: KeyedBackend,
    state: Option<StateId>,
    slices: BTreeMap<Timestamp, Slice>,
}

impl Panes {
    pub(super) fn new(backend: KeyedBackend) -> Self {
        Self { backend, state: None, slices: BTreeMap::new() }
    }

    /// Registers the state that the accumulators are.
    pub(super) fn open<A: RowCodec>(&mut self) -> TaskResult {
        self.state = Some(self.backend.register_value::<A>(&"window-contents".into(), None)?);
        Ok(())
    }

    /// Writes the slots of rows' keys in a slice to `slots`.
    pub(super) fn resolve(
        &mut self,
        slice: Slice,
        keys: &Keys,
        rows: Option<&[u32]>,
        slots: &mut Vec<Slot>,
    ) -> TaskResult {
        self.slices.insert(slice.end, slice);
        self.backend.resolve(Namespace(slice.end), &keys.bytes, &keys.hashes, rows, slots)?;
        Ok(())
    }

    /// Returns the accumulators of the slice that ends at `end`.
    pub(super) fn accumulators<A: RowCodec>(
        &mut self,
        end: Timestamp,
    ) -> TaskResult<ValueColumn<'_, A>> {
        let state = self.state.ok_or(TaskError::Defect("an operator that was not opened"))?;
        Ok(self.backend.value_column(state, Namespace(end))?)
    }

    /// Returns how many keys have records in the slice that ends at `end`.
    pub(super) fn key_count(&self, end: Timestamp) -> usize {
        self.backend.key_count(Namespace(end))
    }

    /// Returns the first slice, if there is one.
    pub(super) fn first(&self) -> Option<Slice> {
        self.slices.first_key_value().map(|(_, slice)| *slice)
    }

    /// Returns the ends of the slices that end after `after` and not after `until`.
    pub(super) fn ends(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + '_ {
        let later = self.slices.range((Bound::Excluded(after), Bound::Unbounded));
        later.map(|(end, _)| *end).take_while(move |end| *end <= until)
    }

    /// Returns the end of the first window that isn't before `least` and has records.
    pub(super) fn next_window_end(&self, slicing: &Slicing, least: Timestamp) -> Option<Timestamp> {
        let after = least.saturating_sub(slicing.size());
        let slices = self.slices.range((Bound::Excluded(after), Bound::Unbounded));
        slices.map(|(_, slice)| *slice).find_map(|slice| {
            let last = slicing.last_end(slice).filter(|last| *last >= least)?;
            let first = slicing.first_end(slice)?;
            Some(first.max(slicing.end_from(least)?).min(last))
        })
    }

    /// Forgets the slice that ends at `end`.
    pub(super) fn drop(&mut self, end: Timestamp) -> TaskResult {
        self.slices.remove(&end);
        self.backend.drop_namespace(Namespace(end))?;
        Ok(())
    }
}
