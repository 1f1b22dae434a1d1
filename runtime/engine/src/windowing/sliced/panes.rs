//! The accumulators of every slice, each in a namespace of the keyed state.

use std::collections::BTreeMap;
use std::ops::Bound;

use sciurus_core::key::Keys;
use sciurus_core::record::RowCodec;
use sciurus_core::time::Timestamp;
use sciurus_state::{KeyedBackend, KeyedStateBackend, Namespace, Slot, StateId, ValueColumn};

use crate::error::{TaskError, TaskResult};
use crate::timed_state::TimedState;
use crate::windowing::slicing::{Slice, Slicing};

/// The state restored from is that of other windows.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state that is restored has a slice of windows that ends at {end}, where none of these \
     windows starts or ends: restore with the size, slide and offset that it was taken with, or \
     give the operator another uid"
)]
struct OtherWindows {
    end: Timestamp,
}

/// The slices that have records, with the accumulators of their keys: one namespace a slice, named
/// by the slice's end.
pub(super) struct Panes {
    /// The state, and in it the one that the accumulators are, once opened.
    state: Option<(TimedState, StateId)>,
    slices: BTreeMap<Timestamp, Slice>,
}

impl Panes {
    pub(super) fn new() -> Self {
        Self { state: None, slices: BTreeMap::new() }
    }

    /// Registers the state that the accumulators are, and finds the slices that were restored.
    pub(super) fn open<A: RowCodec>(
        &mut self,
        mut state: TimedState,
        slicing: &Slicing,
    ) -> TaskResult {
        let accumulators = state.keyed.register_value::<A>(&"window-contents".into(), None)?;
        for Namespace(end) in state.keyed.namespaces() {
            let slice = slicing.slice_of(end.saturating_sub(1));
            if slice.end != end {
                return Err(TaskError::user(Box::new(OtherWindows { end })));
            }
            self.slices.insert(end, slice);
        }
        self.state = Some((state, accumulators));
        Ok(())
    }

    /// Returns the operator's state.
    pub(super) fn state(&mut self) -> TaskResult<&mut TimedState> {
        Ok(&mut self.state.as_mut().ok_or(TaskError::NOT_OPENED)?.0)
    }

    /// Returns the backend.
    pub(super) fn backend(&mut self) -> TaskResult<&mut KeyedBackend> {
        Ok(&mut self.state()?.keyed)
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
        let namespace = Namespace(slice.end);
        self.backend()?.resolve(namespace, &keys.bytes, &keys.hashes, rows, slots)?;
        Ok(())
    }

    /// Returns the accumulators of the slice that ends at `end`.
    pub(super) fn accumulators<A: RowCodec>(
        &mut self,
        end: Timestamp,
    ) -> TaskResult<ValueColumn<'_, A>> {
        let (state, accumulators) = self.state.as_mut().ok_or(TaskError::NOT_OPENED)?;
        Ok(state.keyed.value_column(*accumulators, Namespace(end))?)
    }

    /// Returns how many keys have records in the slice that ends at `end`.
    pub(super) fn key_count(&self, end: Timestamp) -> usize {
        self.state.as_ref().map_or(0, |(state, _)| state.keyed.key_count(Namespace(end)))
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
        self.backend()?.drop_namespace(Namespace(end))?;
        Ok(())
    }
}
