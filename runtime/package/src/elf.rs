//! The platform of an executable, from its ELF header.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::PackageError;
use crate::platform::Platform;

/// What an ELF file begins with.
pub(crate) const MAGIC: [u8; 4] = *b"\x7fELF";

/// How much of the header is looked at.
pub(crate) const HEADER_BYTES: usize = 20;

const CLASS_64_BITS: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const TYPE_EXECUTABLE: u16 = 2;
/// Executables that can be loaded anywhere are of the same type as libraries.
const TYPE_SHARED: u16 = 3;
const MACHINE_X86_64: u16 = 62;
const MACHINE_AARCH64: u16 = 183;

/// Reads what an executable is for.
///
/// # Errors
/// [`PackageError::Io`] where the file can't be read, [`PackageError::NotAPackage`] where it is no
/// executable of a platform that jobs run on.
pub fn platform_of_executable(path: &Path) -> Result<Platform, PackageError> {
    let failed = |error| PackageError::io("read", path, error);
    let file = File::open(path).map_err(failed)?;
    let header = read_header(file).map_err(failed)?;
    platform(&header).map_err(|found| PackageError::NotAPackage { found })
}

/// Reads the first bytes of a file, fewer if it has fewer.
pub(crate) fn read_header(file: impl Read) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    Ok(header)
}

/// Reads what the executable with this header is for, or says what the file is instead.
pub(crate) fn platform(header: &[u8]) -> Result<Platform, &'static str> {
    if header.starts_with(b"#!") {
        return Err("a script");
    }
    let Some(header) = header.first_chunk::<HEADER_BYTES>() else {
        return Err(if header.is_empty() { "empty" } else { "too short" });
    };
    if header[..4] != MAGIC {
        return Err("something else");
    }
    if header[4] != CLASS_64_BITS || header[5] != LITTLE_ENDIAN {
        return Err("an executable for another kind of machine");
    }
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    if !matches!(word(16), TYPE_EXECUTABLE | TYPE_SHARED) {
        return Err("an ELF file that is no executable");
    }
    match word(18) {
        MACHINE_X86_64 => Ok(Platform::LINUX_AMD64),
        MACHINE_AARCH64 => Ok(Platform::LINUX_ARM64),
        _ => Err("an executable for another kind of machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_an_executable_of_this_platform() {
        let path = std::env::current_exe().unwrap();
        assert_eq!(platform_of_executable(&path).unwrap(), Platform::current());
    }

    #[test]
    fn what_is_no_executable_is_told_apart() {
        let mut header = [0; HEADER_BYTES];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[16] = 3;
        header[18] = 183;
        assert_eq!(platform(&header), Ok(Platform::LINUX_ARM64));
        header[18] = 8;
        assert_eq!(platform(&header), Err("an executable for another kind of machine"));
        header[16] = 1;
        assert_eq!(platform(&header), Err("an ELF file that is no executable"));
        header[4] = 1;
        assert_eq!(platform(&header), Err("an executable for another kind of machine"));
        assert_eq!(platform(b"#!/bin/sh\nexec true; true\n"), Err("a script"));
        assert_eq!(platform(b"PK"), Err("too short"));
        assert_eq!(platform(b"#!/bin/sh\n"), Err("a script"));
        assert_eq!(platform(b""), Err("empty"));
    }
}
