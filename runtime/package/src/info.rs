//! What a package holds.

use std::path::{Path, PathBuf};

use crate::archive::{self, Contents};
use crate::digest::Sha256Digest;
use crate::error::PackageError;
use crate::extract::check_installed_path;
use crate::manifest::is_file_name;
use crate::platform::Platform;

/// Says what a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageKind {
    /// A zip with executables.
    Package,
    /// A bare executable.
    Executable,
    /// A zip that refers to an executable of the machine.
    Installed(PathBuf),
}

/// Holds what [`inspect`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageInfo {
    /// What it is.
    pub kind: PackageKind,
    /// What it is called: what its manifest says, or the file's name.
    pub name: String,
    /// The version of Sciurus that made it, where its manifest says so.
    pub version: Option<String>,
    /// The job that runs where none is asked for: the executable's first argument.
    pub entry: Option<String>,
    /// All jobs that the package names; the default one is among them.
    pub entries: Vec<String>,
    /// The executables in it, one for each platform; none for [`PackageKind::Installed`].
    pub executables: Vec<Executable>,
}

/// Describes an executable in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executable {
    /// What it is for.
    pub platform: Platform,
    /// Where it lies in the package; a bare executable's own name.
    pub path: String,
    /// Its size, unpacked.
    pub size_bytes: u64,
    /// Its hash, unpacked, as the manifest tells it; unknown for a bare executable.
    pub sha256: Option<Sha256Digest>,
}

impl PackageInfo {
    /// Returns the platforms that the package has executables for.
    pub fn platforms(&self) -> Vec<Platform> {
        self.executables.iter().map(|executable| executable.platform.clone()).collect()
    }

    /// Tells whether the package can run on a platform, as far as it can be told from itself.
    ///
    /// # Errors
    /// [`PackageError::WrongPlatform`], which names the platforms that it can run on.
    pub fn check_platform(&self, platform: &Platform) -> Result<(), PackageError> {
        let available = self.platforms();
        if matches!(self.kind, PackageKind::Installed(_)) || available.contains(platform) {
            return Ok(());
        }
        Err(PackageError::WrongPlatform { wanted: platform.clone(), available })
    }
}

/// Looks into a package: reads its manifest and checks that what it names is there. Contents are
/// compared with their hashes only by [`extract`](crate::extract()).
///
/// # Errors
/// [`PackageError`]; all but [`PackageError::Io`] are about the file itself.
pub fn inspect(path: &Path) -> Result<PackageInfo, PackageError> {
    match archive::open(path)? {
        Contents::Executable(platform, file) => {
            let size_bytes =
                file.metadata().map_err(|error| PackageError::io("read", path, error))?.len();
            let name = executable_name(path);
            Ok(PackageInfo {
                kind: PackageKind::Executable,
                name: name.clone(),
                version: None,
                entry: None,
                entries: Vec::new(),
                executables: vec![Executable { platform, path: name, size_bytes, sha256: None }],
            })
        }
        Contents::Package(mut archive) => {
            let manifest = archive.manifest.clone();
            let mut executables = Vec::with_capacity(manifest.executables.len());
            for executable in manifest.executables {
                let (size_bytes, _) = archive.executable(path, &executable.path)?;
                executables.push(Executable {
                    platform: executable.platform,
                    path: executable.path,
                    size_bytes,
                    sha256: Some(executable.sha256),
                });
            }
            let kind = match manifest.installed {
                Some(installed) => PackageKind::Installed(check_installed_path(&installed)?),
                None => PackageKind::Package,
            };
            let mut entries = manifest.entries;
            if let Some(entry) = &manifest.entry
                && !entries.contains(entry)
            {
                entries.insert(0, entry.clone());
            }
            Ok(PackageInfo {
                kind,
                name: manifest.name,
                version: Some(manifest.version),
                entry: manifest.entry,
                entries,
                executables,
            })
        }
    }
}

/// Makes a name for an executable that has no better one than its file's.
pub(crate) fn executable_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| is_file_name(name)).unwrap_or_else(|| "job".to_owned())
}
