//! What storage can fail with.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Says what couldn't be done with a file or folder, why, and what helps.
#[derive(Clone, Debug)]
pub struct StorageError {
    action: &'static str,
    url: String,
    kind: StorageErrorKind,
    cause: Arc<dyn Error + Send + Sync>,
}

/// The kinds of failures, by what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageErrorKind {
    /// The address is none, or of a service that isn't known.
    InvalidUrl,
    /// The address is of a service that this executable was built without.
    Unsupported,
    /// The file or folder isn't there.
    NotFound,
    /// It may not be read or written.
    PermissionDenied,
    /// The service doesn't accept the credentials, or there are none.
    Credentials,
    /// The disk is full, or a quota is used up.
    NoSpace,
    /// The file is longer, shorter or another than it was written.
    Changed,
    /// No answer came in time; trying again may help.
    Timeout,
    /// The service or disk failed for now; trying again may help.
    Unavailable,
    /// Anything else.
    Other,
}

impl StorageErrorKind {
    /// Returns whether the same call may succeed a little later.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Timeout | Self::Unavailable)
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::InvalidUrl => "; use file:///path, s3://bucket/path or an absolute path",
            Self::Unsupported => {
                "; build the job with the feature `s3` of the crate `sciurus`, or use file:///path"
            }
            Self::NotFound => {
                "; check that the address is right and that all machines see the same storage"
            }
            Self::PermissionDenied => "; give the process's user or key the right to it",
            Self::Credentials => {
                "; check s3.access-key, s3.secret-key and s3.endpoint, or what the environment sets"
            }
            Self::NoSpace => "; make room or choose another place (execution.checkpointing.dir)",
            Self::Changed => {
                "; it was damaged or overwritten after it was written: use an older one"
            }
            Self::Timeout | Self::Unavailable => {
                "; check the storage and the way to it: it is tried again where that can help"
            }
            Self::Other => "",
        }
    }
}

impl StorageError {
    /// Makes an error: what was to be done (`write`, `read`), to what, and why it failed.
    pub(crate) fn new(
        action: &'static str,
        url: impl Into<String>,
        kind: StorageErrorKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { action, url: url.into(), kind, cause: cause.into().into() }
    }

    /// Makes the error of a failed call of the operating system.
    pub(crate) fn io(action: &'static str, url: impl Into<String>, cause: io::Error) -> Self {
        let kind = kind_of(&cause);
        // One that has gone through `io::Write` or `io::Read` is taken out again.
        match cause.downcast::<Self>() {
            Ok(error) => error,
            Err(cause) => Self::new(action, url, kind, cause),
        }
    }

    /// Returns what kind of failure it is.
    pub const fn kind(&self) -> StorageErrorKind {
        self.kind
    }

    /// Returns the address that was used.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns whether the same call may succeed a little later.
    pub const fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, url, kind, cause } = self;
        write!(formatter, "can't {action} {url}: {cause}{}", kind.advice())
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        let kind = match error.kind {
            StorageErrorKind::NotFound => io::ErrorKind::NotFound,
            StorageErrorKind::PermissionDenied | StorageErrorKind::Credentials => {
                io::ErrorKind::PermissionDenied
            }
            StorageErrorKind::NoSpace => io::ErrorKind::StorageFull,
            StorageErrorKind::Changed => io::ErrorKind::InvalidData,
            StorageErrorKind::Timeout => io::ErrorKind::TimedOut,
            StorageErrorKind::InvalidUrl => io::ErrorKind::InvalidInput,
            StorageErrorKind::Unsupported => io::ErrorKind::Unsupported,
            StorageErrorKind::Unavailable | StorageErrorKind::Other => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// `EIO`: a disk or its connection failed.
const EIO: i32 = 5;

fn kind_of(error: &io::Error) -> StorageErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StorageErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StorageErrorKind::PermissionDenied
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StorageErrorKind::NoSpace
        }
        io::ErrorKind::TimedOut => StorageErrorKind::Timeout,
        io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::ResourceBusy
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => StorageErrorKind::Unavailable,
        _ if error.raw_os_error() == Some(EIO) => StorageErrorKind::Unavailable,
        _ => StorageErrorKind::Other,
    }
}
