//! How much of a package is read: what is larger is refused before it does harm.

/// The largest package, in bytes.
pub const MAX_PACKAGE_BYTES: u64 = 2 << 30;

/// The largest executable, in bytes, unpacked.
pub const MAX_EXECUTABLE_BYTES: u64 = 1 << 30;

/// How many times smaller than its content a compressed executable may be. Executables shrink to a
/// third or so; content that shrinks more was made to fill disks.
pub const MAX_COMPRESSION_RATIO: u64 = 200;

/// The largest manifest, in bytes, unpacked.
pub const MAX_MANIFEST_BYTES: u64 = 256 << 10;

/// The most files in a package.
pub const MAX_FILES: usize = 4096;

/// The most jobs that a package may name, and the most executables that it may have.
pub const MAX_ENTRIES: usize = 256;

/// The longest name of a package, an entry or an executable, in bytes.
pub const MAX_NAME_BYTES: usize = 200;
