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

/// How the keys of a batch lie, by physical row.
trait Layout {
    /// Returns the cell to look for.
    fn cell(&self, row: usize) -> KeyCell;
    /// Returns the key.
    fn key(&self, row: usize) -> &[u8];
}

/// Keys one behind the other.
struct Spans<'a, P> {
    data: &'a [u8],
    /// Where a key starts, and its length.
    span: P,
}

impl<P: Fn(usize) -> (usize, usize)> Layout for Spans<'_, P> {
    #[inline]
    fn cell(&self, row: usize) -> KeyCell {
        let (start, len) = (self.span)(row);
        KeyCell::of(self.data, start, len)
    }

    #[inline]
    fn key(&self, row: usize) -> &[u8] {
        let (start, len) = (self.span)(row);
        &self.data[start..start + len]
    }
}

/// Keys as views, which are cells already.
struct Views<'a> {
    views: &'a [u128],
    keys: &'a KeyBytes,
}

impl Layout for Views<'_> {
    #[inline]
    fn cell(&self, row: usize) -> KeyCell {
        KeyCell::of_view(self.views[row])
    }

    #[inline]
    fn key(&self, row: usize) -> &[u8] {
        self.keys.get(row)
    }
}

/// The selected rows of a batch.
struct BatchRows<'a, S, L> {
    hashes: &'a [u64],
    len: usize,
    select: S,
    layout: L,
}

impl<S: Fn(usize) -> usize, L: Layout> Rows for BatchRows<'_, S, L> {
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
        self.layout.cell((self.select)(row))
    }

    #[inline]
    fn key(&self, row: usize) -> KeyRef<'_> {
        KeyRef::of(self.layout.key((self.select)(row)))
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
            let span = |row| (row * width, *width);
            with_layout(Spans { data: data.as_slice(), span }, hashes, selection, then)
        }
        KeyBytes::Variable { offsets, data } => {
            let offsets: &[i32] = offsets;
            let span = |row: usize| {
                let start = offsets[row] as usize;
                (start, offsets[row + 1] as usize - start)
            };
            with_layout(Spans { data: data.as_slice(), span }, hashes, selection, then)
        }
        KeyBytes::Views { views, .. } => {
            with_layout(Views { views, keys }, hashes, selection, then)
        }
    }
}

fn with_layout<W: WithRows>(
    layout: impl Layout,
    hashes: &[u64],
    selection: Option<&[u32]>,
    then: W,
) -> W::Output {
    match selection {
        None => {
            let select = |row| row;
            then.run(&BatchRows { hashes, len: hashes.len(), select, layout })
        }
        Some(selection) => {
            let select = |row: usize| selection[row] as usize;
            then.run(&BatchRows { hashes, len: selection.len(), select, layout })
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
            hashes.push(key.hash());
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

/// Keys that lie one by one, with whatever belongs to them.
pub(crate) struct EntryRows<'a> {
    keys: Vec<(u64, &'a [u8])>,
}

impl<'a> EntryRows<'a> {
    pub(crate) fn new(keys: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { keys: keys.into_iter().map(|key| (hash_key(key), key)).collect() }
    }
}

impl Rows for EntryRows<'_> {
    fn len(&self) -> usize {
        self.keys.len()
    }

    #[inline]
    fn hash(&self, row: usize) -> u64 {
        self.keys[row].0
    }

    #[inline]
    fn cell(&self, row: usize) -> KeyCell {
        let key = self.keys[row].1;
        KeyCell::of(key, 0, key.len())
    }

    #[inline]
    fn key(&self, row: usize) -> KeyRef<'_> {
        KeyRef::of(self.keys[row].1)
    }
}
