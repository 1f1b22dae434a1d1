//! Reading the parts of a snapshot.

use super::SnapshotError;

/// Reads bytes from the front.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    part: &'static str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], part: &'static str) -> Self {
        Self { bytes, part }
    }

    fn short(&self) -> SnapshotError {
        SnapshotError::corrupt(self.part, "it ends too early")
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], SnapshotError> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or_else(|| self.short())?;
        self.bytes = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, tail) = self.bytes.split_first_chunk().ok_or_else(|| self.short())?;
        self.bytes = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, SnapshotError> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, SnapshotError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, SnapshotError> {
        self.array().map(i64::from_le_bytes)
    }

    /// Reads a length and as many bytes.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], SnapshotError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Result<String, SnapshotError> {
        let bytes = self.sized()?.to_vec();
        String::from_utf8(bytes).map_err(|_| SnapshotError::corrupt(self.part, "invalid UTF-8"))
    }

    /// Returns the number of bytes left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn end(&self) -> Result<(), SnapshotError> {
        if self.is_empty() {
            return Ok(());
        }
        let reason = format!("{} bytes are left over", self.bytes.len());
        Err(SnapshotError::corrupt(self.part, reason))
    }
}
