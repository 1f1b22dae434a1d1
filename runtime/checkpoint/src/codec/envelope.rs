//! What is around the bytes of a thing: what it is, its version, its length, its checksum.

use xxhash_rust::xxh3::xxh3_64;

use super::MetadataError;

/// What the `_metadata` of a JVM Flink's checkpoint begins with.
pub const FLINK_METADATA_MAGIC: [u8; 4] = 0x4960_672d_u32.to_be_bytes();

/// The version of the forms that are written.
pub(super) const VERSION: u16 = 1;

/// Magic, version, two reserved bytes, length.
const HEAD_BYTES: usize = 8 + 2 + 2 + 8;
const CHECKSUM_BYTES: usize = 8;

/// What a thing is: its first bytes, and its name in messages.
pub(super) struct Kind {
    pub(super) magic: [u8; 8],
    pub(super) name: &'static str,
}

/// Puts bytes into an envelope.
pub(super) fn seal(kind: &Kind, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(&kind.magic);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&[0; 8]);
    write(&mut out);
    let length = (out.len() + CHECKSUM_BYTES) as u64;
    out[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Takes bytes out of an envelope, and verifies it.
pub(super) fn open<'a>(kind: &Kind, bytes: &'a [u8]) -> Result<&'a [u8], MetadataError> {
    if bytes.starts_with(&FLINK_METADATA_MAGIC) {
        return Err(MetadataError::Flink);
    }
    let found = bytes.len() as u64;
    if !bytes.starts_with(&kind.magic) {
        return Err(if kind.magic.starts_with(bytes) {
            MetadataError::Truncated { expected: HEAD_BYTES as u64, found }
        } else {
            MetadataError::Foreign { what: kind.name }
        });
    }
    let Some((head, _)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Err(MetadataError::Truncated { expected: HEAD_BYTES as u64, found });
    };
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version != VERSION {
        return Err(MetadataError::Version { found: version, known: VERSION });
    }
    let mut length = [0; 8];
    length.copy_from_slice(&head[HEAD_BYTES - 8..]);
    let expected = u64::from_le_bytes(length);
    if found < expected {
        return Err(MetadataError::Truncated { expected, found });
    }
    if found > expected || expected < (HEAD_BYTES + CHECKSUM_BYTES) as u64 {
        return Err(MetadataError::Checksum);
    }
    let Some((content, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(MetadataError::Checksum);
    };
    if xxh3_64(content) != u64::from_le_bytes(*checksum) {
        return Err(MetadataError::Checksum);
    }
    Ok(&content[HEAD_BYTES..])
}
