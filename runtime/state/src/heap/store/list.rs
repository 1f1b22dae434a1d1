//! A list a slot.

use std::any::type_name;
use std::sync::Arc;

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::time::Timestamp;

use super::{Store, StoreSnapshot, TypedStore, decode_stamp};
use crate::chunk::{Chunked, ChunkedSnapshot};
use crate::descriptor::StateKind;
use crate::ttl::Ttl;

/// A list and when each element was written (empty without a time to live).
#[derive(Debug, Clone)]
struct List<T> {
    elements: Vec<T>,
    stamps: Vec<Timestamp>,
}

impl<T> List<T> {
    fn retain(&mut self, mut keep: impl FnMut(Timestamp) -> bool) {
        let mut stamps = self.stamps.iter();
        // One stamp an element: the default is never used.
        self.elements.retain(|_| stamps.next().is_none_or(|stamp| keep(*stamp)));
        self.stamps.retain(|stamp| keep(*stamp));
    }
}

impl<T: RowCodec> List<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.elements.len() as u32).encode_row(out);
        let mut stamps = self.stamps.iter();
        for element in &self.elements {
            if let Some(stamp) = stamps.next() {
                stamp.encode_row(out);
            }
            element.encode_row(out);
        }
    }
}

/// The column of a list state. A snapshot shares each list; the next write to it copies it alone.
pub(crate) struct ListStore<T> {
    lists: Chunked<Option<Arc<List<T>>>>,
    ttl: Option<Ttl>,
}

impl<T: RowCodec> ListStore<T> {
    /// Returns the list of `slot`, which renews it where reading does; empty where there is none.
    /// `true` says that expired elements were all there was, and were removed.
    pub(crate) fn read(&mut self, slot: usize) -> (&[T], bool) {
        let mut removed = false;
        if let Some(ttl) = &self.ttl
            && let Some(Some(list)) = self.lists.try_get(slot)
        {
            let now = ttl.now();
            let hidden = list.stamps.iter().any(|stamp| ttl.hidden(*stamp, now));
            if hidden || ttl.renew_on_read {
                let list = self.lists.get_mut(slot);
                if let Some(own) = list.as_mut().map(Arc::make_mut) {
                    if hidden {
                        own.retain(|stamp| !ttl.expired(stamp, now));
                    }
                    if ttl.renew_on_read {
                        for stamp in &mut own.stamps {
                            if !ttl.expired(*stamp, now) {
                                *stamp = now;
                            }
                        }
                    }
                    if own.elements.is_empty() {
                        *list = None;
                        removed = true;
                    }
                }
            }
        }
        let list = self.lists.try_get(slot).and_then(Option::as_ref);
        (list.map_or(&[], |list| &list.elements), removed)
    }

    /// Appends to the list of `slot`. There must be room for `slot`.
    pub(crate) fn add(&mut self, slot: usize, elements: impl IntoIterator<Item = T>) {
        let list = self
            .lists
            .get_mut(slot)
            .get_or_insert_with(|| Arc::new(List { elements: Vec::new(), stamps: Vec::new() }));
        let list = Arc::make_mut(list);
        list.elements.extend(elements);
        if let Some(ttl) = &self.ttl {
            list.stamps.resize(list.elements.len(), ttl.now());
        }
    }

    /// Sets the list of `slot`. There must be room for `slot`.
    pub(crate) fn set(&mut self, slot: usize, elements: Vec<T>) {
        *self.lists.get_mut(slot) = (!elements.is_empty()).then(|| {
            let stamps = match &self.ttl {
                Some(ttl) => vec![ttl.now(); elements.len()],
                None => Vec::new(),
            };
            Arc::new(List { elements, stamps })
        });
    }
}

impl<T: RowCodec> TypedStore for ListStore<T> {
    fn new(ttl: Option<Ttl>) -> Self {
        Self { lists: Chunked::new(), ttl }
    }

    fn grow(&mut self, slots: usize) {
        self.lists.grow(slots, || None);
    }

    fn decode(&mut self, slot: usize, stamped: bool, input: &mut &[u8]) -> Result<(), DecodeError> {
        let mut list = List { elements: Vec::new(), stamps: Vec::new() };
        for _ in 0..u32::decode_row(input)? {
            let stamp = decode_stamp(self.ttl.as_ref(), stamped, input)?;
            list.elements.push(T::decode_row(input)?);
            if self.ttl.is_some() {
                list.stamps.push(stamp);
            }
        }
        *self.lists.get_mut(slot) = (!list.elements.is_empty()).then(|| Arc::new(list));
        Ok(())
    }

    fn describe() -> String {
        format!("{} of {}", StateKind::List, type_name::<T>())
    }
}

impl<T: RowCodec> Store for ListStore<T> {
    fn is_vacant(&self, slot: usize) -> bool {
        self.lists.try_get(slot).is_none_or(Option::is_none)
    }

    fn clear(&mut self, slot: usize) {
        if !self.is_vacant(slot) {
            *self.lists.get_mut(slot) = None;
        }
    }

    fn expire(&mut self, slot: usize, now: Timestamp) {
        if let Some(ttl) = &self.ttl
            && let Some(Some(list)) = self.lists.try_get(slot)
            && list.stamps.iter().any(|stamp| ttl.expired(*stamp, now))
        {
            let list = self.lists.get_mut(slot);
            if let Some(own) = list.as_mut().map(Arc::make_mut) {
                own.retain(|stamp| !ttl.expired(stamp, now));
                if own.elements.is_empty() {
                    *list = None;
                }
            }
        }
    }

    #[cfg(feature = "rocksdb")]
    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(Some(list)) = self.lists.try_get(slot) {
            list.encode(out);
        }
    }

    fn snapshot(&mut self) -> Box<dyn StoreSnapshot> {
        Box::new(ListSnapshot { lists: self.lists.snapshot() })
    }
}

/// An immutable view of a [`ListStore`].
struct ListSnapshot<T> {
    lists: ChunkedSnapshot<Option<Arc<List<T>>>>,
}

impl<T: RowCodec> StoreSnapshot for ListSnapshot<T> {
    fn is_occupied(&self, slot: usize) -> bool {
        self.lists.get(slot).is_some_and(Option::is_some)
    }

    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(Some(list)) = self.lists.get(slot) {
            list.encode(out);
        }
    }
}
