//! Views without their padding, for the way between processes.
//!
//! A column of views is packed into: a byte for each value, which is its length, or 13 where it is
//! longer than a view holds; the short values, one behind the other, and 16 bytes of 0; the lengths
//! of the long values, 4 bytes each, little endian; the long values. A word of five letters takes 6
//! bytes instead of 16, and moving bytes through a kernel costs more than this.

use std::sync::Arc;

use arrow_array::{BinaryViewArray, StringViewArray};
use arrow_buffer::{Buffer, ScalarBuffer};

use super::{INLINE_BYTES, view_len};

/// Bytes of 0 behind short values, so that 16 bytes can be read from the start of each.
const PADDING: usize = 16;

/// The length byte of a value that doesn't lie in its view.
const LONG: u8 = INLINE_BYTES as u8 + 1;

/// What belongs to a value of each length among 16 bytes that begin with it.
const MASKS: [u128; INLINE_BYTES + 1] = {
    let mut masks = [0; INLINE_BYTES + 1];
    let mut len = 0;
    while len <= INLINE_BYTES {
        masks[len] = (1 << (8 * len)) - 1;
        len += 1;
    }
    masks
};

/// How packed values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedLayout {
    /// How many values there are.
    pub rows: usize,
    /// How many bytes the short ones take.
    pub short_bytes: usize,
    /// How many values are long.
    pub long_values: usize,
    /// How many bytes these take.
    pub long_bytes: usize,
}

/// Says that bytes are not the packed values that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packed values are damaged: {0}")]
pub struct UnpackError(&'static str);

impl PackedLayout {
    /// Returns how many bytes such values take; `None` where that is more than there can be.
    pub fn bytes(&self) -> Option<usize> {
        self.rows
            .checked_add(self.short_bytes)?
            .checked_add(PADDING)?
            .checked_add(self.long_values.checked_mul(size_of::<u32>())?)?
            .checked_add(self.long_bytes)
    }
}

/// Packs columns of views.
#[derive(Debug, Default)]
pub struct Packer {
    /// Where short values are put together, whatever they turn out to take.
    short: Vec<u8>,
    long_lens: Vec<u8>,
    long: Vec<u8>,
}

impl Packer {
    /// Appends the values of `views` at `rows`, packed, to `out`.
    ///
    /// # Panics
    /// Where a view leads out of `buffers`, or `rows` out of `views`.
    pub fn pack(
        &mut self,
        views: &[u128],
        buffers: &[Buffer],
        rows: impl ExactSizeIterator<Item = usize>,
        out: &mut Vec<u8>,
    ) -> PackedLayout {
        let count = rows.len();
        let room = count * INLINE_BYTES + PADDING;
        if self.short.len() < room {
            self.short.resize(room, 0);
        }
        self.long_lens.clear();
        self.long.clear();
        let mut short_bytes = 0;
        let short = self.short.as_mut_slice();
        out.reserve(count + count * INLINE_BYTES / 2 + PADDING);
        out.extend(rows.map(|row| {
            let view = views[row];
            let len = view_len(view);
            if len > INLINE_BYTES {
                let (buffer, start) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
                self.long_lens.extend_from_slice(&(len as u32).to_le_bytes());
                self.long.extend_from_slice(&buffers[buffer].as_slice()[start..start + len]);
                return LONG;
            }
            // All 16 bytes, since their number is known: the next value overwrites what is too much.
            short[short_bytes..short_bytes + 16].copy_from_slice(&(view >> 32).to_le_bytes());
            short_bytes += len;
            len as u8
        }));
        out.extend_from_slice(&self.short[..short_bytes]);
        out.extend_from_slice(&[0; PADDING]);
        out.extend_from_slice(&self.long_lens);
        out.extend_from_slice(&self.long);
        let long_values = self.long_lens.len() / size_of::<u32>();
        PackedLayout { rows: count, short_bytes, long_values, long_bytes: self.long.len() }
    }
}

/// Packed values, part by part.
struct Parts<'a> {
    lens: &'a [u8],
    /// With the padding.
    short: &'a [u8],
    long_lens: &'a [u8],
    long: Buffer,
}

impl<'a> Parts<'a> {
    fn new(layout: PackedLayout, packed: &'a Buffer) -> Result<Self, UnpackError> {
        if layout.bytes() != Some(packed.len()) {
            return Err(UnpackError("there are more or less than said"));
        }
        let (lens, rest) = packed.as_slice().split_at(layout.rows);
        let (short, rest) = rest.split_at(layout.short_bytes + PADDING);
        let (long_lens, long) = rest.split_at(layout.long_values * size_of::<u32>());
        let long = packed.slice(packed.len() - long.len());
        Ok(Self { lens, short, long_lens, long })
    }

    /// Makes the views. Each is valid with `long` as the only buffer.
    fn views(&self) -> Result<Vec<u128>, UnpackError> {
        const WRONG: UnpackError = UnpackError("lengths and values don't fit together");
        let mut views = Vec::with_capacity(self.lens.len());
        let mut long_lens = self.long_lens.chunks_exact(size_of::<u32>());
        let (mut at, mut long_at) = (0, 0);
        for len in self.lens {
            if *len == LONG {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(long_lens.next().ok_or(WRONG)?);
                let len = u32::from_le_bytes(bytes);
                let end = usize::checked_add(long_at, len as usize).ok_or(WRONG)?;
                let value = self.long.as_slice().get(long_at..end).ok_or(WRONG)?;
                let place = u32::try_from(long_at).map_err(|_| WRONG)?;
                // Shorter ones lie in their view.
                let prefix =
                    if value.len() > INLINE_BYTES { &value[..4] } else { return Err(WRONG) };
                bytes.copy_from_slice(prefix);
                let prefix = u32::from_le_bytes(bytes);
                views.push(u128::from(len) | u128::from(prefix) << 32 | u128::from(place) << 96);
                long_at = end;
                continue;
            }
            let mask = MASKS.get(usize::from(*len)).ok_or(WRONG)?;
            let mut bytes = [0; 16];
            bytes.copy_from_slice(self.short.get(at..at + 16).ok_or(WRONG)?);
            views.push((u128::from_le_bytes(bytes) & mask) << 32 | u128::from(*len));
            at += usize::from(*len);
        }
        let is_all = at + PADDING == self.short.len()
            && long_at == self.long.len()
            && long_lens.next().is_none();
        if is_all { Ok(views) } else { Err(WRONG) }
    }

    fn check_utf8(&self, views: &[u128]) -> Result<(), UnpackError> {
        if self.short.is_ascii() && self.long.is_ascii() {
            return Ok(());
        }
        for view in views {
            let len = view_len(*view);
            let is_utf8 = if len <= INLINE_BYTES {
                str::from_utf8(&(view >> 32).to_le_bytes()[..len]).is_ok()
            } else {
                let start = (view >> 96) as usize;
                str::from_utf8(&self.long.as_slice()[start..start + len]).is_ok()
            };
            if !is_utf8 {
                return Err(UnpackError("a string isn't UTF-8"));
            }
        }
        Ok(())
    }

    fn into_buffers(self) -> Arc<[Buffer]> {
        if self.long.is_empty() { Arc::new([]) } else { Arc::new([self.long]) }
    }
}

/// Makes strings of packed values; the long ones share the memory of `packed`.
///
/// # Errors
/// Where these are no packed strings.
#[allow(unsafe_code)]
pub fn unpack_strings(
    layout: PackedLayout,
    packed: &Buffer,
) -> Result<StringViewArray, UnpackError> {
    let parts = Parts::new(layout, packed)?;
    let views = parts.views()?;
    parts.check_utf8(&views)?;
    let views = ScalarBuffer::from(views);
    // SAFETY: `new_unchecked` asks for what `try_new` would check. `views` makes each view of a
    // short value with its length and padded with zeros, and each of a long one with its length,
    // its first four bytes and a place in `long`, the only buffer, that it has checked to be in
    // bounds; where there is no long value no buffer is needed. `check_utf8` has looked at them all.
    Ok(unsafe { StringViewArray::new_unchecked(views, parts.into_buffers(), None) })
}

/// Makes byte strings of packed values; the long ones share the memory of `packed`.
///
/// # Errors
/// Where these are no packed values.
#[allow(unsafe_code)]
pub fn unpack_bytes(layout: PackedLayout, packed: &Buffer) -> Result<BinaryViewArray, UnpackError> {
    let parts = Parts::new(layout, packed)?;
    let views = ScalarBuffer::from(parts.views()?);
    // SAFETY: as above, but that bytes needn't be UTF-8.
    Ok(unsafe { BinaryViewArray::new_unchecked(views, parts.into_buffers(), None) })
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    fn pack(values: &BinaryViewArray, rows: &[usize]) -> (PackedLayout, Buffer) {
        let (mut packer, mut packed) = (Packer::default(), vec![7; 3]);
        let rows = rows.iter().copied();
        let layout = packer.pack(values.views(), values.data_buffers(), rows, &mut packed);
        (layout, Buffer::from_vec(packed).slice(3))
    }

    fn all(values: &BinaryViewArray) -> (PackedLayout, Buffer) {
        pack(values, &(0..values.len()).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..100),
            rows in prop::collection::vec(any::<prop::sample::Index>(), 0..100),
        ) {
            let array = BinaryViewArray::from_iter_values(&values);
            let (layout, packed) = all(&array);
            let unpacked = unpack_bytes(layout, &packed).unwrap();
            prop_assert_eq!(&unpacked, &array);
            // Arrow finds all in order that isn't looked at here.
            let (views, buffers, _) = unpacked.into_parts();
            prop_assert!(BinaryViewArray::try_new(views, buffers, None).is_ok());
            if !values.is_empty() {
                let rows: Vec<usize> = rows.iter().map(|row| row.index(values.len())).collect();
                let (layout, packed) = pack(&array, &rows);
                let unpacked = unpack_bytes(layout, &packed).unwrap();
                for (row, value) in rows.iter().zip(unpacked.iter()) {
                    prop_assert_eq!(value, Some(values[*row].as_slice()));
                }
            }
        }

        #[test]
        fn strings_are_unpacked_only_where_they_are_utf8(
            values in prop::collection::vec(".{0,20}", 1..50),
            wrong in any::<prop::sample::Index>(),
        ) {
            let array = StringViewArray::from_iter_values(&values);
            let (layout, packed) = all(&array.clone().to_binary_view());
            prop_assert_eq!(unpack_strings(layout, &packed).unwrap(), array);
            let mut values: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
            let at = wrong.index(values.len());
            values[at].push(0xe4);
            let (layout, packed) = all(&BinaryViewArray::from_iter_values(&values));
            prop_assert!(unpack_strings(layout, &packed).is_err());
        }

        #[test]
        fn damage_is_noticed_or_makes_other_values_that_are_valid(
            values in prop::collection::vec(".{0,20}", 1..30),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
            layout_damage in prop::option::of((0_usize..4, any::<usize>())),
        ) {
            let array = StringViewArray::from_iter_values(&values);
            let (mut layout, packed) = all(&array.to_binary_view());
            let mut bytes = packed.to_vec();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            match layout_damage {
                Some((0, number)) => layout.rows = number,
                Some((1, number)) => layout.short_bytes = number,
                Some((2, number)) => layout.long_values = number,
                Some((_, number)) => layout.long_bytes = number,
                None => {}
            }
            if let Ok(array) = unpack_strings(layout, &Buffer::from_vec(bytes)) {
                let (views, buffers, _) = array.into_parts();
                prop_assert!(StringViewArray::try_new(views, buffers, None).is_ok());
            }
        }
    }
}
