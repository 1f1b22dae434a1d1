//! The binary row form: little-endian fixed-width values; strings, bytes and lists behind a `u32`
//! length; options behind one byte. Specified in docs/formats.md.

use arrow_array::ArrayRef;

use super::{Builder, Record};
use crate::key::KeyBytes;

/// Bytes that don't form the value asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes ended early.
    #[error("the bytes end {missing} too early for a value of type {what}")]
    TooShort {
        /// The type being read.
        what: &'static str,
        /// How many bytes are missing at least.
        missing: usize,
    },
    /// Bytes were left over.
    #[error("{bytes} bytes are left over behind the value")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A value that its type doesn't allow.
    #[error("{what}: {reason}")]
    Invalid {
        /// The type being read.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Takes `len` bytes from the front of `input`.
///
/// # Errors
/// [`DecodeError::TooShort`].
pub fn take<'a>(
    input: &mut &'a [u8],
    len: usize,
    what: &'static str,
) -> Result<&'a [u8], DecodeError> {
    match input.split_at_checked(len) {
        Some((head, tail)) => {
            *input = tail;
            Ok(head)
        }
        None => Err(DecodeError::TooShort { what, missing: len - input.len() }),
    }
}

/// Takes `N` bytes from the front of `input`.
///
/// # Errors
/// [`DecodeError::TooShort`].
pub fn take_array<const N: usize>(
    input: &mut &[u8],
    what: &'static str,
) -> Result<[u8; N], DecodeError> {
    let mut array = [0; N];
    array.copy_from_slice(take(input, N, what)?);
    Ok(array)
}

/// Takes a `u32` length and as many bytes from the front of `input`.
///
/// # Errors
/// [`DecodeError::TooShort`].
pub fn take_sized<'a>(input: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], DecodeError> {
    let len = u32::from_le_bytes(take_array(input, what)?) as usize;
    take(input, len, what)
}

/// Appends a `u32` length and the bytes.
///
/// # Panics
/// Where `bytes` is 4 GiB or more, which no batch holds.
pub fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    assert!(u32::try_from(bytes.len()).is_ok(), "a value of 4 GiB or more cannot be encoded");
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads keys back into one column, one by one.
///
/// # Errors
/// What [`Record::decode_key`] returns.
pub fn decode_keys<K: Record>(keys: &KeyBytes) -> Result<ArrayRef, DecodeError> {
    let mut builder = K::Builder::with_capacity(keys.len());
    for row in 0..keys.len() {
        builder.append(K::decode_key(keys.get(row))?.view());
    }
    Ok(builder.finish())
}

/// Encodes and decodes owned values in the row form: what state holds.
///
/// Implemented for every [`Record`].
pub trait RowCodec: Clone + Send + Sync + 'static {
    /// Appends the value's binary form to `out`.
    fn encode_row(&self, out: &mut Vec<u8>);

    /// Reads one value from the front of `input` and advances it.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes end early or don't form such a value.
    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError>;
}

impl<T: Record> RowCodec for T {
    #[inline]
    fn encode_row(&self, out: &mut Vec<u8>) {
        T::encode(self.view(), out);
    }

    #[inline]
    fn decode_row(input: &mut &[u8]) -> Result<Self, DecodeError> {
        T::decode(input)
    }
}
