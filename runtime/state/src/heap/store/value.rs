//! One value a slot.

use std::any::type_name;

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::time::Timestamp;

use super::{Store, StoreSnapshot, TypedStore, decode_stamp};
use crate::chunk::{Chunked, ChunkedSnapshot};
use crate::descriptor::StateKind;
use crate::ttl::Ttl;

/// The column of a value state.
pub(crate) struct ValueStore<T> {
    values: Chunked<Option<T>>,
    /// When each value was last renewed; empty without a time to live.
    stamps: Chunked<Timestamp>,
    ttl: Option<Ttl>,
}

impl<T: RowCodec> ValueStore<T> {
    /// Returns the present time where values expire.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.ttl.as_ref().map(Ttl::now)
    }

    /// Returns the value of `slot`, without renewing it.
    #[inline]
    pub(crate) fn peek(&self, slot: usize, now: Option<Timestamp>) -> Option<&T> {
        let value = self.values.try_get(slot)?.as_ref()?;
        match (&self.ttl, now) {
            (Some(ttl), Some(now)) if ttl.hidden(*self.stamps.get(slot), now) => None,
            _ => Some(value),
        }
    }

    /// Returns the value of `slot`, which renews it where reading does. An expired value is
    /// removed; `true` says so.
    pub(crate) fn read(&mut self, slot: usize) -> (Option<&T>, bool) {
        let mut removed = false;
        if let Some(ttl) = &self.ttl
            && !self.is_vacant(slot)
        {
            let now = ttl.now();
            let stamp = *self.stamps.get(slot);
            if ttl.hidden(stamp, now) {
                *self.values.get_mut(slot) = None;
                removed = true;
            } else if ttl.renew_on_read && !ttl.expired(stamp, now) {
                *self.stamps.get_mut(slot) = now;
            }
        }
        (self.values.try_get(slot).and_then(Option::as_ref), removed)
    }

    /// Returns the value of `slot` for writing, which renews it. There must be room for `slot`.
    #[inline]
    pub(crate) fn write(&mut self, slot: usize, now: Option<Timestamp>) -> &mut Option<T> {
        if let Some(now) = now {
            self.renew(slot, now);
        }
        self.values.get_mut(slot)
    }

    /// Renews the value of `slot` where values expire; an expired one is removed.
    // Apart, so that all else of `write` becomes part of the loops that write.
    #[inline(never)]
    fn renew(&mut self, slot: usize, now: Timestamp) {
        if let Some(ttl) = &self.ttl {
            let stamp = self.stamps.get_mut(slot);
            let hidden = ttl.hidden(*stamp, now);
            *stamp = now;
            if hidden {
                *self.values.get_mut(slot) = None;
            }
        }
    }

    /// Calls `visit` with every slot that holds a value, in order.
    pub(crate) fn for_each(&self, now: Option<Timestamp>, mut visit: impl FnMut(usize, &T)) {
        self.values.for_each(|slot, value| {
            if let Some(value) = value {
                match (&self.ttl, now) {
                    (Some(ttl), Some(now)) if ttl.hidden(*self.stamps.get(slot), now) => {}
                    _ => visit(slot, value),
                }
            }
        });
    }
}

impl<T: RowCodec> TypedStore for ValueStore<T> {
    fn new(ttl: Option<Ttl>) -> Self {
        Self { values: Chunked::new(), stamps: Chunked::new(), ttl }
    }

    fn grow(&mut self, slots: usize) {
        self.values.grow(slots, || None);
        if self.ttl.is_some() {
            self.stamps.grow(slots, || Timestamp::MIN);
        }
    }

    fn decode(&mut self, slot: usize, stamped: bool, input: &mut &[u8]) -> Result<(), DecodeError> {
        let stamp = decode_stamp(self.ttl.as_ref(), stamped, input)?;
        *self.values.get_mut(slot) = Some(T::decode_row(input)?);
        if self.ttl.is_some() {
            *self.stamps.get_mut(slot) = stamp;
        }
        Ok(())
    }

    fn describe() -> String {
        format!("{} of {}", StateKind::Value, type_name::<T>())
    }
}

impl<T: RowCodec> Store for ValueStore<T> {
    fn is_vacant(&self, slot: usize) -> bool {
        self.values.try_get(slot).is_none_or(Option::is_none)
    }

    fn clear(&mut self, slot: usize) {
        if !self.is_vacant(slot) {
            *self.values.get_mut(slot) = None;
        }
    }

    fn expire(&mut self, slot: usize, now: Timestamp) {
        if let Some(ttl) = &self.ttl
            && !self.is_vacant(slot)
            && ttl.expired(*self.stamps.get(slot), now)
        {
            *self.values.get_mut(slot) = None;
        }
    }

    #[cfg(feature = "rocksdb")]
    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(Some(value)) = self.values.try_get(slot) {
            if self.ttl.is_some() {
                self.stamps.get(slot).encode_row(out);
            }
            value.encode_row(out);
        }
    }

    fn snapshot(&mut self) -> Box<dyn StoreSnapshot> {
        let stamps = self.ttl.is_some().then(|| self.stamps.snapshot());
        Box::new(ValueSnapshot { values: self.values.snapshot(), stamps })
    }
}

/// An immutable view of a [`ValueStore`].
struct ValueSnapshot<T> {
    values: ChunkedSnapshot<Option<T>>,
    stamps: Option<ChunkedSnapshot<Timestamp>>,
}

impl<T: RowCodec> StoreSnapshot for ValueSnapshot<T> {
    fn is_occupied(&self, slot: usize) -> bool {
        self.values.get(slot).is_some_and(Option::is_some)
    }

    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(stamp) = self.stamps.as_ref().and_then(|stamps| stamps.get(slot)) {
            stamp.encode_row(out);
        }
        if let Some(Some(value)) = self.values.get(slot) {
            value.encode_row(out);
        }
    }
}
