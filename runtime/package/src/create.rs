//! Making a package of executables.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::digest::{copy_hashing, sha256_of_file};
use crate::elf::platform_of_executable;
use crate::error::PackageError;
use crate::extract::check_installed_path;
use crate::info::executable_name;
use crate::limits::MAX_EXECUTABLE_BYTES;
use crate::manifest::{MANIFEST_PATH, Manifest, ManifestExecutable, check_name};
use crate::platform::Platform;

/// Says what a package is called and which jobs are in it.
#[derive(Clone, Debug, Default)]
pub struct CreateOptions {
    /// What the package is called; by default the first executable's name.
    pub name: Option<String>,
    /// The job that runs where none is asked for.
    pub entry: Option<String>,
    /// The jobs that the executable holds.
    pub entries: Vec<String>,
    /// An executable of the machines that the job will run on, in place of executables in the
    /// package.
    pub installed: Option<String>,
}

/// Makes a package of executables, one for each platform, and writes it to `out`, in place of what
/// is there. The same executables and options give the same bytes.
///
/// # Errors
/// [`PackageError::Unusable`] where an executable is not for the platform that it is given for, or
/// there are none or two for one; [`PackageError::Io`].
pub fn create(
    executables: &[(Platform, PathBuf)],
    options: &CreateOptions,
    out: &Path,
) -> Result<(), PackageError> {
    let manifest = manifest(executables, options)?;
    let mut partial = out.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let result = write_package(&manifest, executables, &partial).and_then(|()| {
        fs::rename(&partial, out).map_err(|error| PackageError::io("write", out, error))
    });
    if result.is_err() {
        // It may not even be there, and the first error says more.
        let _ = fs::remove_file(&partial);
    }
    result
}

fn manifest(
    executables: &[(Platform, PathBuf)],
    options: &CreateOptions,
) -> Result<Manifest, PackageError> {
    let mut described: Vec<ManifestExecutable> = Vec::with_capacity(executables.len());
    let mut first_name = None;
    for (platform, path) in executables {
        let found = platform_of_executable(path)?;
        if found != *platform {
            let reason = format!("{} is for {found}, not for {platform}", path.display());
            return Err(PackageError::unusable(reason));
        }
        let (sha256, size) = sha256_of_file(path)?;
        if size > MAX_EXECUTABLE_BYTES {
            let what = format!("the executable {}", path.display());
            return Err(PackageError::too_large_bytes(what, size, MAX_EXECUTABLE_BYTES));
        }
        if described.iter().any(|other| other.platform == *platform) {
            return Err(PackageError::unusable(format!(
                "there are two executables for {platform}"
            )));
        }
        let name = executable_name(path);
        let path = format!("bin/{platform}/{name}");
        described.push(ManifestExecutable { path, platform: platform.clone(), sha256 });
        first_name.get_or_insert(name);
    }
    described.sort_by(|a, b| a.platform.cmp(&b.platform));
    if let Some(installed) = &options.installed {
        check_installed_path(installed)?;
        first_name.get_or_insert_with(|| executable_name(Path::new(installed)));
    }
    let Some(name) = options.name.clone().or(first_name) else {
        return Err(PackageError::unusable("there is no executable"));
    };
    check_name("the package's name", &name)?;
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name,
        entry: options.entry.clone(),
        entries: options.entries.clone(),
        installed: options.installed.clone(),
        executables: described,
    };
    // Whatever reading would refuse must not be written.
    if let Some(entry) = manifest.entries.iter().find(|entry| entry.contains(',')) {
        return Err(PackageError::unusable(format!("the entry {entry:?} has a comma in it")));
    }
    Manifest::parse(&manifest.to_text())?;
    Ok(manifest)
}

fn write_package(
    manifest: &Manifest,
    executables: &[(Platform, PathBuf)],
    partial: &Path,
) -> Result<(), PackageError> {
    let failed = |error: io::Error| PackageError::io("write", partial, error);
    let of_zip = |error: zip::result::ZipError| failed(error.into());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(partial)
        .map_err(failed)?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    // A fixed time: the same executables give the same package, which caches know by its hash.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    // Java wants the manifest first.
    zip.start_file(MANIFEST_PATH, options.unix_permissions(0o644)).map_err(of_zip)?;
    zip.write_all(manifest.to_text().as_bytes()).map_err(failed)?;
    for executable in &manifest.executables {
        let found = executables.iter().find(|(platform, _)| *platform == executable.platform);
        let Some((_, path)) = found else { continue };
        zip.start_file(&*executable.path, options.unix_permissions(0o755)).map_err(of_zip)?;
        let file = File::open(path).map_err(|error| PackageError::io("read", path, error))?;
        let (sha256, _) = copy_hashing(file, &mut zip, MAX_EXECUTABLE_BYTES).map_err(failed)?;
        if sha256 != executable.sha256 {
            let reason = format!("{} changed while it was read", path.display());
            return Err(PackageError::unusable(reason));
        }
    }
    let mut writer = zip.finish().map_err(of_zip)?;
    writer.flush().map_err(failed)?;
    writer.get_ref().sync_all().map_err(failed)
}
