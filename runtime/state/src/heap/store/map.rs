//! A map a slot.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::Arc;

use sciurus_core::record::{DecodeError, RowCodec};
use sciurus_core::time::Timestamp;

use super::{Store, StoreSnapshot, TypedStore, decode_stamp};
use crate::chunk::{Chunked, ChunkedSnapshot};
use crate::descriptor::StateKind;
use crate::ttl::Ttl;

/// A value and when it was last renewed (0 without a time to live).
#[derive(Debug, Clone)]
struct Stamped<V> {
    value: V,
    stamp: Timestamp,
}

type Entries<K, V> = BTreeMap<K, Stamped<V>>;

fn encode<K: RowCodec, V: RowCodec>(map: &Entries<K, V>, stamped: bool, out: &mut Vec<u8>) {
    (map.len() as u32).encode_row(out);
    for (key, entry) in map {
        key.encode_row(out);
        if stamped {
            entry.stamp.encode_row(out);
        }
        entry.value.encode_row(out);
    }
}

/// The column of a map state. A snapshot shares each map; the next write to it copies it alone.
pub(crate) struct MapStore<K, V> {
    maps: Chunked<Option<Arc<Entries<K, V>>>>,
    ttl: Option<Ttl>,
}

impl<K: RowCodec + Ord, V: RowCodec> MapStore<K, V> {
    fn map(&self, slot: usize) -> Option<&Entries<K, V>> {
        self.maps.try_get(slot)?.as_deref()
    }

    fn map_mut(&mut self, slot: usize) -> Option<&mut Entries<K, V>> {
        self.map(slot)?;
        self.maps.get_mut(slot).as_mut().map(Arc::make_mut)
    }

    /// Returns the value of `key`, which renews it where reading does.
    pub(crate) fn get(&mut self, slot: usize, key: &K) -> Option<&V> {
        let Some(ttl) = &self.ttl else {
            return self.map(slot)?.get(key).map(|entry| &entry.value);
        };
        let now = ttl.now();
        let (renew, show_expired) = (ttl.renew_on_read, ttl.show_expired);
        let expired = ttl.expired(self.map(slot)?.get(key)?.stamp, now);
        if expired && !show_expired {
            return None;
        }
        if renew && !expired {
            let entry = self.map_mut(slot)?.get_mut(key)?;
            entry.stamp = now;
            return Some(&entry.value);
        }
        self.map(slot)?.get(key).map(|entry| &entry.value)
    }

    /// Sets the value of `key`. There must be room for `slot`.
    pub(crate) fn put(&mut self, slot: usize, key: K, value: V) {
        let stamp = self.ttl.as_ref().map_or(0, Ttl::now);
        let map = self.maps.get_mut(slot).get_or_insert_with(Arc::default);
        Arc::make_mut(map).insert(key, Stamped { value, stamp });
    }

    /// Calls `update` with the value of `key`, `None` where there is none, and stores what it
    /// leaves. There must be room for `slot`.
    pub(crate) fn update<R>(
        &mut self,
        slot: usize,
        key: K,
        update: impl FnOnce(&mut Option<V>) -> R,
    ) -> R {
        let now = self.ttl.as_ref().map_or(0, Ttl::now);
        let map = Arc::make_mut(self.maps.get_mut(slot).get_or_insert_with(Arc::default));
        let mut value = map
            .remove(&key)
            .filter(|entry| self.ttl.as_ref().is_none_or(|ttl| !ttl.hidden(entry.stamp, now)))
            .map(|entry| entry.value);
        let result = update(&mut value);
        if let Some(value) = value {
            map.insert(key, Stamped { value, stamp: now });
        }
        self.drop_empty(slot);
        result
    }

    /// Removes the value of `key`. Returns it unless it had expired.
    pub(crate) fn remove(&mut self, slot: usize, key: &K) -> Option<V> {
        self.map(slot)?.get(key)?;
        let removed = self.map_mut(slot)?.remove(key)?;
        self.drop_empty(slot);
        let hidden = self.ttl.as_ref().is_some_and(|ttl| ttl.hidden(removed.stamp, ttl.now()));
        (!hidden).then_some(removed.value)
    }

    fn drop_empty(&mut self, slot: usize) {
        if self.map(slot).is_some_and(BTreeMap::is_empty) {
            *self.maps.get_mut(slot) = None;
        }
    }

    /// Calls `visit` with every entry in the order of the keys, which renews them where reading
    /// does. Expired entries are removed; `true` says that they were all there was.
    pub(crate) fn for_each(&mut self, slot: usize, mut visit: impl FnMut(&K, &V)) -> bool {
        let occupied = self.map(slot).is_some();
        if let Some(ttl) = self.ttl.clone() {
            let now = ttl.now();
            if !ttl.show_expired {
                self.expire(slot, now);
            }
            if ttl.renew_on_read
                && let Some(map) = self.map_mut(slot)
            {
                for entry in map.values_mut().filter(|entry| !ttl.expired(entry.stamp, now)) {
                    entry.stamp = now;
                }
            }
        }
        for (key, entry) in self.map(slot).into_iter().flatten() {
            visit(key, &entry.value);
        }
        occupied && self.map(slot).is_none()
    }

    /// Returns whether no entry can be read, without renewing any.
    pub(crate) fn is_empty(&self, slot: usize) -> bool {
        let Some(map) = self.map(slot) else { return true };
        match &self.ttl {
            None => map.is_empty(),
            Some(ttl) => {
                let now = ttl.now();
                map.values().all(|entry| ttl.hidden(entry.stamp, now))
            }
        }
    }
}

impl<K: RowCodec + Ord, V: RowCodec> TypedStore for MapStore<K, V> {
    fn new(ttl: Option<Ttl>) -> Self {
        Self { maps: Chunked::new(), ttl }
    }

    fn grow(&mut self, slots: usize) {
        self.maps.grow(slots, || None);
    }

    fn decode(&mut self, slot: usize, stamped: bool, input: &mut &[u8]) -> Result<(), DecodeError> {
        let mut map = Entries::new();
        for _ in 0..u32::decode_row(input)? {
            let key = K::decode_row(input)?;
            let stamp = decode_stamp(self.ttl.as_ref(), stamped, input)?;
            map.insert(key, Stamped { value: V::decode_row(input)?, stamp });
        }
        *self.maps.get_mut(slot) = (!map.is_empty()).then(|| Arc::new(map));
        Ok(())
    }

    fn describe() -> String {
        format!("{} of {}", StateKind::Map, type_name::<(K, V)>())
    }
}

impl<K: RowCodec + Ord, V: RowCodec> Store for MapStore<K, V> {
    fn is_vacant(&self, slot: usize) -> bool {
        self.maps.try_get(slot).is_none_or(Option::is_none)
    }

    fn clear(&mut self, slot: usize) {
        if !self.is_vacant(slot) {
            *self.maps.get_mut(slot) = None;
        }
    }

    fn expire(&mut self, slot: usize, now: Timestamp) {
        if let Some(ttl) = self.ttl.clone()
            && let Some(map) = self.map(slot)
            && map.values().any(|entry| ttl.expired(entry.stamp, now))
        {
            if let Some(map) = self.map_mut(slot) {
                map.retain(|_, entry| !ttl.expired(entry.stamp, now));
            }
            self.drop_empty(slot);
        }
    }

    #[cfg(feature = "rocksdb")]
    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(map) = self.map(slot) {
            encode(map, self.ttl.is_some(), out);
        }
    }

    fn snapshot(&mut self) -> Box<dyn StoreSnapshot> {
        Box::new(MapSnapshot { maps: self.maps.snapshot(), stamped: self.ttl.is_some() })
    }
}

/// An immutable view of a [`MapStore`].
struct MapSnapshot<K, V> {
    maps: ChunkedSnapshot<Option<Arc<Entries<K, V>>>>,
    stamped: bool,
}

impl<K: RowCodec + Ord, V: RowCodec> StoreSnapshot for MapSnapshot<K, V> {
    fn is_occupied(&self, slot: usize) -> bool {
        self.maps.get(slot).is_some_and(Option::is_some)
    }

    fn encode(&self, slot: usize, out: &mut Vec<u8>) {
        if let Some(Some(map)) = self.maps.get(slot) {
            encode(map, self.stamped, out);
        }
    }
}
