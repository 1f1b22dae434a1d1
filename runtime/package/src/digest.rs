//! SHA-256 of files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::error::PackageError;

/// Holds a SHA-256 hash; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Digest {
    type Err = ();

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (byte, position) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[position..position + 2], 16).map_err(drop)?;
        }
        Ok(Self(digest))
    }
}

/// Returns the hash of a file's content, and how many bytes it has.
///
/// # Errors
/// [`PackageError::Io`] where the file can't be read.
pub fn sha256_of_file(path: &Path) -> Result<(Sha256Digest, u64), PackageError> {
    let failed = |error| PackageError::io("read", path, error);
    let file = File::open(path).map_err(failed)?;
    copy_hashing(file, io::sink(), u64::MAX).map_err(failed)
}

/// Copies at most `limit` bytes, and hashes them on the way.
pub(crate) fn copy_hashing(
    mut from: impl Read,
    mut to: impl Write,
    limit: u64,
) -> io::Result<(Sha256Digest, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    while copied < limit {
        let room = (limit - copied).min(buffer.len() as u64) as usize;
        let read = match from.read(&mut buffer[..room]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        copied += read as u64;
    }
    Ok((Sha256Digest(hash.finalize().into()), copied))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let (digest, bytes) = copy_hashing(&b"abc"[..], io::sink(), 100).unwrap();
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((digest.to_string().as_str(), bytes), (text, 3));
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text[1..].parse::<Sha256Digest>(), Err(()));
        assert_eq!("é".repeat(32).parse::<Sha256Digest>(), Err(()));
    }
}
