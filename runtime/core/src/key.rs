//! Keys in their binary form, their hashes, and the key groups that own them.
//!
//! A key group is the unit that state is moved by: a subtask owns a contiguous range of them, and
//! the same key belongs to the same group at any parallelism. Hash and group of a key are part of
//! the snapshot format (docs/formats.md) and never change.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::{Buffer, ScalarBuffer};
use xxhash_rust::xxh3::xxh3_64;

use crate::record::view::{INLINE_BYTES, ViewBuilder, inline_view, view_len};

/// A key group's number, below the maximum parallelism.
pub type KeyGroup = u16;

/// The largest maximum parallelism, Flink's upper bound.
pub const MAX_KEY_GROUPS: u32 = 1 << 15;

/// Hashes a key in its binary form: one of up to 12 bytes as [`hash_inline`] does its view, a
/// longer one by XXH3-64 without a seed.
#[inline]
pub fn hash_key(key: &[u8]) -> u64 {
    if key.len() <= INLINE_BYTES { hash_inline(inline_view(key)) } else { xxh3_64(key) }
}

/// Hashes a key of up to 12 bytes, given as its view: both halves, each with a constant, are
/// multiplied to 128 bits, and once more the halves of the product.
#[inline]
pub fn hash_inline(view: u128) -> u64 {
    let (low, high) = (view as u64, (view >> 64) as u64);
    let product = u128::from(low ^ SECRETS[0]) * u128::from(high ^ SECRETS[1]);
    let (low, high) = (low ^ product as u64, high ^ (product >> 64) as u64);
    let product = u128::from(low ^ SECRETS[2]) * u128::from(high ^ SECRETS[3]);
    product as u64 ^ (product >> 64) as u64
}

/// Odd numbers with 32 of 64 bits set, from wyhash.
const SECRETS: [u64; 4] =
    [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

/// Returns the key group of a key with this hash: its upper 32 bits, scaled to `max_parallelism`.
#[inline]
pub fn key_group(hash: u64, max_parallelism: u32) -> KeyGroup {
    (((hash >> 32) * u64::from(max_parallelism)) >> 32) as KeyGroup
}

/// Returns the subtask that owns a key group, by Flink's rule `group · parallelism / max`.
#[inline]
pub fn subtask_of(group: KeyGroup, parallelism: u32, max_parallelism: u32) -> u32 {
    u32::from(group) * parallelism / max_parallelism
}

/// A contiguous range of key groups; it may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyGroupRange {
    /// The first group.
    pub start: u32,
    /// The group behind the last one.
    pub end: u32,
}

impl KeyGroupRange {
    /// Returns the groups that subtask `index` of `parallelism` owns.
    ///
    /// # Panics
    /// Where `index` is not below `parallelism` or `parallelism` is above `max_parallelism`.
    pub fn of_subtask(index: u32, parallelism: u32, max_parallelism: u32) -> Self {
        assert!(
            index < parallelism && parallelism <= max_parallelism,
            "subtask {index} of {parallelism} has no key groups among {max_parallelism}"
        );
        Self {
            start: (index * max_parallelism).div_ceil(parallelism),
            end: ((index + 1) * max_parallelism).div_ceil(parallelism),
        }
    }

    /// Returns whether the range holds `group`.
    pub fn contains(self, group: KeyGroup) -> bool {
        (self.start..self.end).contains(&u32::from(group))
    }

    /// Returns the number of groups.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Returns whether the range holds no group.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Returns the groups as an inclusive range, `None` where there are none.
    pub fn groups(self) -> Option<RangeInclusive<KeyGroup>> {
        (!self.is_empty()).then(|| self.start as KeyGroup..=(self.end - 1) as KeyGroup)
    }
}

/// The keys of a batch in their binary form, one a physical row.
#[derive(Debug, Clone)]
pub enum KeyBytes {
    /// Keys of one width.
    Fixed {
        /// Bytes a key.
        width: usize,
        /// The keys, one behind the other.
        data: Buffer,
    },
    /// Keys of different lengths.
    Variable {
        /// Where each key starts, and behind the last one its end; bytes into `data`.
        offsets: ScalarBuffer<i32>,
        /// The keys, one behind the other.
        data: Buffer,
    },
    /// Keys of different lengths as views; see [`crate::record::view`].
    Views {
        /// The views.
        views: ScalarBuffer<u128>,
        /// Where keys of more than 12 bytes lie.
        buffers: Arc<[Buffer]>,
    },
}

impl KeyBytes {
    /// Makes keys of `width` bytes each.
    pub fn fixed(width: usize, data: Buffer) -> Self {
        Self::Fixed { width, data }
    }

    /// Makes keys of different lengths.
    pub fn variable(offsets: ScalarBuffer<i32>, data: Buffer) -> Self {
        Self::Variable { offsets, data }
    }

    /// Makes keys of different lengths from Arrow's views.
    pub fn views(views: ScalarBuffer<u128>, buffers: Arc<[Buffer]>) -> Self {
        Self::Views { views, buffers }
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        match self {
            Self::Fixed { width, data } => data.len() / width,
            Self::Variable { offsets, .. } => offsets.len().saturating_sub(1),
            Self::Views { views, .. } => views.len(),
        }
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the key of physical row `row`.
    ///
    /// # Panics
    /// Where `row` is out of range.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Fixed { width, data } => &data.as_slice()[row * width..(row + 1) * width],
            Self::Variable { offsets, data } => {
                &data.as_slice()[offsets[row] as usize..offsets[row + 1] as usize]
            }
            Self::Views { views, buffers } => key_of_view(views, buffers, row),
        }
    }

    /// Returns the hash of every key.
    pub fn hashes(&self) -> ScalarBuffer<u64> {
        match self {
            Self::Fixed { width, data } => {
                data.as_slice().chunks_exact(*width).map(hash_key).collect()
            }
            Self::Variable { offsets, data } => {
                let data = data.as_slice();
                offsets
                    .windows(2)
                    .map(|pair| hash_key(&data[pair[0] as usize..pair[1] as usize]))
                    .collect()
            }
            Self::Views { views, buffers } => {
                let mut hashes = Vec::with_capacity(views.len());
                for (row, view) in views.iter().enumerate() {
                    hashes.push(if view_len(*view) <= INLINE_BYTES {
                        hash_inline(*view)
                    } else {
                        hash_key(key_of_view(views, buffers, row))
                    });
                }
                hashes.into()
            }
        }
    }
}

/// Returns the key of a view, where it lies: in the view itself or in a buffer.
#[inline]
fn key_of_view<'a>(views: &'a ScalarBuffer<u128>, buffers: &'a [Buffer], row: usize) -> &'a [u8] {
    let view = views[row];
    let len = view_len(view);
    if len <= INLINE_BYTES {
        // In memory a view is little-endian, as all of Arrow here.
        let start = row * size_of::<u128>() + size_of::<u32>();
        return &views.inner().as_slice()[start..start + len];
    }
    let (buffer, start) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
    &buffers[buffer].as_slice()[start..start + len]
}

/// Collects keys in their binary form, as views.
#[derive(Debug)]
pub struct KeyBytesBuilder {
    views: ViewBuilder,
}

impl Default for KeyBytesBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl KeyBytesBuilder {
    /// Makes a builder that holds `keys` keys before it grows.
    pub fn with_capacity(keys: usize) -> Self {
        Self { views: ViewBuilder::with_capacity(keys) }
    }

    /// Appends a key.
    #[inline]
    pub fn push(&mut self, key: &[u8]) {
        self.views.append(key);
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the keys and starts anew with the same capacity.
    pub fn finish(&mut self) -> KeyBytes {
        let (views, buffers) = self.views.take();
        KeyBytes::views(views, buffers)
    }
}

/// The keys of a batch: typed columns for user code, bytes and hashes for state and partitioning.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The keys as one column of the key type's `Record::data_type`.
    pub column: ArrayRef,
    /// The keys in their binary form.
    pub bytes: KeyBytes,
    /// The keys' hashes.
    pub hashes: ScalarBuffer<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_group_belongs_to_exactly_the_subtask_whose_range_holds_it() {
        for max_parallelism in [1, 2, 7, 128, 4096] {
            for parallelism in [1, 2, 3, 5, 7, 128].into_iter().filter(|p| *p <= max_parallelism) {
                for group in 0..max_parallelism {
                    let group = group as KeyGroup;
                    let owner = subtask_of(group, parallelism, max_parallelism);
                    for subtask in 0..parallelism {
                        let range =
                            KeyGroupRange::of_subtask(subtask, parallelism, max_parallelism);
                        assert_eq!(range.contains(group), subtask == owner);
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_has_the_same_hash_however_it_lies() {
        let words = ["", "a", "word", "twelve bytes", "more than twelve bytes"];
        let mut builder = KeyBytesBuilder::default();
        for word in words {
            builder.push(word.as_bytes());
        }
        let array = arrow_array::StringViewArray::from_iter_values(words);
        let views = KeyBytes::views(array.views().clone(), array.data_buffers().clone());
        let array = arrow_array::StringArray::from_iter_values(words);
        let spans = KeyBytes::variable(array.offsets().inner().clone(), array.values().clone());
        for keys in [views, spans, builder.finish()] {
            for (row, word) in words.iter().enumerate() {
                assert_eq!(keys.get(row), word.as_bytes());
                assert_eq!(keys.hashes()[row], hash_key(word.as_bytes()));
            }
        }
    }

    #[test]
    fn hashes_and_key_groups_are_those_of_the_format() {
        assert_eq!(hash_key(b""), 0xf5bb_b786_ac40_58c7);
        // XXH3 of a text longer than a view holds.
        assert_eq!(hash_key(b"sciurus vulgaris"), xxh3_64(b"sciurus vulgaris"));
        assert_eq!(key_group(u64::MAX, 128), 127);
        assert_eq!(key_group(0x8000_0000_0000_0000, 128), 64);
        assert_eq!(key_group(0, 128), 0);
    }
}
