//! The keys of a table, by slot.
//!
//! A key has a cell of 16 bytes: its length and up to 12 bytes of it. A longer key has its first
//! four bytes there and the place of all of them in an arena. Short keys, which are most, compare
//! as one integer and take one access to memory.

use sciurus_core::key::{KeyGroupRange, hash_inline, hash_key, key_group};
use sciurus_core::record::view::{INLINE_BYTES, without_place};

use crate::chunk::{Chunk, Chunked, ChunkedSnapshot};
use crate::slot::Slot;
use crate::snapshot::{SnapshotError, place_in, size};

/// The bytes that an arena's chunk holds, unless a single key is longer.
const ARENA_CHUNK_BYTES: usize = 1 << 16;

/// Dead bytes below which an arena is not worth compacting.
const COMPACT_BYTES: usize = 1 << 20;

/// A key of the table, or that of a row that is looked for.
///
/// The low 32 bits are the length. Above them are the key's bytes, padded with zeros; of a long key
/// the first four, and its place (chunk, offset) in the upper 64 bits, which are zero in the cell
/// of a key that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyCell(u128);

impl KeyCell {
    /// The cell of a slot without a key.
    pub(crate) const FREE: Self = Self(u32::MAX as u128);

    /// Makes the cell of the key that starts at `start` in `data`.
    #[inline]
    pub(crate) fn of(data: &[u8], start: usize, len: usize) -> Self {
        // Keys lie behind one another, so that 16 bytes can be read at once nearly everywhere.
        let bytes = match data.get(start..start + 16) {
            Some(window) => {
                let mut array = [0; 16];
                array.copy_from_slice(window);
                u128::from_le_bytes(array)
            }
            None => padded(&data[start..start + len]),
        };
        if len <= INLINE_BYTES {
            Self(((bytes & ((1_u128 << (len * 8)) - 1)) << 32) | len as u128)
        } else {
            Self((u128::from(bytes as u32) << 32) | len as u128)
        }
    }

    /// Makes the cell of a key given as a view, which is laid out as a cell is.
    #[inline]
    pub(crate) fn of_view(view: u128) -> Self {
        Self(without_place(view))
    }

    #[inline]
    fn len(self) -> usize {
        self.0 as u32 as usize
    }

    #[inline]
    pub(crate) fn is_long(self) -> bool {
        self.len() > INLINE_BYTES
    }

    #[inline]
    pub(crate) fn is_free(self) -> bool {
        self == Self::FREE
    }

    /// Returns the cell of a long key at its place in the arena.
    fn at(self, chunk: usize, offset: usize) -> Self {
        let place = ((chunk as u64) << 32) | offset as u64;
        Self((u128::from(place) << 64) | u128::from(self.0 as u64))
    }

    fn place(self) -> (usize, usize) {
        let place = (self.0 >> 64) as u64;
        ((place >> 32) as usize, place as u32 as usize)
    }
}

#[cold]
fn padded(key: &[u8]) -> u128 {
    let mut array = [0; 16];
    let len = key.len().min(16);
    array[..len].copy_from_slice(&key[..len]);
    u128::from_le_bytes(array)
}

/// A key's bytes, taken out of its cell where it is short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyRef<'a> {
    inline: [u8; 16],
    long: Option<&'a [u8]>,
}

impl<'a> KeyRef<'a> {
    /// Borrows a key that lies elsewhere.
    #[inline]
    pub(crate) fn of(key: &'a [u8]) -> Self {
        Self { inline: [0; 16], long: Some(key) }
    }

    /// Returns the hash of the key.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        match self.long {
            Some(key) => hash_key(key),
            None => hash_inline(u128::from_le_bytes(self.inline)),
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        if let Some(key) = self.long {
            return key;
        }
        let len = usize::from(self.inline[0]);
        &self.inline[4..4 + len.min(INLINE_BYTES)]
    }
}

#[inline]
fn key_ref<'a>(cell: KeyCell, arena: impl FnOnce(usize) -> Option<&'a [u8]>) -> KeyRef<'a> {
    let long = if cell.is_long() {
        let (chunk, offset) = cell.place();
        // A place was made by `push`, so that both lookups find it.
        Some(arena(chunk).and_then(|bytes| bytes.get(offset..offset + cell.len())).unwrap_or(&[]))
    } else {
        None
    };
    KeyRef { inline: cell.0.to_le_bytes(), long }
}

/// The keys of a table, by slot.
#[derive(Debug)]
pub(crate) struct KeyStore {
    cells: Chunked<KeyCell>,
    arena: Vec<Chunk<u8>>,
    free: Vec<u32>,
    arena_bytes: usize,
    dead_bytes: usize,
}

impl KeyStore {
    pub(crate) fn new() -> Self {
        Self {
            cells: Chunked::new(),
            arena: Vec::new(),
            free: Vec::new(),
            arena_bytes: 0,
            dead_bytes: 0,
        }
    }

    /// Returns the number of slots, free ones included.
    pub(crate) fn slots(&self) -> usize {
        self.cells.len()
    }

    /// Returns the number of keys.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() - self.free.len()
    }

    /// Returns whether `slot` holds `key`, whose cell is `wanted`; `false` where there is no such
    /// slot.
    #[inline]
    pub(crate) fn is_key(&self, slot: u32, wanted: KeyCell, key: &[u8]) -> bool {
        match self.cells.try_get(slot as usize) {
            Some(cell) if wanted.is_long() => {
                cell.0 as u64 == wanted.0 as u64 && self.key_of(*cell).as_slice() == key
            }
            Some(cell) => *cell == wanted,
            None => false,
        }
    }

    /// Returns the cell that a search for the key of `slot` is done with; `None` where the slot is
    /// free or was never there.
    #[inline]
    pub(crate) fn wanted(&self, slot: u32) -> Option<KeyCell> {
        let cell = *self.cells.try_get(slot as usize)?;
        (!cell.is_free()).then(|| if cell.is_long() { cell.at(0, 0) } else { cell })
    }

    /// Returns the key of `slot`, `None` where the slot is free or was never there.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<KeyRef<'_>> {
        let cell = *self.cells.try_get(slot as usize)?;
        (!cell.is_free()).then(|| self.key_of(cell))
    }

    #[inline]
    fn key_of(&self, cell: KeyCell) -> KeyRef<'_> {
        key_ref(cell, |chunk| self.arena.get(chunk).map(Chunk::as_slice))
    }

    /// Calls `visit` with every key in slot order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(u32, KeyRef<'_>)) {
        self.cells.for_each(|slot, cell| {
            if !cell.is_free() {
                visit(slot as u32, self.key_of(*cell));
            }
        });
    }

    /// Gives `key` a slot; `None` where the table is full.
    pub(crate) fn insert(&mut self, cell: KeyCell, key: &[u8]) -> Option<Slot> {
        let cell = if cell.is_long() { self.store(cell, key)? } else { cell };
        if let Some(slot) = self.free.pop() {
            *self.cells.get_mut(slot as usize) = cell;
            return Some(Slot(slot));
        }
        let slot = self.cells.len() as u32;
        (slot < Slot::LIMIT).then(|| {
            self.cells.push(cell);
            Slot(slot)
        })
    }

    /// Frees `slot`, which must hold a key.
    pub(crate) fn remove(&mut self, slot: u32) {
        let cell = *self.cells.get(slot as usize);
        debug_assert!(!cell.is_free(), "slot {slot} is freed twice");
        if cell.is_long() {
            self.dead_bytes += cell.len();
        }
        *self.cells.get_mut(slot as usize) = KeyCell::FREE;
        self.free.push(slot);
        if self.dead_bytes > COMPACT_BYTES.max(self.arena_bytes / 2) {
            self.compact();
        }
    }

    fn store(&mut self, cell: KeyCell, key: &[u8]) -> Option<KeyCell> {
        let room = self
            .arena
            .last()
            .map_or(0, |chunk| ARENA_CHUNK_BYTES.saturating_sub(chunk.as_slice().len()));
        if room < key.len() {
            let capacity = if self.arena.is_empty() { 0 } else { ARENA_CHUNK_BYTES };
            self.arena.push(Chunk::with_capacity(capacity.max(key.len())));
        }
        let number = self.arena.len() - 1;
        let chunk = self.arena.last_mut()?.to_mut();
        let offset = chunk.len();
        chunk.extend_from_slice(key);
        self.arena_bytes += key.len();
        u32::try_from(number).ok().map(|_| cell.at(number, offset))
    }

    /// Moves the living long keys to a new arena.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.arena);
        (self.arena_bytes, self.dead_bytes) = (0, 0);
        for slot in 0..self.cells.len() {
            let cell = *self.cells.get(slot);
            if cell.is_long() && !cell.is_free() {
                let key = key_ref(cell, |chunk| old.get(chunk).map(Chunk::as_slice));
                if let Some(moved) = self.store(cell, key.as_slice()) {
                    *self.cells.get_mut(slot) = moved;
                }
            }
        }
    }

    pub(crate) fn snapshot(&mut self) -> KeySnapshot {
        KeySnapshot {
            cells: self.cells.snapshot(),
            arena: self.arena.iter_mut().map(Chunk::share).collect(),
        }
    }
}

/// An immutable view of a [`KeyStore`].
#[derive(Debug)]
pub(crate) struct KeySnapshot {
    cells: ChunkedSnapshot<KeyCell>,
    arena: Vec<std::sync::Arc<Vec<u8>>>,
}

impl KeySnapshot {
    /// Returns the key of `slot`, `None` where the slot is free or was never there.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn get(&self, slot: u32) -> Option<KeyRef<'_>> {
        let cell = self.cell(slot);
        (!cell.is_free()).then(|| self.key_of(cell))
    }

    fn key_of(&self, cell: KeyCell) -> KeyRef<'_> {
        key_ref(cell, |chunk| self.arena.get(chunk).map(|bytes| &bytes[..]))
    }

    /// Returns the cell of `slot`, a free one where the slot was never there.
    #[inline]
    pub(crate) fn cell(&self, slot: u32) -> KeyCell {
        self.cells.get(slot as usize).copied().unwrap_or(KeyCell::FREE)
    }

    /// Returns the place in `range` of each slot's key group; 0 for a free slot.
    ///
    /// # Errors
    /// [`SnapshotError::ForeignKey`] where a key's group isn't in the range.
    pub(crate) fn groups(
        &self,
        range: KeyGroupRange,
        max_parallelism: u32,
    ) -> Result<Vec<u16>, SnapshotError> {
        let mut groups = Vec::with_capacity(self.cells.len());
        for slot in 0..self.cells.len() {
            let cell = self.cell(slot as u32);
            groups.push(if cell.is_free() {
                0
            } else {
                place_in(range, key_group(self.key_of(cell).hash(), max_parallelism))?
            });
        }
        Ok(groups)
    }

    /// Appends the length of a key and the key.
    #[inline]
    pub(crate) fn put_sized(&self, cell: KeyCell, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        if cell.is_long() {
            let key = self.key_of(cell);
            let key = key.as_slice();
            out.extend_from_slice(&size(key.len(), "a key")?);
            out.extend_from_slice(key);
        } else {
            // A cell is laid out like this, up to the end of the key.
            let end = out.len() + 4 + cell.len();
            out.extend_from_slice(&cell.0.to_le_bytes());
            out.truncate(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(key: &[u8]) -> KeyCell {
        KeyCell::of(key, 0, key.len())
    }

    #[test]
    fn a_cell_is_the_same_wherever_the_key_lies() {
        let data = b"squirrel,squirrel|0123456789abcdef";
        assert_eq!(KeyCell::of(data, 0, 8), KeyCell::of(data, 9, 8));
        assert_eq!(KeyCell::of(data, 0, 8), cell(b"squirrel"));
        assert_ne!(KeyCell::of(data, 0, 8), cell(b"squirrel\0"));
        assert_eq!(KeyCell::of(data, data.len() - 13, 13), cell(b"3456789abcdef"));
    }

    #[test]
    fn keys_of_every_length_come_back() {
        let mut keys = KeyStore::new();
        let all: Vec<Vec<u8>> = (0..40).map(|len| vec![b'k'; len]).collect();
        for key in &all {
            keys.insert(cell(key), key);
        }
        let mut seen = Vec::new();
        keys.for_each(|_, key| seen.push(key.as_slice().to_vec()));
        assert_eq!(seen, all);
    }

    #[test]
    fn a_freed_slot_is_used_again_and_its_arena_compacted() {
        let mut keys = KeyStore::new();
        let long = vec![b'x'; 1000];
        for number in 0_u32..3000 {
            let key = [&long[..], &number.to_le_bytes()].concat();
            keys.insert(cell(&key), &key);
        }
        for slot in (0..3000).filter(|slot| slot % 3 != 0) {
            keys.remove(slot);
        }
        assert_eq!(keys.len(), 1000);
        assert!(keys.arena_bytes < 2 * 1004 * 1000, "{} bytes", keys.arena_bytes);
        let key = [&long[..], &999_u32.to_le_bytes()].concat();
        assert_eq!(keys.get(999).map(|key| key.as_slice().to_vec()), Some(key));
        assert!(keys.get(1000).is_none());
        assert_eq!(keys.insert(cell(b"new"), b"new"), Some(Slot(2999)));
    }
}
