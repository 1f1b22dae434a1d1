//! Columns in chunks that a snapshot shares and the next write copies.
//!
//! Taking a snapshot marks every chunk as shared, which costs a small allocation a chunk and moves
//! no data. A chunk that only the backend holds is written in place without an atomic operation;
//! the first write to a shared one copies it, or takes it back if the snapshot is gone.

use std::mem::{needs_drop, take};
use std::sync::Arc;

/// A run of consecutive elements.
#[derive(Debug)]
pub(crate) struct Chunk<T> {
    /// Seen by a snapshot; then `own` is empty.
    shared: Option<Arc<Vec<T>>>,
    /// Written in place.
    own: Vec<T>,
}

impl<T> Chunk<T> {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { shared: None, own: Vec::with_capacity(capacity) }
    }

    pub(crate) fn own(elements: Vec<T>) -> Self {
        Self { shared: None, own: elements }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        match &self.shared {
            None => &self.own,
            Some(shared) => shared,
        }
    }

    /// Returns a view of the chunk that stays as it is.
    pub(crate) fn share(&mut self) -> Arc<Vec<T>> {
        self.shared.get_or_insert_with(|| Arc::new(take(&mut self.own))).clone()
    }
}

impl<T: Clone> Chunk<T> {
    /// Returns the elements for writing.
    #[inline]
    pub(crate) fn to_mut(&mut self) -> &mut Vec<T> {
        if self.shared.is_some() {
            self.unshare();
        }
        &mut self.own
    }

    #[cold]
    #[inline(never)]
    fn unshare(&mut self) {
        if let Some(shared) = self.shared.take() {
            self.own = Arc::try_unwrap(shared).unwrap_or_else(|shared| {
                let mut own = Vec::with_capacity(shared.capacity());
                own.extend_from_slice(&shared);
                own
            });
        }
    }
}

/// A growing sequence of elements in chunks of equal size.
#[derive(Debug)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Chunk<T>>,
    len: usize,
}

/// An immutable view of a [`Chunked`].
#[derive(Debug)]
pub(crate) struct ChunkedSnapshot<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

/// The size of a chunk as a power of two: small where copying an element may be dear.
const fn shift<T>() -> u32 {
    if needs_drop::<T>() { 8 } else { 11 }
}

impl<T> Chunked<T> {
    const SHIFT: u32 = shift::<T>();
    const SIZE: usize = 1 << Self::SHIFT;
    const MASK: usize = Self::SIZE - 1;

    pub(crate) fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the element.
    ///
    /// # Panics
    /// Where `index` is out of range.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> &T {
        &self.chunks[index >> Self::SHIFT].as_slice()[index & Self::MASK]
    }

    #[inline]
    pub(crate) fn try_get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index >> Self::SHIFT)?.as_slice().get(index & Self::MASK)
    }

    /// Calls `visit` with every element in order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(usize, &T)) {
        for (number, chunk) in self.chunks.iter().enumerate() {
            for (index, element) in chunk.as_slice().iter().enumerate() {
                visit((number << Self::SHIFT) + index, element);
            }
        }
    }

    pub(crate) fn snapshot(&mut self) -> ChunkedSnapshot<T> {
        ChunkedSnapshot {
            chunks: self.chunks.iter_mut().map(Chunk::share).collect(),
            len: self.len,
        }
    }
}

impl<T: Clone> Chunked<T> {
    /// Returns the element for writing.
    ///
    /// # Panics
    /// Where `index` is out of range.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index >> Self::SHIFT].to_mut()[index & Self::MASK]
    }

    pub(crate) fn push(&mut self, element: T) {
        self.tail().push(element);
        self.len += 1;
    }

    /// Appends elements until there are `len`.
    pub(crate) fn grow(&mut self, len: usize, fill: impl Fn() -> T) {
        while self.len < len {
            let missing = (len - self.len).min(Self::SIZE - (self.len & Self::MASK));
            self.tail().extend((0..missing).map(|_| fill()));
            self.len += missing;
        }
    }

    /// Returns the chunk that the next element goes to. The first one starts small: a window's pane
    /// may hold a handful of keys.
    fn tail(&mut self) -> &mut Vec<T> {
        if self.len == self.chunks.len() << Self::SHIFT {
            let capacity = if self.chunks.is_empty() { 0 } else { Self::SIZE };
            self.chunks.push(Chunk::with_capacity(capacity));
        }
        let last = self.chunks.len() - 1;
        self.chunks[last].to_mut()
    }
}

impl<T> ChunkedSnapshot<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index >> Chunked::<T>::SHIFT)?.get(index & Chunked::<T>::MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_keeps_what_was_there_while_writing_goes_on() {
        let mut column = Chunked::new();
        column.grow(5000, || 1_u64);
        let snapshot = column.snapshot();
        *column.get_mut(4999) = 2;
        column.push(3);
        assert_eq!((snapshot.len, snapshot.get(4999), snapshot.get(5000)), (5000, Some(&1), None));
        assert_eq!((column.len(), column.get(4999), column.get(5000)), (5001, &2, &3));
    }

    #[test]
    fn a_chunk_is_taken_back_once_the_snapshot_is_gone() {
        let mut column = Chunked::new();
        column.grow(10, || 7_u64);
        let before = std::ptr::from_ref(column.get(0));
        drop(column.snapshot());
        assert_eq!(std::ptr::from_ref(column.get_mut(0)), before);
        let _snapshot = column.snapshot();
        assert_ne!(std::ptr::from_ref(column.get_mut(0)), before);
    }
}
