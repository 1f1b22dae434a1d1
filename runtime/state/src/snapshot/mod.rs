//! Keyed state as a file: written in any order, read by the key groups that are wanted.
//!
//! The form is specified in docs/formats.md, "Keyed state snapshot". [`SnapshotWriter`] and
//! [`SnapshotReader`] know bytes only; which state lies in memory how is the backends' business.

mod buffers;
mod cursor;
mod error;
mod files;
mod header;
mod reader;
mod section;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use buffers::{GroupBuffers, place_in};
pub(crate) use cursor::Cursor;
pub use error::SnapshotError;
pub use files::{SharedFiles, SnapshotFile, SnapshotFiles};
pub use header::{SnapshotHeader, SnapshotState};
#[cfg(feature = "rocksdb")]
pub(crate) use header::{kind_byte, kind_of};
pub use reader::{Block, SnapshotReader};
pub use section::{Entries, Section, SectionKind, Timers};
pub use writer::{SnapshotStats, SnapshotWriter};
pub(crate) use writer::{put_value, size};

use sciurus_core::key::KeyGroup;

/// The first bytes of a snapshot.
const MAGIC: [u8; 8] = *b"SCI-KEYS";

/// The last bytes of a snapshot.
const END_MAGIC: [u8; 8] = *b"SCI-KEYE";

/// The version of the form that is written.
const VERSION: u16 = 1;

/// The bytes of a header before its states: magic, version, flags, length.
const PREFIX_BYTES: usize = 16;

/// The bytes of a checksum.
const CHECKSUM_BYTES: usize = 8;

/// The bytes in front of a block's body: key group and length of the body.
const BLOCK_HEAD_BYTES: usize = 12;

/// The bytes in front of a section's entries: kind, state, namespace, count, length.
const SECTION_HEAD_BYTES: usize = 25;

/// The bytes of an entry of the index: key group, offset and length.
const INDEX_ENTRY_BYTES: usize = 20;

/// The bytes behind the index: its offset, the number of its entries, and the end magic.
const TRAILER_BYTES: usize = 20;

/// The longest header or index that is believed.
const MAX_PART_BYTES: u64 = 64 << 20;

/// Where a block lies in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// The key group whose state it holds a part of.
    pub group: KeyGroup,
    /// Where it begins.
    pub offset: u64,
    /// The bytes from there to the end of its checksum.
    pub length: u64,
}
