//! Packages made, looked into, unpacked, and refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are part of the test")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sciurus_package::{
    CreateOptions, ExtractOptions, MANIFEST_PATH, PackageError, PackageKind, Platform, create,
    extract, inspect, sha256_of_file,
};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const AMD64: Platform = Platform::LINUX_AMD64;
const ARM64: Platform = Platform::LINUX_ARM64;

/// What passes for an executable: a header, and bytes that tell it from others.
fn elf(platform: &Platform, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[16] = 3;
    bytes[18] = if *platform == AMD64 { 62 } else { 183 };
    bytes.extend_from_slice(body);
    bytes
}

struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn executables(&self) -> Vec<(Platform, PathBuf)> {
        [AMD64, ARM64]
            .map(|platform| {
                let bytes = elf(&platform, platform.as_str().repeat(500).as_bytes());
                let path = self.file(&format!("{platform}/count"), &bytes);
                (platform, path)
            })
            .into()
    }

    fn package(&self) -> PathBuf {
        let out = self.path("count.jar");
        let options = CreateOptions {
            name: Some("Counting".to_owned()),
            entry: Some("words".to_owned()),
            entries: vec!["lines".to_owned(), "words".to_owned()],
            installed: None,
        };
        create(&self.executables(), &options, &out).unwrap();
        out
    }

    fn zip(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let path = self.path(name);
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, bytes) in files {
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn target(&self) -> PathBuf {
        let into = self.path("into");
        fs::create_dir_all(&into).unwrap();
        into
    }

    fn extract(&self, package: &Path, platform: &Platform) -> Result<PathBuf, PackageError> {
        extract(package, platform, &self.target(), &ExtractOptions::default())
    }

    /// What refused unpacking leaves behind.
    fn leftovers(&self) -> usize {
        fs::read_dir(self.target()).unwrap().count()
    }
}

fn manifest(executable: &str, sha256: &str) -> String {
    format!(
        "Manifest-Version: 1.0\nSciurus-Version: 0.1.0\nSciurus-Name: x\n\n\
         Name: {executable}\nSciurus-Platform: linux-amd64\nSciurus-SHA-256: {sha256}\n\n"
    )
}

#[test]
fn a_package_gives_back_what_it_was_made_of() {
    let fixture = Fixture::new();
    let package = fixture.package();
    let info = inspect(&package).unwrap();
    assert_eq!((info.kind.clone(), &*info.name), (PackageKind::Package, "Counting"));
    assert_eq!(info.entry.as_deref(), Some("words"));
    assert_eq!(info.entries, ["lines", "words"]);
    assert_eq!(info.platforms(), [AMD64, ARM64]);
    for (platform, original) in fixture.executables() {
        let found = fixture.extract(&package, &platform).unwrap();
        assert_eq!(found, fixture.target().join("count"));
        assert_eq!(fs::read(&found).unwrap(), fs::read(&original).unwrap());
        assert_eq!(fs::metadata(&found).unwrap().permissions().mode() & 0o7777, 0o755);
        let described = info.executables.iter().find(|found| found.platform == platform).unwrap();
        assert_eq!(described.sha256, Some(sha256_of_file(&original).unwrap().0));
        assert_eq!(described.size_bytes, fs::metadata(&original).unwrap().len());
    }
    assert_eq!(fixture.leftovers(), 1);
}

#[test]
fn the_same_executables_give_the_same_bytes() {
    let first = Fixture::new();
    let second = Fixture::new();
    assert_eq!(fs::read(first.package()).unwrap(), fs::read(second.package()).unwrap());
}

#[test]
fn a_bare_executable_is_a_package_of_one() {
    let fixture = Fixture::new();
    let package = fixture.file("word-count", &elf(&AMD64, b"code"));
    let info = inspect(&package).unwrap();
    assert_eq!((info.kind.clone(), &*info.name), (PackageKind::Executable, "word-count"));
    assert_eq!(info.platforms(), [AMD64]);
    let found = fixture.extract(&package, &AMD64).unwrap();
    assert_eq!(fs::read(found).unwrap(), elf(&AMD64, b"code"));
    let error = fixture.extract(&package, &ARM64).unwrap_err().to_string();
    assert!(error.contains("no executable for linux-arm64, only for linux-amd64"), "{error}");
}

#[test]
fn another_platform_is_refused_with_those_that_there_are() {
    let fixture = Fixture::new();
    let package = fixture.package();
    let wanted: Platform = "freebsd-amd64".parse().unwrap();
    let error = fixture.extract(&package, &wanted).unwrap_err();
    assert!(error.to_string().contains("only for linux-amd64, linux-arm64"), "{error}");
    let error = inspect(&package).unwrap().check_platform(&wanted).unwrap_err();
    assert!(matches!(error, PackageError::WrongPlatform { .. }), "{error}");
}

#[test]
fn a_jvm_jar_is_told_what_it_is_and_what_to_do() {
    let fixture = Fixture::new();
    let text = b"Manifest-Version: 1.0\nMain-Class: org.example.Job\n\n";
    let jar = fixture.zip("job.jar", &[(MANIFEST_PATH, text), ("org/example/Job.class", b"x")]);
    let error = inspect(&jar).unwrap_err();
    assert!(matches!(error, PackageError::JvmJar { .. }), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("class org.example.Job") && error.contains("sciurus package"),
        "{error}"
    );
    // A jar of thousands of classes is still a jar, not just a large zip.
    let classes: Vec<_> = (0..5000).map(|number| format!("c/C{number}.class")).collect();
    let classes: Vec<_> = classes.iter().map(|name| (&**name, &b""[..])).collect();
    let error = inspect(&fixture.zip("fat.jar", &classes)).unwrap_err();
    assert!(matches!(error, PackageError::JvmJar { main_class: None }), "{error}");
}

#[test]
fn what_is_no_package_is_refused_by_what_it_is() {
    let fixture = Fixture::new();
    let refused = |path: &Path| match inspect(path).unwrap_err() {
        PackageError::NotAPackage { found } => found,
        error => panic!("{error}"),
    };
    assert_eq!(refused(&fixture.file("a", b"")), "empty");
    assert_eq!(refused(&fixture.file("b", b"hello, hello, hello, hello")), "something else");
    assert_eq!(refused(&fixture.file("c", b"#!/bin/sh\nexit 0 # and more")), "a script");
    let zip = fixture.zip("d.zip", &[("readme.txt", b"hello")]);
    assert_eq!(refused(&zip), "a zip without a manifest of Sciurus");
    assert_eq!(refused(&fixture.zip("e.zip", &[])), "an empty zip");
    let error = inspect(&fixture.path("absent")).unwrap_err();
    assert!(!error.is_of_package() && error.to_string().contains("absent"), "{error}");
    assert!(!inspect(fixture.dir.path()).unwrap_err().is_of_package());
}

#[test]
fn content_that_differs_from_its_hash_is_refused_and_not_left_behind() {
    let fixture = Fixture::new();
    let text = manifest("bin/linux-amd64/x", &"00".repeat(32));
    let files: [(&str, &[u8]); 2] =
        [(MANIFEST_PATH, text.as_bytes()), ("bin/linux-amd64/x", &elf(&AMD64, b"evil"))];
    let package = fixture.zip("x.jar", &files);
    assert!(inspect(&package).is_ok());
    let error = fixture.extract(&package, &AMD64).unwrap_err();
    assert!(matches!(error, PackageError::WrongExecutable { .. }), "{error}");
    assert_eq!(fixture.leftovers(), 0);
}

#[test]
fn a_file_for_another_platform_than_its_folder_says_is_refused() {
    let fixture = Fixture::new();
    let bytes = elf(&ARM64, b"");
    let sha256 = sha256_of_file(&fixture.file("x", &bytes)).unwrap().0.to_string();
    let text = manifest("bin/linux-amd64/x", &sha256);
    let files: [(&str, &[u8]); 2] =
        [(MANIFEST_PATH, text.as_bytes()), ("bin/linux-amd64/x", &bytes)];
    let error = fixture.extract(&fixture.zip("x.jar", &files), &AMD64).unwrap_err().to_string();
    assert!(error.contains("it is for linux-arm64, not for linux-amd64"), "{error}");
    let executables = [(AMD64, fixture.path("x"))];
    let error = create(&executables, &CreateOptions::default(), &fixture.path("y")).unwrap_err();
    assert!(matches!(error, PackageError::Unusable { .. }), "{error}");
}

#[test]
fn paths_that_lead_out_of_the_package_are_refused() {
    let fixture = Fixture::new();
    for path in
        ["../x", "/etc/x", "bin/linux-amd64/../x", "bin/linux-amd64/", "bin/linux-amd64/a/b"]
    {
        let text = manifest(path, &"00".repeat(32));
        let package = fixture.zip("x.jar", &[(MANIFEST_PATH, text.as_bytes()), (path, b"x")]);
        let error = fixture.extract(&package, &AMD64).unwrap_err();
        assert!(matches!(error, PackageError::Manifest { .. }), "{path}: {error}");
    }
    assert_eq!(fixture.leftovers(), 0);
}

#[test]
fn what_would_fill_the_disk_or_the_memory_is_refused() {
    let fixture = Fixture::new();
    let text = manifest("bin/linux-amd64/x", &"00".repeat(32));
    let bomb = vec![0; 8 << 20];
    let files: [(&str, &[u8]); 2] =
        [(MANIFEST_PATH, text.as_bytes()), ("bin/linux-amd64/x", &bomb)];
    let refused = |path: &Path| {
        let error = inspect(path).unwrap_err();
        assert!(matches!(error, PackageError::TooLarge { .. }), "{error}");
    };
    refused(&fixture.zip("bomb.jar", &files));
    refused(&fixture.zip("manifest.jar", &[(MANIFEST_PATH, &bomb)]));
    let names: Vec<_> = (0..5000).map(|number| format!("f{number}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (&**name, &b""[..])).collect();
    files.push((MANIFEST_PATH, text.as_bytes()));
    refused(&fixture.zip("many.jar", &files));
    let huge = fs::File::create(fixture.path("huge.jar")).unwrap();
    huge.set_len(3 << 30).unwrap();
    refused(&fixture.path("huge.jar"));
}

#[test]
fn a_package_that_is_cut_off_is_damaged() {
    let fixture = Fixture::new();
    let bytes = fs::read(fixture.package()).unwrap();
    for length in [4, 30, bytes.len() / 2, bytes.len() - 1] {
        let package = fixture.file("cut.jar", &bytes[..length]);
        let error = inspect(&package).unwrap_err();
        assert!(error.is_of_package(), "{length}: {error}");
    }
    // Flipped bits in the compressed content are found by unpacking.
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 0x10;
    let package = fixture.file("damaged.jar", &damaged);
    for platform in [AMD64, ARM64] {
        if let Ok(path) = fixture.extract(&package, &platform) {
            let original = fixture.path(&format!("{platform}/count"));
            assert_eq!(fs::read(path).unwrap(), fs::read(original).unwrap());
        }
    }
    let results = [AMD64, ARM64].map(|platform| fixture.extract(&package, &platform).is_err());
    assert!(results.contains(&true));
}

#[test]
fn executables_of_the_machine_are_used_only_where_that_is_allowed() {
    let fixture = Fixture::new();
    let options = ExtractOptions { installed: vec![fixture.path("opt")] };
    let package = |installed: &Path| {
        let options = CreateOptions {
            installed: Some(installed.to_str().unwrap().to_owned()),
            ..CreateOptions::default()
        };
        let out = fixture.path("installed.jar");
        create(&[], &options, &out).unwrap();
        out
    };
    let allowed = fixture.file("opt/jobs/count", &elf(&AMD64, b"code"));
    let path = package(&allowed);
    let info = inspect(&path).unwrap();
    assert_eq!((info.kind, &*info.name), (PackageKind::Installed(allowed.clone()), "count"));
    let found = extract(&path, &AMD64, &fixture.target(), &options).unwrap();
    assert_eq!(found, fs::canonicalize(&allowed).unwrap());

    let outside = fixture.file("other/count", &elf(&AMD64, b"code"));
    symlink(&outside, fixture.path("opt/link")).unwrap();
    for installed in [outside, fixture.path("opt/link"), fixture.path("opt2/count")] {
        let error = extract(&package(&installed), &AMD64, &fixture.target(), &options).unwrap_err();
        assert!(matches!(error, PackageError::Forbidden { .. }), "{error}");
    }
    let absent = package(&fixture.path("opt/absent"));
    let error = extract(&absent, &AMD64, &fixture.target(), &options).unwrap_err();
    assert!(matches!(error, PackageError::Io { .. }), "{error}");
    let script = package(&fixture.file("opt/script", b"#!/bin/sh\nexit 0 # and so on"));
    let error = extract(&script, &AMD64, &fixture.target(), &options).unwrap_err();
    assert!(matches!(error, PackageError::WrongExecutable { .. }), "{error}");

    for detour in ["/opt/flink/../../etc/x", "bin/x", "/opt/flink/a\nb"] {
        let options =
            CreateOptions { installed: Some(detour.to_owned()), ..CreateOptions::default() };
        let error = create(&[], &options, &fixture.path("z.jar")).unwrap_err();
        assert!(matches!(error, PackageError::Manifest { .. }), "{error}");
    }
    assert_eq!(fixture.leftovers(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes, there is a result or an error, and never a file that isn't what was packed.
    #[test]
    fn mutated_packages_never_panic_nor_give_anything_else(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        doubled in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        let mut bytes = fs::read(fixture.package()).unwrap();
        for (position, byte) in flips {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if doubled {
            bytes.extend_from_within(..);
        }
        let package = fixture.file("mutated.jar", &bytes);
        let _ = inspect(&package);
        for platform in [AMD64, ARM64] {
            if let Ok(path) = fixture.extract(&package, &platform) {
                let found = fs::read(path).unwrap();
                let original = fs::read(fixture.path(&format!("{platform}/count"))).unwrap();
                prop_assert_eq!(found, original);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(
        start in prop::sample::select(vec![&b"PK\x03\x04"[..], b"\x7fELF\x02\x01", b"PK\x05\x06", b""]),
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let fixture = Fixture::new();
        let package = fixture.file("any", &[start, &rest].concat());
        let _ = inspect(&package);
        let _ = fixture.extract(&package, &AMD64);
    }
}
