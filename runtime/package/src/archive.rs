//! Reading the zip: what kind of file it is, its manifest, its executables.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::elf;
use crate::error::PackageError;
use crate::limits::{
    MAX_COMPRESSION_RATIO, MAX_EXECUTABLE_BYTES, MAX_FILES, MAX_MANIFEST_BYTES, MAX_PACKAGE_BYTES,
};
use crate::manifest::{MANIFEST_PATH, Manifest};
use crate::platform::Platform;

/// A file that was handed in as a package.
pub(crate) enum Contents {
    /// A zip with a manifest of Sciurus.
    Package(Box<Archive>),
    /// An executable for this platform.
    Executable(Platform, File),
}

/// An open package.
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    pub(crate) manifest: Manifest,
}

/// Opens a file and finds out what it is.
pub(crate) fn open(path: &Path) -> Result<Contents, PackageError> {
    let failed = |error| PackageError::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    if metadata.len() > MAX_PACKAGE_BYTES {
        let (found, limit) = (metadata.len(), MAX_PACKAGE_BYTES);
        return Err(PackageError::too_large_bytes("the package", found, limit));
    }
    let header = elf::read_header(&mut file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    if header.starts_with(b"PK") {
        return Archive::open(path, file).map(|archive| Contents::Package(Box::new(archive)));
    }
    let platform = elf::platform(&header).map_err(|found| PackageError::NotAPackage { found })?;
    if metadata.len() > MAX_EXECUTABLE_BYTES {
        let (found, limit) = (metadata.len(), MAX_EXECUTABLE_BYTES);
        return Err(PackageError::too_large_bytes("the executable", found, limit));
    }
    Ok(Contents::Executable(platform, file))
}

impl Archive {
    fn open(path: &Path, file: File) -> Result<Self, PackageError> {
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| of_zip(path, e))?;
        let text = match zip.by_name(MANIFEST_PATH) {
            Ok(entry) => read_manifest(path, entry)?,
            Err(ZipError::FileNotFound) => String::new(),
            Err(error) => return Err(of_zip(path, error)),
        };
        let Some(manifest) = Manifest::parse(&text).or_else(|error| {
            // Manifests of others may be as they like.
            if text.contains("Sciurus-Version") { Err(error) } else { Ok(None) }
        })?
        else {
            return Err(not_of_sciurus(&zip, &text));
        };
        if zip.len() > MAX_FILES {
            return Err(PackageError::TooLarge {
                what: "the package".to_owned(),
                found: format!("{} files", zip.len()),
                limit: format!("{MAX_FILES} files"),
            });
        }
        Ok(Self { zip, manifest })
    }

    /// Opens an executable, by its path in the zip, and tells its size in bytes, which is checked
    /// against the limits. The reader ends there.
    pub(crate) fn executable(
        &mut self,
        archive_path: &Path,
        path: &str,
    ) -> Result<(u64, impl Read), PackageError> {
        let entry = match self.zip.by_name(path) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => {
                let reason = format!("{path}, which the manifest names, is not there");
                return Err(PackageError::corrupt(reason));
            }
            Err(error) => return Err(of_zip(archive_path, error)),
        };
        if !entry.is_file() {
            return Err(PackageError::corrupt(format!("{path} is no plain file")));
        }
        check_method(path, entry.compression())?;
        let (size, compressed) = (entry.size(), entry.compressed_size());
        let what = || format!("the executable {path}");
        if size > MAX_EXECUTABLE_BYTES {
            return Err(PackageError::too_large_bytes(what(), size, MAX_EXECUTABLE_BYTES));
        }
        if size > compressed.saturating_mul(MAX_COMPRESSION_RATIO) {
            return Err(PackageError::TooLarge {
                what: what(),
                found: format!("{size} bytes compressed to {compressed}"),
                limit: format!("a ratio of {MAX_COMPRESSION_RATIO}"),
            });
        }
        Ok((size, entry.take(size)))
    }
}

fn check_method(path: &str, method: CompressionMethod) -> Result<(), PackageError> {
    match method {
        CompressionMethod::Stored | CompressionMethod::Deflated => Ok(()),
        other => {
            Err(PackageError::corrupt(format!("{path} is compressed by {other}, not deflate")))
        }
    }
}

fn read_manifest(path: &Path, entry: impl Read) -> Result<String, PackageError> {
    let mut bytes = Vec::new();
    entry
        .take(MAX_MANIFEST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| of_zip(path, ZipError::Io(error)))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        let found = format!("more than {MAX_MANIFEST_BYTES} bytes");
        let limit = format!("{MAX_MANIFEST_BYTES} bytes");
        return Err(PackageError::TooLarge { what: "the manifest".to_owned(), found, limit });
    }
    // Other programs' manifests may be in other encodings: what matters of ours is ASCII or UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn not_of_sciurus(zip: &ZipArchive<BufReader<File>>, manifest: &str) -> PackageError {
    if zip.file_names_raw().any(|name| name.ends_with(b".class")) {
        return PackageError::JvmJar { main_class: Manifest::jvm_main_class(manifest) };
    }
    if zip.is_empty() {
        return PackageError::NotAPackage { found: "an empty zip" };
    }
    PackageError::NotAPackage { found: "a zip without a manifest of Sciurus" }
}

/// Tells a damaged zip from a file that can't be read.
pub(crate) fn of_zip(path: &Path, error: ZipError) -> PackageError {
    match error {
        ZipError::Io(error) => of_reading(path, error),
        error => PackageError::corrupt(error.to_string()),
    }
}

/// The same for what reading an entry gives: the operating system's errors have a number.
pub(crate) fn of_reading(path: &Path, error: io::Error) -> PackageError {
    if error.raw_os_error().is_some() {
        return PackageError::io("read", path, error);
    }
    PackageError::corrupt(error.to_string())
}
