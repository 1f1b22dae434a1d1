//! Keys to look for, a batch at a time.

use sciurus_core::key::{KeyBytes, hash_key};

use super::keys::{KeyCell, KeyRef, KeyStore};

/// The keys of some rows with their hashes.
pub(crate) trait Rows {
    /// Returns the number of rows.
    fn len(&self) -> usize;
    /// Returns the hash of row `row`'s key.
    fn hash(&self, row: usize) -> u64;
    /// Returns the cell to look for.
    fn cell(&self, row: usize) -> KeyCell;
    /// Returns the key.
    fn key(&self, row: usize) -> KeyRef<'_>;
}

/// The selected rows of a batch.
pub(crate) struct BatchRows<'a, S, P> {
    data: &'a [u8],
    hashes: &'a [u64],
    len: usize,
    select: S,
    span: P,
}

impl<S: Fn(usize) -> usize, P: Fn(usize) -> (usize, usize)> Rows for BatchRows<'_, S, P> {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn hash(&self, row: usize) -> u64 {
        self.hashes[(self.select)(row)]
    }

    #[inline]
    fn cell(&self, row: usize) -> KeyCell {
        let (start, len) = (self.span)((self.select)(row));
        KeyCell::of(self.data, start, len)
    }

    #[inline]
    fn key(&self, row: usize) -> KeyRef<'_> {
        let (start, len) = (self.span)((self.select)(row));
        KeyRef::of(&self.data[start..start + len])
    }
}

/// What is done with rows whose type depends on how the keys lie.
pub(crate) trait WithRows {
    /// What comes of it.
    type Output;
    /// Does it.
    fn run(self, rows: &impl Rows) -> Self::Output;
}

/// Calls `then` with the selected rows, compiled for each way in which keys can lie.
pub(crate) fn with_rows<W: WithRows>(
    keys: &KeyBytes,
    hashes: &[u64],
    selection: Option<&[u32]>,
    then: W,
) -> W::Output {
    assert_eq!(keys.len(), hashes.len(), "one hash a key");
    match keys {
        KeyBytes::Fixed { width, data } => {
            let (width, data) = (*width, data.as_slice());
            with_spans(data, hashes, selection, |row| (row * width, width), then)
        }
        KeyBytes::Variable { offsets, data } => {
            let offsets: &[i32] = offsets;
            let span = |row: usize| {
                let start = offsets[row] as usize;
                (start, offsets[row + 1] as usize - start)
            };
            with_spans(data.as_slice(), hashes, selection, span, then)
        }
    }
}

fn with_spans<W: WithRows>(
    data: &[u8],
    hashes: &[u64],
    selection: Option<&[u32]>,
    span: impl Fn(usize) -> (usize, usize),
    then: W,
) -> W::Output {
    match selection {
        None => {
            let select = |row| row;
            then.run(&BatchRows { data, hashes, len: hashes.len(), select, span })
        }
        Some(selection) => {
            let select = |row: usize| selection[row] as usize;
            then.run(&BatchRows { data, hashes, len: selection.len(), select, span })
        }
    }
}

/// The keys of another table.
pub(crate) struct TableRows<'a> {
    keys: &'a KeyStore,
    slots: Vec<u32>,
    hashes: Vec<u64>,
}

impl<'a> TableRows<'a> {
    pub(crate) fn new(keys: &'a KeyStore) -> Self {
        let mut slots = Vec::with_capacity(keys.len());
        let mut hashes = Vec::with_capacity(keys.len());
        keys.for_each(|slot, key| {
            slots.push(slot);
            hashes.push(hash_key(key));
        });
        Self { keys, slots, hashes }
    }

    pub(crate) fn slot(&self, row: usize) -> u32 {
        self.slots[row]
    }
}

impl Rows for TableRows<'_> {
    fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    fn hash(&self, row: usize) -> u64 {
        self.hashes[row]
    }

    #[inline]
    fn cell(&self, row: usize) -> KeyCell {
        self.keys.wanted(self.slots[row]).unwrap_or(KeyCell::of(&[], 0, 0))
    }

    #[inline]
    fn key(&self, row: usize) -> KeyRef<'_> {
        self.keys.get(self.slots[row]).unwrap_or(KeyRef::of(&[]))
    }
}
