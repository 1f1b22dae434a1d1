//! Handles and metadata as bytes: docs/formats.md, "Checkpoint metadata".
//!
//! Nothing that is read is believed before its checksum was verified, and nothing is reserved for a
//! count or length beyond the bytes that are left.

mod cursor;
mod envelope;
mod error;
mod handles;
mod metadata;
mod restore;

pub use envelope::FLINK_METADATA_MAGIC;
pub use error::MetadataError;

use cursor::Cursor;

/// Where relative paths start, and what is written relative to it.
pub(crate) type Base<'a> = Option<&'a crate::storage::StorageUrl>;

fn put_len(len: usize, out: &mut Vec<u8>) {
    assert!(u32::try_from(len).is_ok(), "state inline, names and counts are below 4 Gi");
    out.extend_from_slice(&(len as u32).to_le_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}
