//! What the failures of object storage mean.

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use super::super::error::{StorageError, StorageErrorKind};
use super::super::url::StorageUrl;

/// Codes of S3 that say that the credentials are wrong, and not what they allow.
const CREDENTIALS: [&str; 8] = [
    "InvalidAccessKeyId",
    // The same of Versity's gateway, with status 404.
    "XAdminUserNotFound",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidSecurity",
    // Where instances ask for their roles: there are no keys, and no role.
    "169.254.169.254",
];

/// Codes of services whose disks are full.
const NO_SPACE: [&str; 4] = ["StorageFull", "QuotaExceeded", "InsufficientStorage", "507"];

/// Codes that come with a status that doesn't say that trying again helps.
const FOR_NOW: [&str; 3] = ["SlowDown", "RequestTimeout", "OperationAborted"];

pub(super) fn convert(action: &'static str, url: &StorageUrl, error: Error) -> StorageError {
    let kind = kind_of(&error);
    StorageError::new(action, url.to_string(), kind, error)
}

fn kind_of(error: &Error) -> StorageErrorKind {
    let text = error.to_string();
    let says = |codes: &[&str]| codes.iter().any(|code| text.contains(code));
    match error {
        _ if says(&CREDENTIALS) => StorageErrorKind::Credentials,
        Error::NotFound { .. } => StorageErrorKind::NotFound,
        Error::PermissionDenied { .. } => StorageErrorKind::PermissionDenied,
        Error::Unauthenticated { .. } => StorageErrorKind::Credentials,
        Error::InvalidPath { .. } => StorageErrorKind::InvalidUrl,
        _ if says(&NO_SPACE) => StorageErrorKind::NoSpace,
        _ if says(&FOR_NOW) => StorageErrorKind::Unavailable,
        Error::AlreadyExists { .. } => StorageErrorKind::Unavailable,
        Error::Generic { source, .. } => generic(source.as_ref(), &text),
        _ => StorageErrorKind::Other,
    }
}

fn generic(source: &(dyn StdError + 'static), text: &str) -> StorageErrorKind {
    let mut error = Some(source);
    while let Some(cause) = error {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return match http.kind() {
                HttpErrorKind::Timeout => StorageErrorKind::Timeout,
                _ => StorageErrorKind::Unavailable,
            };
        }
        error = cause.source();
    }
    // The status is in the text alone.
    if text.contains("status code: 5") || text.contains("status code: 429") {
        StorageErrorKind::Unavailable
    } else {
        StorageErrorKind::Other
    }
}
