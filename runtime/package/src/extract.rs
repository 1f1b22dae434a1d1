//! Taking an executable out of a package.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::archive::{self, Archive, Contents};
use crate::digest::{Sha256Digest, copy_hashing};
use crate::elf;
use crate::error::PackageError;
use crate::info::executable_name;
use crate::platform::Platform;

/// Says what packages may use of the machine.
#[derive(Clone, Debug)]
pub struct ExtractOptions {
    /// The directories whose executables packages may refer to.
    pub installed: Vec<PathBuf>,
}

impl Default for ExtractOptions {
    /// Where images keep their jobs.
    fn default() -> Self {
        Self { installed: vec![PathBuf::from("/opt/flink"), PathBuf::from("/opt/sciurus")] }
    }
}

/// Takes the executable for a platform out of a package and puts it into a directory, which has to
/// exist, as `into/NAME`, mode 0755. It is there as a whole or not at all: written under another
/// name, compared with its hash, renamed. Where the package refers to an executable of the machine
/// nothing is written.
///
/// Returns where the executable is.
///
/// # Errors
/// [`PackageError`]; all but [`PackageError::Io`] are about the package itself.
pub fn extract(
    path: &Path,
    platform: &Platform,
    into: &Path,
    options: &ExtractOptions,
) -> Result<PathBuf, PackageError> {
    match archive::open(path)? {
        Contents::Executable(found, file) => {
            if found != *platform {
                let (wanted, available) = (platform.clone(), vec![found]);
                return Err(PackageError::WrongPlatform { wanted, available });
            }
            let name = executable_name(path);
            let size = file.metadata().map_err(|e| PackageError::io("read", path, e))?.len();
            write_executable(path, &name, &name, (size, file), platform, None, into)
        }
        Contents::Package(archive) => from_archive(path, *archive, platform, into, options),
    }
}

fn from_archive(
    path: &Path,
    mut archive: Archive,
    platform: &Platform,
    into: &Path,
    options: &ExtractOptions,
) -> Result<PathBuf, PackageError> {
    if let Some(installed) = &archive.manifest.installed {
        return find_installed(installed, platform, options);
    }
    let executables = &archive.manifest.executables;
    let Some(found) = executables.iter().find(|found| found.platform == *platform).cloned() else {
        let available = executables.iter().map(|found| found.platform.clone()).collect();
        return Err(PackageError::WrongPlatform { wanted: platform.clone(), available });
    };
    let (size, content) = archive.executable(path, &found.path)?;
    let name = executable_name(Path::new(&found.path));
    let sha256 = Some(found.sha256);
    write_executable(path, &found.path, &name, (size, content), platform, sha256, into)
}

/// Tells apart what is written at the same time by one process.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn write_executable(
    package: &Path,
    executable: &str,
    name: &str,
    (size, content): (u64, impl Read),
    platform: &Platform,
    sha256: Option<Sha256Digest>,
    into: &Path,
) -> Result<PathBuf, PackageError> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let partial = into.join(format!(".{name}.{}-{number}.partial", std::process::id()));
    let target = into.join(name);
    let result = (|| {
        let failed = |error| PackageError::io("write", &partial, error);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(&partial)
            .map_err(failed)?;
        let mut content = Remembering { content, failed: None };
        let copied = copy_hashing(&mut content, &mut file, size);
        if let Some(error) = content.failed {
            return Err(archive::of_reading(package, error));
        }
        let (found, bytes) = copied.map_err(failed)?;
        let wrong = |reason: String| PackageError::WrongExecutable {
            executable: executable.to_owned(),
            reason,
        };
        if bytes != size {
            return Err(PackageError::corrupt(format!("{executable} ends too early")));
        }
        if let Some(expected) = sha256.filter(|expected| *expected != found) {
            return Err(wrong(format!("its SHA-256 is {found}, not {expected}")));
        }
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed)?;
        drop(file);
        check_executable(&partial, platform).map_err(wrong)?;
        fs::rename(&partial, &target).map_err(|error| PackageError::io("write", &target, error))
    })();
    if result.is_err() {
        // What can't be removed is in the way of nobody, and the first error says more.
        let _ = fs::remove_file(&partial);
    }
    result.map(|()| target)
}

/// Keeps the error that reading ended with, to tell it from one of writing.
struct Remembering<R> {
    content: R,
    failed: Option<std::io::Error>,
}

impl<R: Read> Read for Remembering<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.content.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != std::io::ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            kind.into()
        })
    }
}

/// Checks that a file is an executable for the platform, or says what it is.
fn check_executable(path: &Path, platform: &Platform) -> Result<(), String> {
    let header = File::open(path).and_then(elf::read_header).map_err(|error| error.to_string())?;
    match elf::platform(&header) {
        Ok(found) if found == *platform => Ok(()),
        Ok(found) => Err(format!("it is for {found}, not for {platform}")),
        Err(found) => Err(format!("it is {found}, not an executable for {platform}")),
    }
}

/// Checks the form of a path to an executable of the machine: absolute, without detours.
pub(crate) fn check_installed_path(text: &str) -> Result<PathBuf, PackageError> {
    let path = PathBuf::from(text);
    let plain = |component| matches!(component, Component::RootDir | Component::Normal(_));
    if path.is_absolute() && path.components().all(plain) && !text.contains(char::is_control) {
        return Ok(path);
    }
    let text: String = text.chars().take(80).collect();
    let reason = format!("Sciurus-Executable is {text:?}, no absolute path without '..'");
    Err(PackageError::manifest(reason))
}

fn find_installed(
    text: &str,
    platform: &Platform,
    options: &ExtractOptions,
) -> Result<PathBuf, PackageError> {
    let path = check_installed_path(text)?;
    let forbidden =
        || PackageError::Forbidden { executable: path.clone(), allowed: options.installed.clone() };
    if !options.installed.iter().any(|allowed| path.starts_with(allowed)) {
        return Err(forbidden());
    }
    let failed = |error| PackageError::io("read", &path, error);
    // Links must not lead out of where executables may be used.
    let real = fs::canonicalize(&path).map_err(failed)?;
    let allowed = |allowed: &PathBuf| {
        fs::canonicalize(allowed).is_ok_and(|allowed| real.starts_with(allowed))
    };
    if !options.installed.iter().any(allowed) {
        return Err(forbidden());
    }
    check_executable(&real, platform).map_err(|reason| PackageError::WrongExecutable {
        executable: path.display().to_string(),
        reason,
    })?;
    Ok(real)
}
