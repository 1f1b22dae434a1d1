//! Addresses of storage: which service, and where in it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{StorageError, StorageErrorKind};

/// Where a file or folder lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageUrl {
    /// `file:///path`: in a file system of this machine.
    File(PathBuf),
    /// `s3://bucket/path`: in object storage.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, without slashes at its ends.
        key: String,
    },
}

impl StorageUrl {
    /// Reads an address: `file:///path`, `s3://bucket/path` (`s3a` and `s3p` mean the same), or an
    /// absolute path. Slashes at the end and double ones don't count.
    ///
    /// # Errors
    /// [`StorageErrorKind::InvalidUrl`].
    pub fn parse(text: &str) -> Result<Self, StorageError> {
        let invalid = |reason: &str| invalid(text, reason);
        if text.starts_with('/') {
            return Ok(Self::File(path(text).map_err(invalid)?));
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(invalid("it is neither an absolute path nor an address with a scheme"));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                // Also `file:/path`, as Flink prints it.
                let rest = rest.strip_prefix("//").unwrap_or(rest);
                let rest = rest.strip_prefix("localhost").unwrap_or(rest);
                Ok(Self::File(path(rest).map_err(invalid)?))
            }
            "s3" | "s3a" | "s3p" => {
                let Some(rest) = rest.strip_prefix("//") else {
                    return Err(invalid("'s3:' goes on with '//bucket/path'"));
                };
                let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                if bucket.contains('@') {
                    return Err(invalid(
                        "keys don't belong there: set s3.access-key and s3.secret-key",
                    ));
                }
                if bucket.is_empty() || !bucket.chars().all(is_name) {
                    return Err(invalid("it names no bucket"));
                }
                let key = parts(key).map_err(invalid)?.join("/");
                Ok(Self::S3 { bucket: bucket.to_owned(), key })
            }
            _ => Err(invalid("its scheme is none of file, s3")),
        }
    }

    /// Returns the address of what lies below this folder under a relative path.
    ///
    /// # Errors
    /// [`StorageErrorKind::InvalidUrl`] where the path leads out of the folder.
    pub fn join(&self, relative: &str) -> Result<Self, StorageError> {
        let parts = parts(relative)
            .and_then(|parts| {
                let is_none = relative.starts_with('/') || parts.is_empty();
                if is_none { Err("it is no relative path") } else { Ok(parts) }
            })
            .map_err(|reason| invalid(&format!("{self}/{relative}"), reason))?;
        Ok(match self {
            Self::File(path) => Self::File(parts.iter().fold(path.clone(), |path, p| path.join(p))),
            Self::S3 { bucket, key } => {
                let parts =
                    std::iter::once(key.as_str()).filter(|key| !key.is_empty()).chain(parts);
                let key = parts.collect::<Vec<_>>().join("/");
                Self::S3 { bucket: bucket.clone(), key }
            }
        })
    }

    /// Returns the folder that holds it; `None` for a root.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::File(path) => path.parent().map(|path| Self::File(path.to_owned())),
            Self::S3 { key, .. } if key.is_empty() => None,
            Self::S3 { bucket, key } => {
                let key = key.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
                Some(Self::S3 { bucket: bucket.clone(), key })
            }
        }
    }

    /// Returns the last part of its path; empty for a root.
    pub fn name(&self) -> &str {
        match self {
            Self::File(path) => path.file_name().and_then(|name| name.to_str()).unwrap_or(""),
            Self::S3 { key, .. } => key.rsplit('/').next().unwrap_or(""),
        }
    }

    /// Returns the path of this below `folder`; `None` where it lies elsewhere.
    pub fn relative_to(&self, folder: &Self) -> Option<String> {
        let relative = match (self, folder) {
            (Self::File(path), Self::File(folder)) => path.strip_prefix(folder).ok()?.to_str()?,
            (Self::S3 { bucket, key }, Self::S3 { bucket: other, key: folder })
                if bucket == other =>
            {
                let rest = key.strip_prefix(folder.as_str())?;
                if folder.is_empty() { rest } else { rest.strip_prefix('/')? }
            }
            _ => return None,
        };
        (!relative.is_empty()).then(|| relative.to_owned())
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file://{}", path.display()),
            Self::S3 { bucket, key } if key.is_empty() => write!(formatter, "s3://{bucket}"),
            Self::S3 { bucket, key } => write!(formatter, "s3://{bucket}/{key}"),
        }
    }
}

/// Splits a path; slashes at its ends and double ones don't count.
fn parts(path: &str) -> Result<Vec<&str>, &'static str> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("'..' may lead anywhere");
    }
    if path.contains('\0') {
        return Err("it has a zero byte");
    }
    Ok(parts)
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    if !text.starts_with('/') {
        return Err("its path is not absolute");
    }
    let parts = parts(text)?;
    Ok(parts.iter().fold(Path::new("/").to_owned(), |path, part| path.join(part)))
}

fn invalid(text: &str, reason: &str) -> StorageError {
    // What stands before an `@` may be a secret.
    let shown = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://******@{rest}"),
        _ => text.to_owned(),
    };
    StorageError::new("use", shown, StorageErrorKind::InvalidUrl, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        StorageUrl::parse(text).unwrap().to_string()
    }

    #[test]
    fn paths_and_addresses_have_one_form() {
        for (text, form) in [
            ("/", "file:///"),
            ("/a/b", "file:///a/b"),
            ("//a//b/", "file:///a/b"),
            ("file:///a b/ü#1", "file:///a b/ü#1"),
            ("file:/a/b", "file:///a/b"),
            ("FILE://localhost/a/./b/", "file:///a/b"),
            ("s3://bucket", "s3://bucket"),
            ("s3a://bucket/", "s3://bucket"),
            ("s3p://my-bucket.x//a/b/", "s3://my-bucket.x/a/b"),
        ] {
            assert_eq!(normal(text), form);
            assert_eq!(normal(form), form);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason_and_without_secrets() {
        for (text, word) in [
            ("a/b", "absolute path"),
            ("file://host/a", "not absolute"),
            ("file:///a/../b", "'..'"),
            ("hdfs://name/a", "none of file, s3"),
            ("s3:/bucket/a", "//bucket/path"),
            ("s3:///a", "no bucket"),
            ("s3://key:hunter2@bucket/a", "s3.access-key"),
        ] {
            let error = StorageUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::InvalidUrl);
            let error = error.to_string();
            assert!(error.contains(word) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn joining_and_taking_apart_are_inverse() {
        for root in ["file:///", "file:///a", "s3://bucket", "s3://bucket/a"] {
            let root = StorageUrl::parse(root).unwrap();
            let file = root.join("b/c").unwrap();
            assert_eq!(file.relative_to(&root).as_deref(), Some("b/c"));
            assert_eq!((file.name(), file.parent().unwrap().name()), ("c", "b"));
            assert_eq!(file.parent().unwrap().parent(), Some(root.clone()));
            assert_eq!(root.relative_to(&root), None);
            for wrong in ["", "/b", "../b", "b/../../c"] {
                root.join(wrong).unwrap_err();
            }
        }
        let (a, ab) = (StorageUrl::parse("s3://b/a").unwrap(), StorageUrl::parse("s3://b/ab/c"));
        assert_eq!(ab.unwrap().relative_to(&a), None);
        assert_eq!(StorageUrl::parse("s3://b").unwrap().parent(), None);
    }
}
