//! Taking bytes apart.

use bytes::Bytes;

use super::MetadataError;

type Result<T> = std::result::Result<T, MetadataError>;

/// Takes values from the front of bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    part: &'static str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { bytes, part }
    }

    /// Says what the bytes that follow are, for errors.
    pub(super) fn part(&mut self, part: &'static str) {
        self.part = part;
    }

    pub(super) fn corrupt(&self, reason: impl Into<String>) -> MetadataError {
        MetadataError::corrupt(self.part, reason)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else {
            let left = self.bytes.len();
            return Err(self.corrupt(format!("{length} bytes are wanted where {left} are left")));
        };
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Takes a count of things that take at least so many bytes each.
    pub(super) fn count(&mut self, each_bytes: usize) -> Result<usize> {
        let count = self.u32()? as usize;
        if count.saturating_mul(each_bytes) > self.bytes.len() {
            let left = self.bytes.len();
            return Err(self.corrupt(format!("it counts {count} where {left} bytes are left")));
        }
        Ok(count)
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(format!("{other} stands where 0 or 1 may"))),
        }
    }

    pub(super) fn sized(&mut self) -> Result<&'a [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes> {
        self.sized().map(Bytes::copy_from_slice)
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let bytes = self.sized()?;
        std::str::from_utf8(bytes).map_err(|_| self.corrupt("a text is not UTF-8"))
    }

    pub(super) fn end(&self) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(MetadataError::corrupt("its end", format!("{left} bytes are left over"))),
        }
    }
}
