//! Keys as columns, for the results of windows.

use arrow_array::ArrayRef;
use sciurus_core::Record;
use sciurus_core::key::KeyBytesBuilder;
use sciurus_core::time::Timestamp;
use sciurus_state::{KeyIndex, KeyedStateBackend, Namespace};

use super::panes::Panes;
use crate::error::TaskResult;

/// Reads the keys of a slice as columns of `rows` rows each (the last one of less), in the order of
/// their slots.
pub(super) fn pane_keys<K: Record>(
    panes: &mut Panes,
    end: Timestamp,
    rows: usize,
) -> TaskResult<Vec<ArrayRef>> {
    let mut chunks = Vec::new();
    let mut keys = KeyBytesBuilder::with_capacity(rows.min(panes.key_count(end)));
    panes.backend()?.for_each_key(Namespace(end), |key, _| {
        keys.push(key);
        if keys.len() == rows {
            chunks.push(keys.finish());
        }
    })?;
    if !keys.is_empty() {
        chunks.push(keys.finish());
    }
    Ok(chunks.iter().map(K::key_column).collect::<Result<_, _>>()?)
}

/// The keys of an index as columns, which are kept as long as they stay the same.
#[derive(Debug, Default)]
pub(super) struct KeyColumnCache {
    generation: u64,
    columns: Vec<ArrayRef>,
}

impl KeyColumnCache {
    /// Returns the keys of slots `chunk · rows` and the following, up to `rows` of them. The slots
    /// mean the same as long as `generation` is the same.
    pub(super) fn column<K: Record>(
        &mut self,
        index: &KeyIndex,
        generation: u64,
        chunk: usize,
        rows: usize,
    ) -> TaskResult<ArrayRef> {
        if self.generation != generation {
            self.generation = generation;
            self.columns.clear();
        }
        let slots = chunk * rows..((chunk + 1) * rows).min(index.len());
        if let Some(column) = self.columns.get(chunk).filter(|column| column.len() == slots.len()) {
            return Ok(column.clone());
        }
        let mut keys = KeyBytesBuilder::with_capacity(slots.len());
        index.for_each_key(slots, |key| keys.push(key));
        let column = K::key_column(&keys.finish())?;
        self.columns.truncate(chunk);
        self.columns.push(column.clone());
        Ok(column)
    }
}
