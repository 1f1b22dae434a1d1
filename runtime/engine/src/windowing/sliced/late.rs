//! Records that come after their windows have fired, but are not refused.

use sciurus_core::key::Keys;
use sciurus_core::time::Timestamp;
use sciurus_core::{Batch, Columns, Record};
use sciurus_state::{KeyedStateBackend, Namespace};

use super::operator::{NO_SPAN, SlicedWindowOperator};
use crate::error::{TaskError, TaskResult};
use crate::output::Output;
use crate::windowing::contents::WindowContents;
use crate::windowing::output::WindowOutput;
use crate::windowing::slicing::Slice;
use crate::windowing::window::{TimeWindow, Window};

const NO_CONTENTS: TaskError = TaskError::Defect("a record is not in its own window");

impl<T, K, W, C, O> SlicedWindowOperator<T, K, W, C, O>
where
    T: Record,
    K: Record,
    W: Window,
    C: WindowContents<T>,
    O: WindowOutput<K, W, C::Accumulator>,
{
    /// Adds rows of a slice to the current window, where the slice is part of it already.
    pub(super) fn add_to_running(
        &mut self,
        slice: Slice,
        batch: &Batch,
        keys: &Keys,
        rows: Option<&[u32]>,
    ) -> TaskResult {
        let Self { running, contents, slots, .. } = self;
        let Some(running) = running.as_mut().filter(|running| running.contains(slice.end)) else {
            return Ok(());
        };
        let columns = batch.columns::<T>()?;
        let keys = (&keys.bytes, &keys.hashes[..]);
        let slots = slots.iter().copied();
        let created = |contents: &mut C, row| contents.create(&columns, row);
        match rows {
            None => running.add_late(slice.end, keys, (0..).zip(slots), contents, created),
            Some(rows) => {
                let rows = rows.iter().map(|row| *row as usize).zip(slots);
                running.add_late(slice.end, keys, rows, contents, created)
            }
        }
    }

    /// Adds the rows that were put aside because some of their windows have fired and are still
    /// kept: these fire again for the key of every row.
    pub(super) fn add_to_fired(
        &mut self,
        batch: &Batch,
        keys: &Keys,
        out: &mut Output,
    ) -> TaskResult {
        if self.refiring.is_empty() {
            return Ok(());
        }
        let key_columns = K::Columns::from_array(&keys.column)?;
        let mut rows = std::mem::take(&mut self.refiring);
        rows.sort_unstable_by_key(|(row, _)| *row);
        for (row, slice) in rows.drain(..) {
            let (key, row) = (key_columns.get(row as usize), [row]);
            self.panes.resolve(slice, keys, Some(&row), &mut self.slots)?;
            let mut accumulators = self.panes.accumulators(slice.end)?;
            self.contents.fold(batch, Some(&row), &self.slots, &mut accumulators)?;
            self.add_to_running(slice, batch, keys, Some(&row))?;
            for end in self.slicing.ends(slice) {
                if end - 1 <= self.fired && self.cleanup_time(end) > self.fired {
                    let span = self.slicing.window_ending(end);
                    let window = W::of_span(span).ok_or(NO_SPAN)?;
                    let contents = self.contents_of(span, keys, row)?.ok_or(NO_CONTENTS)?;
                    self.output.emit(key, &window, self.progress, &contents, out)?;
                }
            }
        }
        self.refiring = rows;
        Ok(())
    }

    /// Puts together what a row's key has in all slices of a span of time.
    fn contents_of(
        &mut self,
        span: TimeWindow,
        keys: &Keys,
        row: [u32; 1],
    ) -> TaskResult<Option<C::Accumulator>> {
        let slices: Vec<Timestamp> = self.panes.ends(span.start, span.end).collect();
        let mut contents: Option<C::Accumulator> = None;
        let mut found = Vec::new();
        for end in slices {
            let (namespace, rows) = (Namespace(end), Some(&row[..]));
            let backend = self.panes.backend()?;
            backend.lookup(namespace, &keys.bytes, &keys.hashes, rows, &mut found)?;
            let Some(Some(slot)) = found.first() else { continue };
            let accumulators = self.panes.accumulators::<C::Accumulator>(end)?;
            let Some(own) = accumulators.get(*slot) else { continue };
            match &mut contents {
                Some(contents) => self.contents.merge(contents, own),
                vacant => *vacant = Some(own.clone()),
            }
        }
        Ok(contents)
    }
}
