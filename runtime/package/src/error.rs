//! What can be wrong with a package.

use std::io;
use std::path::{Path, PathBuf};

use crate::platform::Platform;

/// Says why a package can't be made, read or used. The text speaks of "the package"; whoever shows
/// it says which one that is.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file can't be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is a program for the JVM.
    #[error(
        "the file is a JVM program ({}), and Sciurus runs native executables; write the job with \
         the crate sciurus, compile it, and make a package of it with 'sciurus package'",
        describe_main_class(main_class.as_deref())
    )]
    JvmJar {
        /// The class that its manifest names.
        main_class: Option<String>,
    },
    /// It is neither a package nor an executable.
    #[error(
        "the file is {found}, neither a package of Sciurus nor a Linux executable; 'sciurus \
         package EXECUTABLE -o NAME.jar' makes a package"
    )]
    NotAPackage {
        /// What it is instead: "empty", "a zip without a manifest of Sciurus".
        found: &'static str,
    },
    /// The zip is damaged or cut off.
    #[error("the package is damaged: {reason}; make or upload it anew")]
    Corrupt {
        /// What is wrong.
        reason: String,
    },
    /// The manifest says something that it must not.
    #[error("the package's manifest is wrong: {reason}")]
    Manifest {
        /// What is wrong.
        reason: String,
    },
    /// Something is larger than it may be.
    #[error("{what} is too large: {found} where {limit} is the most")]
    TooLarge {
        /// What: "the package", "the executable bin/…".
        what: String,
        /// How large it is, with a unit.
        found: String,
        /// How large it may be.
        limit: String,
    },
    /// There is no executable for the platform.
    #[error(
        "the package has no executable for {wanted}, only for {}; compile the job for {wanted} and \
         add it to the package",
        names(available)
    )]
    WrongPlatform {
        /// What was looked for.
        wanted: Platform,
        /// What there is.
        available: Vec<Platform>,
    },
    /// An executable isn't what the manifest says that it is.
    #[error("the executable {executable} is not what it should be: {reason}")]
    WrongExecutable {
        /// Its path.
        executable: String,
        /// What differs.
        reason: String,
    },
    /// The manifest names an executable of the machine that packages may not use.
    #[error(
        "the package refers to the executable {} of the machine, and only those in {} may be used",
        executable.display(), paths(allowed)
    )]
    Forbidden {
        /// The executable.
        executable: PathBuf,
        /// Where those are that may be used.
        allowed: Vec<PathBuf>,
    },
    /// A package was to be made of something that it can't be made of.
    #[error("can't make the package: {reason}")]
    Unusable {
        /// Why not.
        reason: String,
    },
}

impl PackageError {
    /// Tells whether the file is at fault: handing it in again would fail again. Otherwise the
    /// machine is.
    pub fn is_of_package(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn corrupt(reason: impl Into<String>) -> Self {
        Self::Corrupt { reason: reason.into() }
    }

    pub(crate) fn manifest(reason: impl Into<String>) -> Self {
        Self::Manifest { reason: reason.into() }
    }

    pub(crate) fn unusable(reason: impl Into<String>) -> Self {
        Self::Unusable { reason: reason.into() }
    }

    pub(crate) fn too_large_bytes(what: impl Into<String>, found: u64, limit: u64) -> Self {
        let (found, limit) = (format!("{found} bytes"), format!("{limit} bytes"));
        Self::TooLarge { what: what.into(), found, limit }
    }
}

fn describe_main_class(main_class: Option<&str>) -> String {
    main_class.map_or_else(|| "it has .class files".to_owned(), |class| format!("class {class}"))
}

fn names(platforms: &[Platform]) -> String {
    platforms.iter().map(Platform::as_str).collect::<Vec<_>>().join(", ")
}

fn paths(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
