//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};

use sciurus_package::PackageError;

/// Says why there is no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file can't be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// An example can't be packed, or an executable is none.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A program that is needed can't be run.
    #[error("can't run {program}, which comes with {comes_with}: {source}")]
    Program {
        /// The program.
        program: &'static str,
        /// The packages of distributions that it is in.
        comes_with: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A program that is needed has failed.
    #[error("{program} {}: {message}", path.display())]
    ProgramFailed {
        /// The program.
        program: &'static str,
        /// The file that it was given.
        path: PathBuf,
        /// What it has said.
        message: String,
    },
    /// A library isn't there.
    #[error("{} needs the library {library}, which isn't on this machine", path.display())]
    Library {
        /// The executable.
        path: PathBuf,
        /// The library.
        library: String,
    },
    /// The executables are for different machines.
    #[error("{} is for {found} and the other executables are for {expected}", path.display())]
    Platforms {
        /// An executable.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What the others are for.
        expected: String,
    },
    /// The image's description can't be written.
    #[error("can't describe the image: {0}")]
    Description(#[from] oci_spec::OciSpecError),
    /// The image's description can't be written as JSON.
    #[error("can't describe the image: {0}")]
    Json(#[from] serde_json::Error),
    /// The image has become too large.
    #[error("the image is {bytes} bytes large; at most {limit} are wanted: what has been added?")]
    TooLarge {
        /// Its size, compressed.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl ImageError {
    /// Makes the error of a file out of that of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
