//! Disks that are full or may not be written to: for real, in a process of its own.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use std::io::Write;

use crate::storage::{Storage, StorageErrorKind, StorageOptions};

const DIRECTORY: &str = "SCIURUS_FAILURES_DIRECTORY";
const EXPECTED: &str = "SCIURUS_FAILURES_EXPECTED";

/// Blocks of 512 bytes that a file of the child may have: 1 MB.
const MAX_BLOCKS: u32 = 2_000;

/// Writes 10 MB in both ways and expects both to fail, in a folder that stays as it was.
#[test]
fn child() {
    let Ok(directory) = env::var(DIRECTORY) else { return };
    let expected = match env::var(EXPECTED).unwrap().as_str() {
        "full" => StorageErrorKind::NoSpace,
        _ => StorageErrorKind::PermissionDenied,
    };
    let storage = Storage::new(&StorageOptions::default());
    let url = format!("{directory}/state");
    let bytes = vec![7; 10 << 20];
    let error = storage.put(&url, &bytes).unwrap_err();
    assert_eq!(error.kind(), expected, "{error}");
    assert!(error.to_string().contains(&url), "{error}");
    let written = storage.create(&url).and_then(|mut writer| {
        // The first failure counts, and nothing is written behind it.
        let first = writer.write_all(&bytes).unwrap_err();
        writer.write_all(&bytes).unwrap_err();
        assert!(first.to_string().contains(&url), "{first}");
        writer.finish()
    });
    written.unwrap_err();
    assert!(storage.list(&directory).unwrap().is_empty());
    println!("failed as it should");
}

fn run(command: &mut Command, directory: &Path, expected: &str) -> Option<String> {
    let output = command.env(DIRECTORY, directory).env(EXPECTED, expected).output();
    let output = output.inspect_err(|error| eprintln!("skipped: {error}")).ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    Some(text)
}

const CHILD: [&str; 3] = ["--exact", "tests::failures::child", "--nocapture"];

#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    let directory = tempfile::tempdir().unwrap();
    // A limit to the size of files: what is written beyond fails, and kills nobody.
    let script = format!("ulimit -f {MAX_BLOCKS} && trap '' XFSZ && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(env::current_exe().unwrap()).args(CHILD);
    let text = run(&mut command, directory.path(), "full").unwrap();
    assert!(text.contains("failed as it should"), "{text}");
}

#[test]
fn a_folder_that_may_not_be_written_to_is_told() {
    /// A user without any rights: root may write anywhere.
    const NOBODY: u32 = 65_534;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(CHILD);
    if fs::write(directory.path().join("x"), "").is_ok() {
        fs::remove_file(directory.path().join("x")).unwrap();
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    if let Some(text) = run(&mut command, directory.path(), "forbidden") {
        assert!(text.contains("failed as it should"), "{text}");
    }
}
