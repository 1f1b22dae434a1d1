//! What images without a distribution hold: libraries, certificates, a few files in `/etc`.
//!
//! The libraries are those of this machine that the executables need, and those that jobs of users
//! need as well: they are built elsewhere and run here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ImageError;
use crate::tree::{Node, Owner, Tree};

/// The libraries that a job's executable may need, where the machine has them.
const FOR_JOBS: [&str; 8] = [
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
];

/// Where distributions keep the certificates of authorities.
const CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Where programs look for them first.
const CERTIFICATES_IN_IMAGE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Returns the tree of what the executables need of a system.
///
/// # Errors
/// [`ImageError`] where a library is missing or it can't be found out which are needed.
pub fn tree(executables: &[PathBuf]) -> Result<Tree, ImageError> {
    let mut tree = Tree::new();
    for mounted in ["/proc", "/sys", "/dev"] {
        tree.directory(mounted);
    }
    tree.put("/tmp", Node::Directory, 0o1777, Owner::ROOT);
    tree.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
    // Container runtimes mount their own over it.
    tree.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
    if let Some(path) = CERTIFICATES.iter().map(Path::new).find(|path| path.is_file()) {
        let bytes = std::fs::read(path).map_err(ImageError::io("read", path))?;
        tree.file(CERTIFICATES_IN_IMAGE, bytes);
    }
    let mut libraries = BTreeMap::new();
    for executable in executables {
        libraries.append(&mut needed(executable)?);
    }
    let directories: Vec<_> =
        libraries.keys().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    for name in FOR_JOBS {
        let found = directories.iter().map(|directory| directory.join(name));
        if let Some(path) = found.into_iter().find(|path| path.is_file()) {
            libraries.entry(path.clone()).or_insert(path);
        }
    }
    for (path, real) in libraries {
        tree.program(path, real);
    }
    Ok(tree)
}

/// Returns the libraries that an executable needs: where it looks for them, and where they are.
fn needed(executable: &Path) -> Result<BTreeMap<PathBuf, PathBuf>, ImageError> {
    let output = Command::new("ldd").arg(executable).env("LC_ALL", "C").output();
    let output = output.map_err(|source| ImageError::Program {
        program: "ldd",
        comes_with: "the C library",
        source,
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("not a dynamic executable") || said.contains("statically linked") {
        return Ok(BTreeMap::new());
    }
    if !output.status.success() {
        let (path, message) = (executable.to_owned(), complaint.trim().to_owned());
        return Err(ImageError::ProgramFailed { program: "ldd", path, message });
    }
    let found = libraries(&said).map_err(|library| {
        let library = library.to_owned();
        ImageError::Library { path: executable.to_owned(), library }
    })?;
    let resolved = found.into_iter().map(|path| {
        let real = std::fs::canonicalize(path).map_err(ImageError::io("find", path.as_ref()))?;
        Ok((PathBuf::from(path), real))
    });
    resolved.collect()
}

/// Reads what `ldd` says: the paths of libraries, or the name of one that is missing.
fn libraries(said: &str) -> Result<Vec<&str>, &str> {
    let mut paths = Vec::new();
    for line in said.lines().map(str::trim) {
        let path = match line.split_once(" => ") {
            Some((name, path)) if path.starts_with("not found") => return Err(name),
            Some((_, path)) => path,
            None => line,
        };
        let path = path.split(" (").next().unwrap_or_default();
        // What has no path is given by the kernel.
        if path.starts_with('/') {
            paths.push(path);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_what_ldd_says() {
        let said = "\tlinux-vdso.so.1 (0x00007f3b0ec1a000)\n\
                    \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f3b0dd3e000)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f3b0ec1c000)\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(said), Ok(expected.to_vec()));
        let said = "\tlibz.so.1 => not found\n";
        assert_eq!(libraries(said), Err("libz.so.1"));
    }

    #[test]
    fn the_system_has_the_loader_and_the_c_library_and_room_for_temporary_files() {
        let tree = tree(&[std::env::current_exe().unwrap()]).unwrap();
        let names: Vec<_> =
            tree.iter().filter_map(|(path, _)| path.file_name()?.to_str()).collect();
        assert!(names.iter().any(|name| name.starts_with("ld-")), "{names:?}");
        assert!(names.contains(&"nsswitch.conf"), "{names:?}");
        assert_eq!(tree.get("/tmp").unwrap().mode, 0o1777);
    }
}
