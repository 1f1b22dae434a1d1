//! Strings and bytes as views: 16 bytes a value, which hold a short value whole.
//!
//! The layout is Arrow's (`Utf8View`, `BinaryView`): the low 32 bits are the length; a value of up
//! to 12 bytes follows in the upper 96, padded with zeros; of a longer one its first four bytes,
//! the number of the buffer it lies in and its place there. Most words, codes and ids are short:
//! they are written, hashed and compared as one integer, without a copy of unpredictable length.
//!
//! This module holds the only unsafe code of the workspace, in `ViewBuilder::finish_strings` and
//! [`unpack_strings`]. Its need was measured: checking each value again for UTF-8 one by one costs 5 ns
//! a word, a tenth of what `WordCount` costs altogether.

mod packed;

use std::sync::Arc;

use arrow_array::{BinaryViewArray, StringViewArray};
use arrow_buffer::{Buffer, ScalarBuffer};

pub use packed::{PackedLayout, Packer, UnpackError, unpack_bytes, unpack_strings};

/// The longest value that lies in its view.
pub const INLINE_BYTES: usize = 12;

/// The bytes of a buffer of long values, unless one value is longer.
const BUFFER_BYTES: usize = 32 << 10;

/// Returns the view of a value of up to [`INLINE_BYTES`] bytes.
///
/// Values of 4 to 12 bytes are read as three words at places that depend on the length, so that
/// the processor has no branch to guess.
///
/// # Panics
/// Where the value is longer.
#[inline]
pub fn inline_view(value: &[u8]) -> u128 {
    let len = value.len();
    assert!(len <= INLINE_BYTES, "a value of more than 12 bytes does not fit its view");
    let bytes = if len >= 4 {
        let second = word_at(value, 4.min(len - 4)) >> (32 - 8 * (len - 4).min(4));
        let third = word_at(value, 8.min(len - 4)) >> (32 - 8 * len.saturating_sub(8));
        u128::from(word_at(value, 0)) | u128::from(second) << 32 | u128::from(third) << 64
    } else if len == 0 {
        0
    } else {
        let middle = u32::from(value[len / 2]) << (8 * (len / 2));
        let last = u32::from(value[len - 1]) << (8 * (len - 1));
        u128::from(u32::from(value[0]) | middle | last)
    };
    len as u128 | bytes << 32
}

/// Returns the four bytes at `start`, in the low half, so that all of them can be shifted out.
#[inline]
fn word_at(value: &[u8], start: usize) -> u64 {
    let mut word = [0; 4];
    word.copy_from_slice(&value[start..start + 4]);
    u64::from(u32::from_le_bytes(word))
}

/// Returns the length of the value of a view, in bytes.
#[inline]
pub fn view_len(view: u128) -> usize {
    view as u32 as usize
}

/// Returns a view without the place of a long value: equal for equal values of up to 12 bytes, and
/// for longer ones of equal length and equal first four bytes.
#[inline]
pub fn without_place(view: u128) -> u128 {
    if view_len(view) <= INLINE_BYTES { view } else { u128::from(view as u64) }
}

/// Collects values as views.
#[derive(Debug)]
pub(crate) struct ViewBuilder {
    views: Vec<u128>,
    buffer: Vec<u8>,
    full: Vec<Buffer>,
    long_bytes: usize,
    rows: usize,
}

impl ViewBuilder {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            views: Vec::with_capacity(rows),
            buffer: Vec::new(),
            full: Vec::new(),
            long_bytes: 0,
            rows,
        }
    }

    #[inline]
    pub(crate) fn append(&mut self, value: &[u8]) {
        let view =
            if value.len() <= INLINE_BYTES { inline_view(value) } else { self.append_long(value) };
        self.views.push(view);
    }

    /// Copies a long value into a buffer and returns its view.
    fn append_long(&mut self, value: &[u8]) -> u128 {
        assert!(u32::try_from(value.len()).is_ok(), "a value of 4 GiB or more fits no column");
        if self.buffer.len() + value.len() > self.buffer.capacity() {
            let next = Vec::with_capacity(BUFFER_BYTES.max(value.len()));
            let full = std::mem::replace(&mut self.buffer, next);
            if !full.is_empty() {
                self.full.push(full.into());
            }
        }
        let place = (self.buffer.len() as u128) << 96 | (self.full.len() as u128) << 64;
        self.buffer.extend_from_slice(value);
        self.long_bytes += value.len();
        value.len() as u128 | u128::from(word_at(value, 0)) << 32 | place
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.views.as_slice()) + self.long_bytes
    }

    /// Drops all values from the `len`-th on. What long ones among them take stays taken.
    pub(super) fn truncate(&mut self, len: usize) {
        self.views.truncate(len);
    }

    /// Takes views and buffers, and starts anew with the same capacity.
    pub(crate) fn take(&mut self) -> (ScalarBuffer<u128>, Arc<[Buffer]>) {
        let views = std::mem::replace(&mut self.views, Vec::with_capacity(self.rows));
        let mut buffers = std::mem::take(&mut self.full);
        if !self.buffer.is_empty() {
            buffers.push(std::mem::take(&mut self.buffer).into());
        }
        self.long_bytes = 0;
        (views.into(), buffers.into())
    }

    /// Returns the values as strings. All of them were appended through [`StringViews`].
    #[allow(unsafe_code)]
    fn finish_strings(&mut self) -> StringViewArray {
        let (views, buffers) = self.take();
        // SAFETY: `new_unchecked` asks for what `try_new` would check. Every view was made by
        // `append`: a short one holds its value padded with zeros, a long one its length, its first
        // four bytes and the place in `buffers` that the value was copied to, which is in bounds;
        // buffers only grow until they are taken here, together with the views. Every value came
        // from a `&str`, since `StringViews` is the only way to this method, and so is UTF-8.
        unsafe { StringViewArray::new_unchecked(views, buffers, None) }
    }

    pub(super) fn finish_bytes(&mut self) -> BinaryViewArray {
        let (views, buffers) = self.take();
        BinaryViewArray::new(views, buffers, None)
    }
}

/// Collects strings as views; values that aren't UTF-8 can't get in.
#[derive(Debug)]
pub(super) struct StringViews(ViewBuilder);

impl StringViews {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self(ViewBuilder::with_capacity(rows))
    }

    #[inline]
    pub(super) fn append(&mut self, value: &str) {
        self.0.append(value.as_bytes());
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(super) fn finish(&mut self) -> StringViewArray {
        self.0.finish_strings()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_inline_view_holds_length_and_bytes(value in prop::collection::vec(any::<u8>(), 0..=12)) {
            let view = inline_view(&value).to_le_bytes();
            prop_assert_eq!(u32::from_le_bytes([view[0], view[1], view[2], view[3]]) as usize, value.len());
            prop_assert_eq!(&view[4..4 + value.len()], &value[..]);
            prop_assert!(view[4 + value.len()..].iter().all(|byte| *byte == 0));
        }

        #[test]
        fn arrow_accepts_what_the_builder_makes(values in prop::collection::vec(".{0,40}", 0..200)) {
            let mut builder = StringViews::with_capacity(3);
            for _ in 0..2 {
                for value in &values {
                    builder.append(value);
                }
                let array = builder.finish();
                let checked = StringViewArray::try_new(
                    array.views().clone(), array.data_buffers().to_vec(), None,
                );
                let checked = checked.unwrap();
                prop_assert_eq!(checked.len(), values.len());
                prop_assert!(checked.iter().zip(&values).all(|(a, b)| a == Some(b.as_str())));
            }
        }
    }

    #[test]
    fn values_can_be_taken_back() {
        let mut builder = StringViews::with_capacity(0);
        for value in ["short", "a value that is long", "another value that is long"] {
            builder.append(value);
        }
        builder.truncate(1);
        builder.append("the last value, which is long");
        let array = builder.finish();
        let values: Vec<_> = array.iter().flatten().collect();
        assert_eq!(values, ["short", "the last value, which is long"]);
    }

    #[test]
    fn long_values_fill_several_buffers() {
        let mut builder = StringViews::with_capacity(0);
        let values: Vec<String> = (1..40)
            .map(|n| char::from(b'a' + n % 26).to_string().repeat(usize::from(n) * 997))
            .collect();
        for value in &values {
            builder.append(value);
        }
        assert!(builder.bytes() > values.iter().map(String::len).sum());
        let array = builder.finish();
        assert!(array.data_buffers().len() > 1);
        assert!(array.iter().zip(&values).all(|(a, b)| a == Some(b.as_str())));
    }
}
