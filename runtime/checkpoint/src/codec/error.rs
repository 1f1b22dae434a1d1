//! What can be wrong with bytes that should be a checkpoint's metadata or handles.

/// Says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// JVM Flink wrote it.
    #[error(
        "JVM Flink wrote it: state of JVM jobs is in Java's own form and can't be read; start the \
         job without it"
    )]
    Flink,
    /// The bytes are something else.
    #[error("it is no {what} of Sciurus")]
    Foreign {
        /// What it should be.
        what: &'static str,
    },
    /// A later version wrote it.
    #[error(
        "it has version {found}; this executable reads version {known} at the most: use a newer one"
    )]
    Version {
        /// Its version.
        found: u16,
        /// The latest version known.
        known: u16,
    },
    /// The end is missing.
    #[error("it has {found} of {expected} bytes: its end is missing")]
    Truncated {
        /// How many bytes it should have.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The bytes have changed since they were written.
    #[error("its checksum is wrong: it was damaged")]
    Checksum,
    /// The checksum is right but the bytes make no sense.
    #[error("{part} makes no sense: {reason}; it was damaged or not written by Sciurus")]
    Corrupt {
        /// The part.
        part: &'static str,
        /// What makes no sense.
        reason: String,
    },
}

impl MetadataError {
    pub(super) fn corrupt(part: &'static str, reason: impl Into<String>) -> Self {
        Self::Corrupt { part, reason: reason.into() }
    }
}
